"""A container program that says more than it is asked; one connection at a time, which it keeps."""

import os
import socket
import time

from request import read_head

UNASKED = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nleft"
# Later than whoever asks next asks.
PAUSE_S = 0.2
# So long after its answer it closes, whatever is asked meanwhile: it had no CPU to hear of it.
IDLE_S = 3

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(os.environ["PORT"])))
listener.listen()


def answer(peer: socket.socket, body: bytes, behind: bytes = b"") -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b%b" % (len(body), body, behind))


def serve(peer: socket.socket, number: int) -> None:
    rest = b""
    while True:
        head = read_head(peer)
        if head is None:
            return
        peer.sendall(rest)
        rest = b""
        if head.startswith(b"HEAD "):
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            time.sleep(PAUSE_S)
            peer.sendall(b"body")
        elif b"/late" in head:
            answer(peer, b"own")
            time.sleep(PAUSE_S)
            peer.sendall(UNASKED)
            print("said", flush=True)
        elif b"/idle" in head:
            answer(peer, b"own")
            time.sleep(IDLE_S)
            return
        elif b"/behind" in head:
            answer(peer, b"own", UNASKED)
            rest = b"over"
        else:
            answer(peer, b"%d" % number)


count = 0
while True:
    with listener.accept()[0] as connection:
        count += 1
        try:
            serve(connection, count)
        except OSError:
            pass
