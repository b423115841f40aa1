"""What others say of a capture."""

import pyarrow as pa

from pipelines.hearsay import said_of
from schemas.annotation import ANNOTATION, Role
from schemas.digest import digest
from tests.split.pictures import SAYER

SUBJECT = "upload://s/a.jpg"


def annotation(text, language, row):
    return {
        "capture_id": SAYER, "subject": SUBJECT, "role": "caption", "text": text, "language": language,
        "location": "table", "locator": f"row {row}", "evidence_sha256": digest("evidence"),
    }  # fmt: skip


def test_words_count_once_in_each_language():
    rows = [annotation("Balsam.", "de", 1), annotation("Balsam.", "en", 2), annotation("Balsam.", "de", 3)]
    captures = pa.RecordBatch.from_pydict({"uri": [SUBJECT, None]})
    said = said_of(captures, pa.Table.from_pylist(rows, schema=ANNOTATION), [Role.CAPTION], {}).to_pylist()
    assert [(one["language"], one["locator"]) for one in said[0]] == [("de", "row 1"), ("en", "row 2")]
    assert said[1] == []


def test_the_same_words_count_as_those_of_their_freest_sayer():
    rows = [annotation("Balsam.", "de", n) | {"capture_id": bytes([n]) * 32} for n in (1, 2, 3)]
    captures = pa.RecordBatch.from_pydict({"uri": [SUBJECT]})
    ranks = {bytes([n]) * 32: rank for n, rank in ((1, 3), (2, 1), (3, 4))}
    ((one,),) = said_of(captures, pa.Table.from_pylist(rows, schema=ANNOTATION), [Role.CAPTION], ranks).to_pylist()
    assert (one["locator"], one["rights_rank"]) == ("row 2", 1)
