"""The judge of rights on evidence made by hand: every reason, every tie, what is unknown, and the key of its evidence."""

import dataclasses
import itertools
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.rights.judge import evidence_key, rights_stage
from pipelines.rights.policy import policy
from pipelines.rights.weighed import Evidence
from schemas.decision import DECISION
from schemas.reasons import Reason
from schemas.rights import Mechanism, RightsVerdict, Usage
from tests.rights.evidence_tables import (
    NOON,
    at,
    capture,
    evidence,
    item,
    items,
    licence,
    robots,
    site_statement,
    statement,
)

HOST = "https://example.org"
PAGE = capture("page", f"{HOST}/private/a.html?q=1")
NO_CCBOT = "User-agent: CCBot\nDisallow: /\n"


def judged(
    rows: pa.RecordBatch, found: Evidence, name: str = "opt_out_respected", agents: tuple[str, ...] = ("CCBot", "*")
) -> Any:
    stage = rights_stage(policy(name), agents)
    return stage.fn(stage, rows, found)


def verdict(
    found: Evidence, name: str = "opt_out_respected", agents: tuple[str, ...] = ("CCBot", "*"), **columns: Any
) -> Any:
    """(reason, detail) of one item of PAGE; null reason: kept."""
    row = judged(items(item("page", **columns)), found, name, agents).to_pylist()[0]
    assert (row["verdict"] == "drop") == (row["reason"] is not None)
    return row["reason"], row["detail"]


def reason(found: Evidence, **arguments: Any) -> Any:
    return verdict(found, **arguments)[0]


def test_one_decision_an_item_in_input_order_whatever_was_found() -> None:
    found = evidence([PAGE, capture("open", f"{HOST}/b")], [statement("page", "http_x_robots")])
    rows = items(item("page", n=1), item("open"), item("page", n=2), item("never captured"))
    decisions = judged(rows, found)
    assert decisions.schema == DECISION
    assert decisions.column("item_id").equals(rows.column("item_id"))
    assert decisions.column("reason").to_pylist() == ["header_opt_out", None, "header_opt_out", None]
    assert decisions.column("verdict").to_pylist() == ["drop", "keep", "drop", "keep"]
    assert set(decisions.column("stage").to_pylist()) == {"rights"}
    assert len(judged(rows.slice(0, 0), found)) == 0


def test_without_evidence_an_item_is_kept() -> None:
    assert verdict(evidence([PAGE])) == (None, None)


@pytest.mark.parametrize(
    ("mechanism", "expected"),
    [
        ("http_x_robots", Reason.HEADER_OPT_OUT), ("http_tdm", Reason.HEADER_OPT_OUT),
        ("http_content_usage", Reason.HEADER_OPT_OUT), ("html_meta_robots", Reason.META_OPT_OUT),
        ("html_meta_tdm", Reason.META_OPT_OUT), ("xmp_plus_datamining", Reason.FILE_OPT_OUT),
        ("request", Reason.TAKEN_DOWN), ("robots_path", Reason.ROBOTS_DISALLOWED),
    ],
)  # fmt: skip
def test_what_a_capture_says_of_itself(mechanism: str, expected: Reason) -> None:
    found = evidence([PAGE], [statement("page", mechanism, locator="byte 7", excerpt="noai")])
    assert verdict(found) == (expected, 'byte 7 "noai"')


@pytest.mark.parametrize(
    ("columns", "counts"),
    [
        ({"verdict": "disallow"}, True),
        ({"verdict": "error"}, True),
        ({"verdict": "allow"}, False),
        ({"verdict": "unknown"}, False),
        ({"usage": "tdm"}, True),
        ({"usage": "all"}, True),
        ({"usage": "search"}, False),
        ({"agent": "ccbot"}, True),
        ({"agent": "CCBOT"}, True),
        ({"agent": "googlebot"}, False),
    ],
)
def test_which_statements_count(columns: dict[str, str], counts: bool) -> None:
    own = evidence([PAGE], [statement("page", "http_x_robots", **columns)])
    site = evidence([PAGE], [site_statement(HOST, "wellknown_tdmrep", **columns)])
    assert (reason(own), reason(site)) == (("header_opt_out", "site_opt_out") if counts else (None, None))


def test_a_statement_of_another_capture_does_not_count() -> None:
    assert reason(evidence([PAGE], [statement("other", "http_x_robots")])) is None


def test_a_statement_that_cannot_be_read_is_named_as_such() -> None:
    found = evidence(
        [PAGE], [statement("page", "http_tdm", usage="tdm", verdict="error", excerpt="TDM-Reservation: maybe")]
    )
    assert verdict(found) == ("header_opt_out", 'here "TDM-Reservation: maybe" (cannot be read)')


@pytest.mark.parametrize(
    ("subject", "counts"),
    [
        (HOST, True),
        (f"{HOST}/private/", True),
        (f"{HOST}/*.html", True),
        (f"{HOST}/public/", False),
        ("http://example.org", True),  # the other scheme of the same host, where the exact origin has none
        ("https://www.example.org", False),
        ("https://example.org.evil.net", False),
        ("https://example.org:8443", False),
    ],
)
def test_a_site_wide_statement_covers_its_paths(subject: str, counts: bool) -> None:
    found = evidence(
        [PAGE], [site_statement(subject, "wellknown_tdmrep", usage="tdm", locator="rule 1", excerpt="[1]")]
    )
    assert verdict(found) == (("site_opt_out", f'{HOST}: rule 1 "[1]"') if counts else (None, None))


def test_of_several_patterns_the_longest_counts_and_a_tie_reserves() -> None:
    def said(*pairs: tuple[str, str]) -> Any:
        return reason(
            evidence([PAGE], [site_statement(HOST + p, "wellknown_tdmrep", usage="tdm", verdict=v) for p, v in pairs])
        )

    assert said(("", "disallow"), ("/private/", "allow")) is None
    assert said(("", "allow"), ("/private/", "disallow")) == "site_opt_out"
    assert said(("/private/", "allow"), ("/private/", "disallow")) == "site_opt_out"


def test_a_site_file_counts_as_of_the_fetch() -> None:
    def said(*pairs: tuple[float, str]) -> Any:
        rows = [site_statement(HOST, "wellknown_tdmrep", usage="tdm", verdict=v, observed_at=at(h)) for h, v in pairs]
        return reason(evidence([PAGE], rows))

    assert said((-2, "disallow"), (-1, "allow"), (1, "disallow")) is None
    assert said((-2, "allow"), (0, "disallow"), (1, "allow")) == "site_opt_out"
    assert said((1, "disallow"), (2, "allow")) == "site_opt_out"


def test_lines_about_use_in_robots_txt_are_site_opt_outs() -> None:
    body = "User-agent: *\nContent-Signal: ai-train=no\n"
    assert verdict(evidence([PAGE], robots=[robots(HOST, body)])) == (
        "site_opt_out", f'{HOST}: line 2 "Content-Signal: ai-train=no"'
    )  # fmt: skip
    of_part = "User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /private/ train-ai=y\n"
    assert reason(evidence([PAGE], robots=[robots(HOST, of_part)])) is None


def test_rows_about_lines_in_robots_txt_count_only_where_no_robots_txt_is_known() -> None:
    row = site_statement(HOST, "robots_content_signal", observed_at=at(-9))
    assert reason(evidence([PAGE], [row])) == "site_opt_out"
    assert reason(evidence([PAGE], [row], robots=[robots(HOST, "User-agent: *\nDisallow:\n", hours=-1)])) is None
    assert reason(evidence([PAGE], [row], robots=[robots(HOST, status=404, hours=-1)])) is None


def test_robots_txt_bars_any_agent_that_counts_and_the_detail_names_line_and_rule() -> None:
    found = evidence([PAGE], robots=[robots(HOST, NO_CCBOT)])
    assert verdict(found) == ("robots_disallowed", 'CCBot: line 2 "Disallow: /"')
    assert verdict(found, agents=("ccbot",)) == ("robots_disallowed", 'ccbot: line 2 "Disallow: /"')
    assert reason(found, agents=("GPTBot", "*")) is None
    everyone = evidence([PAGE], robots=[robots(HOST, "User-agent: *\nDisallow: /private/*?q=\n")])
    assert reason(everyone, agents=("*",)) == "robots_disallowed"
    assert reason(everyone, agents=("GPTBot",)) == "robots_disallowed"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, None),
        (200, None),
        (301, None),
        (403, "robots_unreachable"),
        (503, "robots_unreachable"),
        (None, "robots_unreachable"),
    ],
)
def test_the_status_of_robots_txt(status: int | None, expected: str | None) -> None:
    assert reason(evidence([PAGE], robots=[robots(HOST, status=status)])) == expected


def test_an_unreachable_robots_txt_is_named() -> None:
    found = [verdict(evidence([PAGE], robots=[robots(HOST, status=status)]))[1] for status in (503, None)]
    assert found == [f"{HOST}/robots.txt answered 503", f"{HOST}/robots.txt did not answer"]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ({-2: NO_CCBOT, -1: ""}, None),
        ({-2: "", -1: NO_CCBOT}, "robots_disallowed"),
        ({-1: "", 0: NO_CCBOT}, "robots_disallowed"),
        ({-1: "", 1: NO_CCBOT}, None),
        ({1: NO_CCBOT, 2: ""}, "robots_disallowed"),
        ({1: "", 2: NO_CCBOT}, None),
    ],
)
def test_robots_txt_counts_as_of_the_fetch(hours: dict[int, str], expected: str | None) -> None:
    rows = [robots(HOST, body, hours=hour) for hour, body in hours.items()]
    for order in (rows, rows[::-1]):
        assert reason(evidence([PAGE], robots=order)) == expected


def test_a_page_without_a_time_takes_the_latest_robots_txt() -> None:
    page = capture("page", f"{HOST}/a", None)
    assert (
        reason(evidence([page], robots=[robots(HOST, "", hours=1), robots(HOST, NO_CCBOT, hours=2)]))
        == "robots_disallowed"
    )


def test_the_other_scheme_counts_where_the_exact_origin_has_no_robots_txt() -> None:
    other = robots("http://example.org", NO_CCBOT)
    assert reason(evidence([PAGE], robots=[other])) == "robots_disallowed"
    assert reason(evidence([PAGE], robots=[other, robots(HOST, "")])) is None
    assert reason(evidence([capture("page", "https://example.org:8443/")], robots=[other])) is None
    assert reason(evidence([PAGE], robots=[robots("https://www.example.org", NO_CCBOT)])) is None


def hop(origin: str, to: str) -> Any:
    return robots(origin, status=301, location=to)


def test_redirects_of_robots_txt_are_followed_through_captured_rows() -> None:
    www = "https://www.example.org"
    end = robots(www, NO_CCBOT)
    assert reason(evidence([PAGE], robots=[hop(HOST, f"{www}/robots.txt"), end])) == "robots_disallowed"
    assert reason(evidence([PAGE], robots=[hop(HOST, f"{www}/robots.txt")])) is None
    assert reason(evidence([PAGE], robots=[hop(HOST, f"{www}/sorry.html"), end])) is None
    assert reason(evidence([PAGE], robots=[hop(HOST, f"{HOST}/robots.txt")])) is None
    assert (
        reason(evidence([PAGE], robots=[hop(HOST, f"{www}/robots.txt"), robots(www, status=500)]))
        == "robots_unreachable"
    )


@pytest.mark.parametrize(("hops", "expected"), [(5, "robots_disallowed"), (6, None)])
def test_at_most_five_redirects_are_followed(hops: int, expected: str | None) -> None:
    origins = [HOST, *(f"https://h{i}.org" for i in range(hops))]
    chain = [hop(a, f"{b}/robots.txt") for a, b in itertools.pairwise(origins)]
    assert reason(evidence([PAGE], robots=[*chain, robots(origins[-1], NO_CCBOT)])) == expected


@pytest.mark.parametrize("uri", [None, "file:///photos/a.jpg", "photos/a.jpg", "ftp://example.org/a", "https://"])
def test_robots_txt_does_not_apply_to_what_is_no_web_page(uri: str | None) -> None:
    assert reason(evidence([capture("page", uri)], robots=[robots(HOST, NO_CCBOT)])) is None


def test_paths_are_compared_as_a_url_parser_writes_them() -> None:
    page = capture("page", "HTTPS://Example.ORG:443/a/../ü?x#y")
    body = "User-agent: *\nDisallow: /%c3%bc?x$\n"
    assert reason(evidence([page], robots=[robots(HOST, body)])) == "robots_disallowed"


@pytest.mark.parametrize(
    ("own", "card", "expected"),
    [
        ("MIT", None, None),
        (None, "CC-BY-4.0", None),
        (None, None, ("licence_unknown", "neither the item nor the source card web names a licence; "
                      "policy permissive allows public_domain, permissive")),
        ("CC-BY-NC-4.0", "CC0-1.0", ("licence_not_allowed", "CC-BY-NC-4.0 is restricted; "
                                     "policy permissive allows public_domain, permissive")),
        (None, "GPL-2.0-only", ("licence_not_allowed", "GPL-2.0-only (of the source card web) is sharealike; "
                                "policy permissive allows public_domain, permissive")),
        ("NoSuch-1.0", None, ("licence_not_allowed", "NoSuch-1.0 is unknown; "
                              "policy permissive allows public_domain, permissive")),
    ],
)  # fmt: skip
def test_the_licence_of_the_item_or_else_of_the_card(own: str | None, card: str | None, expected: Any) -> None:
    found = evidence([PAGE], cards={"web": card})
    assert verdict(found, name="permissive", licence=own) == (expected or (None, None))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("public_domain", {"CC0-1.0"}),
        ("permissive", {"CC0-1.0", "MIT"}),
        ("open_sharealike", {"CC0-1.0", "MIT", "CC-BY-SA-4.0"}),
        ("opt_out_respected", {"CC0-1.0", "MIT", "CC-BY-SA-4.0", "CC-BY-NC-4.0", None}),
    ],
)
def test_what_each_policy_keeps(name: str, kept: set[str | None]) -> None:
    licences = ["CC0-1.0", "MIT", "CC-BY-SA-4.0", "CC-BY-NC-4.0", None]
    assert {own for own in licences if reason(evidence([PAGE]), name=name, licence=own) is None} == kept


def test_a_licence_does_not_buy_back_an_opt_out() -> None:
    found = evidence([PAGE], [statement("page", "html_meta_robots")])
    assert [reason(found, name=name) for name in ("public_domain", "opt_out_respected")] == ["meta_opt_out"] * 2


def test_licences_that_disagree_drop_where_the_strictest_is_not_allowed() -> None:
    found = evidence(
        [PAGE], licences=[licence("page", "rel_license", "CC-BY-4.0"), licence("page", "footer", "CC-BY-SA-4.0")]
    )
    assert verdict(found, name="permissive", licence="CC-BY-4.0") == (
        "licence_conflict", "the page names CC-BY-4.0, and elsewhere a licence that is sharealike; "
        "policy permissive allows public_domain, permissive",
    )  # fmt: skip
    assert reason(found, name="open_sharealike", licence="CC-BY-4.0") is None
    # A file with a licence of its own inside the same capture is not touched.
    assert reason(found, name="permissive", licence="MIT") is None


def test_the_card_does_not_speak_over_a_licence_that_cannot_be_read() -> None:
    found = evidence([PAGE], licences=[licence("page", "licence_file", None)], cards={"web": "MIT"})
    assert reason(found, name="permissive", licence=None) == "licence_conflict"
    assert reason(found, name="opt_out_respected", licence=None) is None


def test_the_first_bar_in_declared_order_is_the_reason() -> None:
    own, site = statement("page", "http_x_robots"), site_statement(HOST, "wellknown_tdmrep")
    barred = [robots(HOST, NO_CCBOT)]
    assert reason(evidence([PAGE], [own, site], robots=barred), licence=None, name="permissive") == "header_opt_out"
    assert reason(evidence([PAGE], [site], robots=barred), licence=None, name="permissive") == "site_opt_out"
    assert reason(evidence([PAGE], [], robots=barred), licence=None, name="permissive") == "robots_disallowed"
    assert reason(evidence([PAGE]), licence=None, name="permissive") == "licence_unknown"


def test_the_stage_is_identified_by_policy_and_agents() -> None:
    ids = {
        rights_stage(policy(name), agents).op_id
        for name in ("permissive", "public_domain")
        for agents in (("a",), ("a", "b"))
    }
    assert len(ids) == 4
    stage = rights_stage(policy("permissive"), ("a",))
    assert (stage.name, stage.settings["policy"], stage.settings["agents"]) == ("rights", "permissive", ("a",))


# A world of three pages on two sites, with evidence of every kind, some of it about nobody here.
PAGES = [PAGE, capture("b", f"{HOST}/b", at(3)), capture("c", "http://other.net/c")]
RIGHTS_ROWS = [
    statement("page", "http_x_robots", agent="gptbot"), statement("c", "html_meta_tdm", usage="tdm"),
    site_statement(HOST + "/b", "wellknown_tdmrep", usage="tdm", observed_at=at(2)),
    site_statement(HOST, "wellknown_tdmrep", usage="tdm", verdict="allow", observed_at=at(-2)),
    site_statement("http://nobody.net", "wellknown_tdmrep"), statement("nobody", "http_tdm"),
]  # fmt: skip
LICENCE_ROWS = [
    licence("page", "meta", "CC-BY-4.0"),
    licence("page", "footer", "CC-BY-NC-4.0"),
    licence("nobody", "meta", "MIT"),
]
ROBOTS_ROWS = [robots(HOST, hours=-1), robots(HOST, NO_CCBOT, hours=1), robots("http://nobody.net", NO_CCBOT)]
ITEMS = [item("page", n=0), item("page", "CC-BY-4.0", n=1), item("b"), item("c", None), item("gone")]


def world(**changed: Any) -> Evidence:
    return evidence(
        **({"captures": PAGES, "rights": RIGHTS_ROWS, "licences": LICENCE_ROWS, "robots": ROBOTS_ROWS} | changed)
    )


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_order_and_batches_change_neither_decisions_nor_key(seed: int) -> None:
    def mixed(rows: list[Any]) -> list[Any]:
        return random.Random(seed).sample(rows, len(rows))

    other = world(
        captures=mixed(PAGES), rights=mixed(RIGHTS_ROWS * 2), licences=mixed(LICENCE_ROWS), robots=mixed(ROBOTS_ROWS)
    )
    rows, cut = mixed(ITEMS), seed % len(ITEMS)
    whole = {d["item_id"]: d for d in judged(items(*ITEMS), world(), "permissive").to_pylist()}
    for part in (rows[:cut], rows[cut:]):
        assert judged(items(*part), other, "permissive").to_pylist() == [whole[row["item_id"]] for row in part]
    assert evidence_key(items(*rows), other) == evidence_key(items(*ITEMS), world())


def test_the_key_changes_with_every_row_that_was_looked_up_and_with_no_other() -> None:
    rows = items(*ITEMS)
    key = evidence_key(rows, world())
    assert len(key) == 32
    elsewhere = [
        world(robots=[*ROBOTS_ROWS, robots("https://new.net", NO_CCBOT), robots(HOST, "", hours=9)]),
        world(
            rights=[*RIGHTS_ROWS, statement("other", "http_tdm"), site_statement("https://new.net", "wellknown_tdmrep")]
        ),
        world(licences=[*LICENCE_ROWS, licence("other", "meta", "MIT")]),
        world(captures=[*PAGES, capture("other", HOST)]),
        world(cards={"books": "MIT"}),
    ]
    assert {evidence_key(rows, other) for other in elsewhere} == {key}
    here = [
        world(robots=ROBOTS_ROWS[1:]),
        world(robots=[robots(HOST, "User-agent: *\n", hours=-1), *ROBOTS_ROWS[1:]]),
        world(robots=[*ROBOTS_ROWS, robots(HOST, "", hours=2)]),
        world(robots=[*ROBOTS_ROWS, robots("https://other.net", "")]),
        world(rights=RIGHTS_ROWS[1:]),
        world(rights=[*RIGHTS_ROWS, site_statement("https://other.net", "wellknown_tdmrep", observed_at=NOON)]),
        world(licences=LICENCE_ROWS[1:]),
        world(captures=PAGES[1:]),
        world(cards={"web": "MIT"}),
    ]
    assert len({key, *(evidence_key(rows, other) for other in here)}) == 1 + len(here)


def test_evidence_is_a_frozen_value() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        world().captures = None  # type: ignore[misc]


@pytest.mark.parametrize("mechanism", list(Mechanism))
def test_whatever_the_mechanism_what_reserves_bars_and_nothing_else(mechanism: Mechanism) -> None:
    kinds, agents = ("capture", "recheck", "source", "origin"), (None, "ccbot", "otherbot")
    said = list(itertools.product(kinds, Usage, RightsVerdict, agents))
    names = [f"page{n}" for n in range(len(said))]
    captures = [{**capture(name, f"https://{name}.example/"), "source": name} for name in names]
    rows = [
        statement(
            name, mechanism, usage, verdict, subject_kind=kind, agent=agent,
            subject={"source": name, "origin": f"https://{name}.example"}.get(kind),
        )
        for name, (kind, usage, verdict, agent) in zip(names, said, strict=True)
    ]  # fmt: skip
    found = judged(items(*(item(name, source=name) for name in names)), evidence(captures, rows))
    bars = [
        verdict in (RightsVerdict.DISALLOW, RightsVerdict.ERROR) and usage is not Usage.SEARCH and agent != "otherbot"
        for _, usage, verdict, agent in said
    ]
    assert [verdict == "drop" for verdict in found.column("verdict").to_pylist()] == bars
