"""What else is said of a picture loses personal data like its caption."""

import pyarrow as pa

from pipelines.edits.captions import CAPTIONS_REDACT, redact_other_captions
from pipelines.split.image import IMAGE_FACTS
from schemas.item import item_schema, text_sha256
from tests.split.pictures import roots


def items(said):
    """One picture for each list of texts, null for a row without facts."""
    rows = roots([str(number).encode() for number in range(len(said))]).to_pylist()
    facts = [texts and {"other_captions": [{"text": t, "source": "alt"} for t in texts]} for texts in said]
    made = [row | {"facts": fact or None} for row, fact in zip(rows, facts, strict=True)]
    return pa.RecordBatch.from_pylist(made, schema=item_schema(IMAGE_FACTS))


def test_personal_data_goes_and_the_rest_stays():
    before = items([["A frog.", "by anna@mail.example"], None, ["A toad."]])
    after, found = redact_other_captions(CAPTIONS_REDACT, before)
    after.validate(full=True)
    texts = [fact and [one["text"] for one in fact["other_captions"]] for fact in after.column("facts").to_pylist()]
    assert texts == [["A frog.", "by <email>"], None, ["A toad."]]
    assert [(row["verdict"], row["before_sha256"], row["after_sha256"]) for row in found.to_pylist()] == [
        ("edit", text_sha256("A frog.\nby anna@mail.example"), text_sha256("A frog.\nby <email>")),
        *[("keep", None, None)] * 2,
    ]
    assert after.drop_columns(["facts"]) == before.drop_columns(["facts"])
    assert redact_other_captions(CAPTIONS_REDACT, after)[0] == after
    assert redact_other_captions(CAPTIONS_REDACT, before.slice(1))[0] == before.slice(1)
