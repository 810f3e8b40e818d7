"""`size` grey frames, each blurred and held against the one before: how many pixels changed."""

from seeded import Seeded

WIDTH = 64
HEIGHT = 48
CHANGED = 12


def blurred(frame):
    out = bytearray(WIDTH * HEIGHT)
    for y in range(1, HEIGHT - 1):
        for x in range(1, WIDTH - 1):
            total = 0
            for row in range(y - 1, y + 2):
                at = row * WIDTH + x
                total += frame[at - 1] + frame[at] + frame[at + 1]
            out[y * WIDTH + x] = total // 9
    return out


def handler(event, context=None):
    random = Seeded(event["seed"])
    frame = bytearray(random.next(256) for _ in range(WIDTH * HEIGHT))
    before = blurred(frame)
    changed = []
    for _ in range(event["size"]):
        for _ in range(200):
            frame[random.next(WIDTH * HEIGHT)] = random.next(256)
        now = blurred(frame)
        changed.append(sum(1 for a, b in zip(before, now) if abs(a - b) > CHANGED))
        before = now
    return {"frames": len(changed), "changed": sum(changed), "last": changed[-1]}
