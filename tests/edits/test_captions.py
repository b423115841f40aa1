"""What else is said of a picture loses personal data like its caption, with a receipt of each span."""

import pyarrow as pa

from pipelines.edits.pii import PII_REDACT, redact_items
from pipelines.split.image import IMAGE_FACTS
from schemas.item import item_schema
from tests.split.pictures import roots


def items(said):
    """One picture for each list of (text, language), null for a row without facts."""
    rows = roots([str(number).encode() for number in range(len(said))]).to_pylist()
    facts = [
        texts and {"other_captions": [{"text": t, "source": "alt", "language": language} for t, language in texts]}
        for texts in said
    ]
    made = [row | {"facts": fact or None} for row, fact in zip(rows, facts, strict=True)]
    return pa.RecordBatch.from_pylist(made, schema=item_schema(IMAGE_FACTS))


def test_personal_data_goes_and_the_rest_stays():
    before = items([[("A frog.", None), ("by anna@mail.example", "en")], None, [("A toad.", None)]])
    after, found = redact_items(PII_REDACT, before)
    after.validate(full=True)
    said = [fact and fact["other_captions"] for fact in after.column("facts").to_pylist()]
    assert said == [
        [
            {"text": "A frog.", "source": "alt", "language": None},
            {"text": "by <email>", "source": "alt", "language": "en"},
        ],
        None,
        [{"text": "A toad.", "source": "alt", "language": None}],
    ]
    span = {"field": "other_captions[1].text", "kind": "email", "start": 3, "length": 17}
    assert [(row["verdict"], row["detail"], row["spans"]) for row in found.to_pylist()] == [
        ("edit", "email: 1", [span]),
        *[("keep", None, None)] * 2,
    ]
    assert after.drop_columns(["facts"]) == before.drop_columns(["facts"])
    assert redact_items(PII_REDACT, after)[0] == after
    assert redact_items(PII_REDACT, before.slice(1))[0] == before.slice(1)


def test_a_number_is_read_as_the_language_of_its_own_words_has_it():
    after, _ = redact_items(PII_REDACT, items([[("call 030 901820", "en"), ("call 030 901820", "de")]]))
    texts = [one["text"] for one in after.column("facts")[0].as_py()["other_captions"]]
    assert texts == ["call 030 901820", "call <phone>"]
