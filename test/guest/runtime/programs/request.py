"""What programs that speak HTTP by hand read of a request."""

import socket


def read_head(peer: socket.socket) -> bytes | None:
    """To the end of the head at least; None: the connection ended before."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = peer.recv(65536)
        if not part:
            return None
        head += part
    return head
