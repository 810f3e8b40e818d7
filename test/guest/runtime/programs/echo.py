"""The function of a test: answers with what it was sent."""


def handler(event, context):
    return event
