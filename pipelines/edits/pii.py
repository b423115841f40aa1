"""Personal data out of texts: e-mail addresses and public IP addresses become placeholders."""

import ipaddress
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.item import ID, text_sha256
from schemas.reasons import Reason

# Source: RFC 5321's everyday form; quantifiers are bounded, so the pattern takes linear time.
EMAIL = re.compile(r"\b[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
HINT = r"@|\d\.\d"


def redact(text: str) -> tuple[str, dict[str, int]]:
    """The text with placeholders, and how many of each kind: `("write to <email>", {"email": 1, "ip": 0})`."""
    text, emails = EMAIL.subn("<email>", text)
    ips = 0

    def address(match: re.Match[str]) -> str:
        nonlocal ips
        try:
            found = ipaddress.ip_address(match[0])
        except ValueError:
            return match[0]
        if found.is_loopback or found.is_unspecified or match[0].startswith(("10.", "192.168.")):
            return match[0]  # names no person: everybody has these
        ips += 1
        return "<ip>"

    return IPV4.sub(address, text), {"email": emails, "ip": ips}


def redact_items(stage: Stage, items: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The items with personal data replaced, and an `edit` decision for each changed one; the data itself is in neither."""
    texts = items.column("text")
    hits = np.flatnonzero(pc.match_substring_regex(texts, HINT).fill_null(False).to_numpy(zero_copy_only=False))
    new_texts, digests = texts.to_pylist(), items.column("content_sha256").to_pylist()
    changed = np.zeros(len(items), dtype=bool)
    before, after, detail = (np.full(len(items), None, dtype=object) for _ in range(3))
    for row in hits.tolist():
        text, counts = redact(new_texts[row])
        if text != new_texts[row]:
            changed[row], before[row] = True, digests[row]
            new_texts[row], digests[row] = text, text_sha256(text)
            after[row] = digests[row]
            detail[row] = ", ".join(f"{kind}: {n}" for kind, n in counts.items() if n)
    found = decisions(items.column("item_id"), stage.name)
    found.set(changed, Verdict.EDIT, Reason.PERSONAL_DATA, before_sha256=before, after_sha256=after, detail=detail)
    schema = items.schema
    items = items.set_column(schema.get_field_index("text"), schema.field("text"), pa.array(new_texts, pa.string()))
    items = items.set_column(
        schema.get_field_index("content_sha256"), schema.field("content_sha256"), pa.array(digests, ID)
    )
    return items, found.batch()


PII_REDACT = Stage(name="pii.redact", version=1, shape=Shape.EDIT, fn=redact_items)
