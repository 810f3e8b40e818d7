"""Runs `handler(event, context)` of a module: python3 lambda.py MODULE.FUNCTION.

A client of the AWS Lambda Runtime API (2018-06-01) that needs nothing but Python itself.
"""

import importlib
import json
import os
import sys
import time
import traceback
from http.client import HTTPConnection

PREFIX = "/2018-06-01/runtime"


class Context:
    """What a handler is told beside its event."""

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers.get("Lambda-Runtime-Invoked-Function-Arn", "")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        self._deadline_ms = int(headers.get("Lambda-Runtime-Deadline-Ms", "0"))

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))


def call(api, method, path, body=None, kind=None):
    headers = {"Content-Type": "application/json"}
    if kind:
        headers["Lambda-Runtime-Function-Error-Type"] = kind
    api.request(method, PREFIX + path, body, headers)
    response = api.getresponse()
    return response, response.read()


def report(api, path, error):
    told = {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_tb(error.__traceback__),
    }
    traceback.print_exception(error)
    call(api, "POST", path, json.dumps(told).encode(), f"Runtime.{type(error).__name__}")


def load(name):
    module, _, function = name.rpartition(".")
    sys.path.insert(0, os.environ.get("LAMBDA_TASK_ROOT", os.getcwd()))
    return getattr(importlib.import_module(module.replace("/", ".")), function)


def serve(api, handler):
    while True:
        response, body = call(api, "GET", "/invocation/next")
        request_id = response.headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            event = json.loads(body) if body else None
            answer = json.dumps(handler(event, Context(response.headers))).encode()
        except Exception as error:
            report(api, f"/invocation/{request_id}/error", error)
        else:
            call(api, "POST", f"/invocation/{request_id}/response", answer)


def main():
    api = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    name = sys.argv[1] if len(sys.argv) > 1 else os.environ["_HANDLER"]
    try:
        handler = load(name)
    except Exception as error:
        report(api, "/init/error", error)
        sys.exit(1)
    serve(api, handler)


if __name__ == "__main__":
    main()
