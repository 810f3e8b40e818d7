"""`size` bytes of text compressed and brought back."""

import zlib

from seeded import Seeded, digest

LETTERS = b"aaaaabcdefghij klmn"


def handler(event, context=None):
    random = Seeded(event["seed"])
    text = bytes(LETTERS[random.next(len(LETTERS))] for _ in range(event["size"]))
    packed = zlib.compress(text, 6)
    back = zlib.decompress(packed)
    return {"digest": digest(back), "smaller": len(packed) < len(text)}
