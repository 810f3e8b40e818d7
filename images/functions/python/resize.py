"""An RGB image of `size` x `size` made half as wide and high: the mean of four pixels each."""

from seeded import Seeded, digest


def handler(event, context=None):
    random = Seeded(event["seed"])
    size = event["size"]
    image = bytes(random.next(256) for _ in range(size * size * 3))
    stride = size * 3
    small = bytearray()
    for y in range(0, size - 1, 2):
        for x in range(0, size - 1, 2):
            for channel in range(3):
                at = y * stride + x * 3 + channel
                total = image[at] + image[at + 3] + image[at + stride] + image[at + stride + 3]
                small.append(total // 4)
    return {"bytes": len(small), "digest": digest(small)}
