"""Product of two matrices of `size` x `size` whole numbers."""

from seeded import Seeded

PRIME = 1_000_000_007


def handler(event, context=None):
    random = Seeded(event["seed"])
    size = event["size"]
    left = [[random.next(1000) for _ in range(size)] for _ in range(size)]
    right = [[random.next(1000) for _ in range(size)] for _ in range(size)]
    columns = list(zip(*right))
    trace = 0
    check = 0
    for i, row in enumerate(left):
        for j, column in enumerate(columns):
            cell = sum(a * b for a, b in zip(row, column))
            check = (check * 31 + cell) % PRIME
            if i == j:
                trace += cell
    return {"trace": trace, "check": check}
