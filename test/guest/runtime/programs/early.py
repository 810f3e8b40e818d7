"""A container program that answers, or writes, before it has read its request; one thing at a time."""

import os
import socket

from request import read_head

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
# Else the system would hold what nobody reads, and nothing would be seen.
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
listener.bind(("127.0.0.1", int(os.environ["PORT"])))
listener.listen()
# Connections that stay open, and are read from no more.
held: list[socket.socket] = []


def serve(peer: socket.socket) -> None:
    head = read_head(peer)
    if head is None:
        return
    head, body = head.split(b"\r\n\r\n", 1)
    fields = (line.split(b": ") for line in head.lower().split(b"\r\n")[1:])
    length = int(dict(fields)[b"content-length"])
    if b"/refuse" in head:
        peer.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much")
        return
    if b"/hold" in head:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld")
        held.append(peer.dup())
        return
    if b"/shout" in head:
        os.write(1, b"x" * (1 << 20))
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
    left = length
    while left > 0:
        # The head may have come alone.
        body = body or peer.recv(65536)
        if not body:
            return
        peer.sendall(body)
        left -= len(body)
        body = b""


while True:
    with listener.accept()[0] as connection:
        try:
            serve(connection)
        except OSError:
            pass
