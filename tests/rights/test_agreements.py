"""Terms and contracts that a source card states: read strictly, told as evidence, ended in time, and never over a reservation."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.recipe import dump, loads
from pipelines.rights.agreements import agreement_rows
from schemas.digest import sha256
from schemas.errors import CardError
from schemas.rights import RIGHTS
from schemas.source import SourceCard, card_from, load_card
from tests.rights.evidence_tables import capture, evidence, item, items
from tests.rights.test_judge import judged

CARD = {"name": "web", "kind": "licensed", "title": "Ours", "provider": "Example Media", "contact": "a@example.org"}
IN_TIME, TOO_LATE = datetime(2027, 3, 31, 23, 59, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)


def card(base: Path = Path(), kind: str = "licensed", **stated: Any) -> SourceCard:
    return card_from(CARD | {"kind": kind} | stated, where="card", base=base)


def said(found: SourceCard, at: datetime = IN_TIME) -> set[tuple[str, str, str]]:
    return {(row["mechanism"], row["usage"], row["verdict"]) for row in agreement_rows(found, at)}


FULL = {"reference": "Agreement 2026-17", "allows": ["train-ai", "tdm"], "disallows": "search", "until": "2027-03-31"}


@pytest.mark.parametrize(
    ("kind", "stated", "rows"),
    [
        ("licensed", {"contract": FULL}, {("contract", "train-ai", "allow"), ("contract", "tdm", "allow"), ("contract", "search", "disallow")}),
        # a licensed source is there because a contract allows it: what that leaves out is not allowed
        ("licensed", {"contract": "Agreement 2026-17"}, {("contract", "all", "unknown"), ("contract", "train-ai", "disallow")}),
        ("licensed", {"contract": {"reference": "x", "allows": "search"}}, {("contract", "search", "allow"), ("contract", "train-ai", "disallow")}),
        ("licensed", {"contract": {"reference": "x", "allows": "all"}}, {("contract", "all", "allow")}),
        ("user", {"contract": "Agreement 2026-17"}, {("contract", "all", "unknown")}),
        ("web_crawl", {"terms": "https://example.org/terms"}, {("tos", "all", "unknown")}),
        ("web_crawl", {"terms": {"reference": "https://example.org/terms", "disallows": ["tdm"]}}, {("tos", "tdm", "disallow")}),
        ("user", {}, set()),
    ],
)  # fmt: skip
def test_each_usage_that_is_stated_is_a_row(kind, stated, rows) -> None:
    assert said(card(kind=kind, **stated)) == rows


def test_the_last_day_is_the_last_on_which_anything_is_allowed() -> None:
    found = card(contract=FULL)
    assert ("contract", "train-ai", "allow") in said(found, IN_TIME)
    assert said(found, TOO_LATE) == {("contract", "all", "disallow")}


def test_a_row_says_where_it_stands_and_until_when(tmp_path) -> None:
    (tmp_path / "signed.pdf").write_bytes(b"%PDF agreement")
    found = card(tmp_path, contract=FULL | {"file": "signed.pdf", "party": "A. Author"})
    rows = agreement_rows(found, IN_TIME)
    assert pa.Table.from_pylist(rows, schema=RIGHTS).num_rows == 3
    (one,) = (row for row in rows if row["usage"] == "train-ai")
    assert one["subject"] == "web"
    assert one["locator"] == "card web, contract allows"
    assert one["excerpt"] == "Agreement 2026-17 (A. Author): allows tdm, train-ai; disallows search; until 2027-03-31"
    assert one["evidence_sha256"] == sha256(b"%PDF agreement")
    assert one["valid_until"] == TOO_LATE
    without = agreement_rows(card(contract=FULL), IN_TIME)
    assert {row["evidence_sha256"] for row in without} == {row["capture_id"] for row in without}  # of the card itself


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({}, "needs a [contract]"),
        ({"contract": 3}, "reference must be a string"),
        ({"contract": ""}, "'reference' is missing"),
        ({"contract": {"allows": "train-ai"}}, "'reference' is missing"),
        (
            {"contract": FULL | {"allows": ["training"]}},
            "'training' is no usage; known ones: train-ai, tdm, search, all",
        ),
        ({"contract": FULL | {"allows": [["all"]]}}, "['all'] is no usage"),
        ({"contract": FULL | {"disallows": ["tdm"]}}, "tdm is in allows and in disallows"),
        ({"contract": FULL | {"until": "soon"}}, "contract.until must be a day, YYYY-MM-DD, is 'soon'"),
        ({"contract": FULL | {"until": IN_TIME}}, "contract.until must be a day"),
        ({"contract": FULL | {"party": 7}}, "contract.party must be a string"),
        (
            {"contract": FULL | {"file": "none.pdf"}},
            "none.pdf cannot be read (No such file or directory); state its `sha256`",
        ),
        ({"contract": FULL | {"allow": "tdm"}}, "unknown key 'allow'; known keys: reference, party, allows"),
        ({"contract": FULL, "agreements": []}, "unknown key 'agreements'"),
    ],
)
def test_what_a_card_cannot_say_is_refused_by_name(stated, says) -> None:
    with pytest.raises(CardError) as error:
        card(**stated)
    assert says in str(error.value)


def test_the_card_of_the_page_about_rights_is_one(tmp_path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "rights.md").read_text("utf-8")
    (tmp_path / "card.toml").write_text(page.split("```toml\n")[1].split("```")[0], "utf-8")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "2026-17.pdf").write_bytes(b"%PDF")
    found = load_card(tmp_path / "card.toml")
    assert ("tos", "all", "unknown") in said(found)
    assert ("contract", "train-ai", "allow") in said(found)


def test_another_text_than_the_one_stated_is_refused(tmp_path) -> None:
    (tmp_path / "terms.txt").write_bytes(b"new terms")
    with pytest.raises(CardError, match="another text"):
        card(tmp_path, contract=FULL | {"file": "terms.txt", "sha256": sha256(b"old terms").hex()})


def test_a_recipe_comes_back_from_its_dump_with_all_that_its_cards_state(tmp_path) -> None:
    (tmp_path / "signed.pdf").write_bytes(b"%PDF agreement")
    text = """
format = 1
name = "tiny"
policy = "permissive"
[[source]]
lane = "web"
from = "archives"
[source.card]
name = "tiny"
kind = "licensed"
title = "Tiny"
provider = "us"
contact = "a@example.org"
terms = "https://example.org/terms"
[source.card.contract]
reference = "Agreement 2026-17"
allows = "train-ai"
until = 2027-03-31
file = "signed.pdf"
"""
    recipe = loads(text, base=tmp_path)
    again = loads(dump(recipe), base=tmp_path / "elsewhere")
    assert again == recipe
    assert again.digest == recipe.digest
    assert recipe.sources[0].card.contract == "Agreement 2026-17"
    assert recipe.digest != loads(text.replace("2027-03-31", "2027-04-01"), base=tmp_path).digest


@pytest.mark.parametrize("name", ["opt_out_respected", "permissive"])
@pytest.mark.parametrize(
    ("stated", "at", "reason"),
    [
        ({"contract": FULL}, IN_TIME, None),
        ({"contract": FULL}, TOO_LATE, "terms_opt_out"),
        ({"contract": "Agreement 2026-17"}, IN_TIME, "terms_opt_out"),
        ({"contract": FULL, "terms": {"reference": "x", "disallows": "train-ai"}}, IN_TIME, "terms_opt_out"),
        ({"contract": FULL, "terms": {"reference": "x", "disallows": "search"}}, IN_TIME, None),
    ],
)
def test_the_most_restrictive_of_terms_and_contract_wins(name, stated, at, reason) -> None:
    rows = agreement_rows(card(**stated), at)
    found = evidence([capture("page", "https://example.org/")], rows)
    one, other = judged(items(item("page"), item("page", source="another", n=1)), found, name).to_pylist()
    assert one["reason"] == reason
    assert other["reason"] is None


def test_the_source_of_the_words_has_a_say_too() -> None:
    rows = agreement_rows(card(contract=FULL), TOO_LATE)
    picture = {**capture("picture", "https://a.example/p.jpg"), "source": "pictures"}
    found = evidence([picture, capture("page", "https://example.org/")], rows)
    shown = items(item("picture", source="pictures") | {"text_capture_id": capture("page", None)["capture_id"]})
    assert judged(shown, found).to_pylist()[0]["reason"] == "terms_opt_out"
