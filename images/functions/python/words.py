"""How often each word stands in a text of `size` words."""

import re
from collections import Counter

from seeded import Seeded, digest

SYLLABLES = ["ba", "ke", "li", "mo", "nu", "ra"]


def handler(event, context=None):
    random = Seeded(event["seed"])
    text = " ".join(
        "".join(SYLLABLES[random.next(6)] for _ in range(1 + random.next(3)))
        for _ in range(event["size"])
    )
    counts = Counter(re.findall(r"[a-z]+", text))
    told = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    lines = "".join(f"{word} {count}\n" for word, count in told)
    return {"words": len(told), "first": told[0][0], "digest": digest(lines.encode())}
