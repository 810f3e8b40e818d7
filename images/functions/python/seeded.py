"""Numbers by seed, alike in every language: xorshift32 (Marsaglia, 2003)."""

import hashlib


class Seeded:
    def __init__(self, seed):
        self.state = (seed & 0xFFFFFFFF) or 1

    def next(self, below):
        x = self.state
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        self.state = x
        return x % below


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]
