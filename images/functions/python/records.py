"""JSON of `size` orders read, grouped by customer, and written sorted."""

import json

from seeded import Seeded, digest


def handler(event, context=None):
    random = Seeded(event["seed"])
    orders = [
        {"customer": f"c{random.next(50)}", "cents": random.next(100_000), "open": random.next(2) == 1}
        for _ in range(event["size"])
    ]
    sums = {}
    for order in json.loads(json.dumps(orders)):
        if not order["open"]:
            continue
        one = sums.setdefault(order["customer"], {"customer": order["customer"], "orders": 0, "cents": 0})
        one["orders"] += 1
        one["cents"] += order["cents"]
    told = sorted(sums.values(), key=lambda one: (-one["cents"], one["customer"]))
    text = json.dumps(told, separators=(",", ":"))
    return {"customers": len(told), "digest": digest(text.encode())}
