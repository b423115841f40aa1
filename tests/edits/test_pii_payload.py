"""A caption that loses personal data leaves its picture as it was."""

import pyarrow as pa

from pipelines.edits.pii import PII_REDACT, redact_items
from pipelines.split.image import IMAGE_FACTS
from schemas.item import item_schema, text_sha256
from tests.split.pictures import roots


def captioned(texts):
    """One picture a text."""
    items = roots([text.encode() for text in texts]).to_pylist()
    rows = [item | {"text": text} for item, text in zip(items, texts, strict=True)]
    return pa.RecordBatch.from_pylist(rows, schema=item_schema(IMAGE_FACTS))


def test_the_content_digest_of_an_item_with_a_payload_stays_and_the_receipt_is_of_its_text():
    items = captioned(["Anna, anna@mail.example, in Rome", "A frog."])
    edited, found = redact_items(PII_REDACT, items)
    assert edited.column("text").to_pylist() == ["Anna, <email>, in Rome", "A frog."]
    assert edited.column("content_sha256") == items.column("content_sha256")
    receipts = [(row["verdict"], row["before_sha256"], row["after_sha256"]) for row in found.to_pylist()]
    assert receipts == [
        ("edit", text_sha256("Anna, anna@mail.example, in Rome"), text_sha256("Anna, <email>, in Rome")),
        ("keep", None, None),
    ]
