"""What a sample says of rights: of its own capture and of the one whose words it has, the most restrictive first."""

import pytest

from pipelines.evidence import PAGE
from pipelines.shard.work import Place, _known
from pipelines.store import Part
from tests.rights.evidence_tables import evidence, item, items, key, licence, statement
from tests.rights.evidence_tables import pa as arrow

PART = Part(table="x", path="x", sha256="0" * 64, rows=0, bytes=0)
PLACE = Place(items=PART, capture=PART, rights=PART, licence=PART, page=PART, card_licence=None)


@pytest.mark.parametrize(
    ("own", "heard", "decision", "signals"),
    [
        ("allow", "html_meta_tdm:disallow", "disallow", ["html_meta_tdm:disallow", "http_tdm:allow"]),
        ("disallow", "html_meta_tdm:allow", "disallow", ["html_meta_tdm:allow", "http_tdm:disallow"]),
        ("allow", "html_meta_tdm:error", "error", ["html_meta_tdm:error", "http_tdm:allow"]),
        ("unknown", "http_tdm:unknown", "unknown", ["http_tdm:unknown"]),
    ],
)
def test_signals_are_those_of_the_picture_and_of_its_words(own, heard, decision, signals):
    found = evidence((), [statement("picture", "http_tdm", "tdm", own)], [licence("picture", "meta", "CC0-1.0")])
    pages = [{"capture_id": key("page"), "uri": "https://a.example/", "signals": [heard]}]
    shown = items(item("picture") | {"text_capture_id": key("page")}, item("picture", n=1))
    told = _known(shown, found.rights, found.licences, arrow.Table.from_pylist(pages, schema=PAGE), PLACE)
    with_words, alone = told.to_pylist()
    assert (with_words["decision"], with_words["signals"], with_words["page_url"]) == (
        decision,
        signals,
        "https://a.example/",
    )
    assert (alone["signals"], alone["page_url"]) == ([f"http_tdm:{own}"], None)
