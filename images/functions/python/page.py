"""HTML templating: a table of `size` rows, everything escaped."""

from html import escape
from string import Template

from seeded import Seeded, digest

ROW = Template('<tr class="$shade"><td>$index</td><td>$name</td><td>$price</td></tr>\n')
WORDS = ["tea & cake", "<bold>", 'a "cup"', "bread", "salt", "plum"]


def handler(event, context=None):
    random = Seeded(event["seed"])
    rows = []
    for index in range(event["size"]):
        name = WORDS[random.next(len(WORDS))]
        price = random.next(10_000)
        rows.append(
            ROW.substitute(
                shade="even" if index % 2 == 0 else "odd",
                index=index,
                name=escape(name, quote=False),
                price=f"{price // 100}.{price % 100:02d}",
            )
        )
    html = "<table>\n" + "".join(rows) + "</table>\n"
    return {"bytes": len(html), "digest": digest(html.encode())}
