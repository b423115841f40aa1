"""The licence of words that another capture says: a page's is its own, a table's that of what it describes; never freer than said."""

from typing import Any

import pytest

from tests.rights.evidence_tables import capture, evidence, item, items, key, licence
from tests.rights.test_judge import judged

PICTURE = {**capture("picture", "https://a.example/p.jpg"), "source": "pictures"}
PAGE = {**capture("page", "https://example.org/p.html"), "source": "pages"}
TABLE = {**capture("page", "upload://pages/metadata.csv"), "source": "pages"}
UNREADABLE = [licence("page", "rel_license", None)]


def by(name: str) -> list[dict[str, Any]]:
    return [licence("page", "rel_license", name)]


@pytest.mark.parametrize(
    ("sayer", "named", "card", "policy", "reason"),
    [
        (PAGE, [], None, "permissive", "licence_unknown"),
        (PAGE, [], None, "permissive+unknown", None),
        (PAGE, [], None, "opt_out_respected", None),
        (PAGE, by("CC-BY-4.0"), None, "permissive", None),
        (PAGE, by("CC-BY-NC-4.0"), None, "permissive", "licence_not_allowed"),
        (PAGE, by("CC-BY-SA-4.0"), None, "permissive", "licence_not_allowed"),
        (PAGE, by("CC-BY-SA-4.0"), None, "open_sharealike", None),
        (PAGE, by("CC-BY-4.0") + by("CC-BY-NC-4.0"), None, "permissive", "licence_conflict"),
        (PAGE, [], "CC-BY-4.0", "permissive", None),
        (PAGE, UNREADABLE, None, "permissive", "licence_unknown"),
        (PAGE, UNREADABLE, "CC-BY-4.0", "permissive", "licence_conflict"),
        (PAGE, by("CC-BY-NC-4.0"), "CC-BY-4.0", "permissive", "licence_not_allowed"),
        (TABLE, [], None, "permissive", None),
        (TABLE, [], "CC-BY-NC-4.0", "permissive", "licence_not_allowed"),
        (TABLE, by("CC-BY-NC-4.0"), None, "permissive", "licence_not_allowed"),
        (TABLE, UNREADABLE, None, "permissive", "licence_unknown"),
        (None, [], None, "permissive", "licence_unknown"),  # a capture of which nothing is known
    ],
)
def test_words_need_a_licence_of_their_own(sayer, named, card, policy, reason) -> None:
    found = evidence([PICTURE, *([sayer] if sayer else [])], (), named, cards={"pages": card, "pictures": None})
    shown = items(item("picture", source="pictures") | {"text_capture_id": key("page")})
    (row,) = judged(shown, found, policy).to_pylist()
    assert row["reason"] == reason
    assert reason is None or row["detail"].startswith(f"its words, of capture {key('page').hex()[:16]}: ")


def test_words_of_the_same_capture_and_no_words_are_judged_once() -> None:
    found = evidence([PICTURE])
    for said_by in (None, key("picture")):
        (row,) = judged(items(item("picture") | {"text_capture_id": said_by}), found, "permissive").to_pylist()
        assert row["reason"] is None
