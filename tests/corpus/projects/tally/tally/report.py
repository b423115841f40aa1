"""What the program prints: a table for people, JSON for other programs."""

import json

BAR_WIDTH = 30


def table(tally, number):
    """Lines of a table: word, count, and a bar as long as the count is large."""
    rows = tally.most(number)
    if not rows:
        return ["no words"]
    widest = max(len(word) for word, _ in rows)
    largest = rows[0][1]
    lines = []
    for word, count in rows:
        bar = "#" * max(1, round(BAR_WIDTH * count / largest))
        lines.append(f"{word:<{widest}}  {count:>6}  {bar}")
    lines.append(f"{tally.total} words in {tally.lines} lines, {len(tally.counts)} of them distinct")
    return lines


def as_json(tally, number):
    """The same as one JSON object, keys in order."""
    rows = [{"word": word, "count": count} for word, count in tally.most(number)]
    return json.dumps({"lines": tally.lines, "total": tally.total, "words": rows}, ensure_ascii=False)
