"""A program that ends behind its answer, or before it: by HTTP, or as a client of the Lambda API."""

import http.client
import os
import socket
import time

ANSWER = b"x" * (6 << 20)
STATUS = 3
# Later than whoever calls next calls, also on a host that does much else.
PAUSE_S = 3
# As much as a pipe holds.
LAST_WORDS = b"w" * (64 << 10)


def serve_http() -> None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(os.environ["PORT"])))
    listener.listen()
    while True:
        peer = listener.accept()[0]
        head = peer.recv(65536)
        if not head:
            continue
        if b"/words" in head:
            os.write(2, LAST_WORDS)
        elif b"/without" not in head:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
        os._exit(STATUS)


def serve_lambda(api: str) -> None:
    client = http.client.HTTPConnection(api)
    client.request("GET", "/2018-06-01/runtime/invocation/next")
    event = client.getresponse()
    request = event.headers["Lambda-Runtime-Aws-Request-Id"]
    what = event.read()
    if b"without" not in what:
        other = http.client.HTTPConnection(api)
        other.request("POST", f"/2018-06-01/runtime/invocation/{request}/response", ANSWER)
        if b"linger" in what:
            other.getresponse().read()
            time.sleep(PAUSE_S)
    os._exit(STATUS)


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    serve_lambda(os.environ["AWS_LAMBDA_RUNTIME_API"])
else:
    serve_http()
