"""The named questions, each against the small ledger made by hand (`tests.ledger.made`)."""

import csv
import io
import json
from contextlib import redirect_stdout

import duckdb
import pyarrow as pa
import pytest

from pipelines.audit.answers import sme_domains
from pipelines.audit.open import Ledger
from pipelines.audit.questions import PARAMETERS, QUESTIONS, ask
from pipelines.cli import main
from pipelines.ledger.ledger import commit_run
from pipelines.store import Store
from schemas.digest import sha256
from schemas.errors import NotFound, QueryRefused
from schemas.tables import TABLES
from tests.ledger import made

KEPT = made.child("kept")
PARTS = {"site": made.HOST, "name": made.uri("kept"), "release": made.RELEASE}


def rows(ledger, name, *values):
    return [tuple(row.values()) for row in ask(ledger, name, values).to_pylist()]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.name)
def test_every_question_answers_with_columns_that_have_names(ledger, question):
    assert set(question.takes) <= PARAMETERS.keys()
    answer = ask(ledger, question.name, [PARTS[name] for name in question.takes])
    assert answer.num_columns >= 3
    assert len(set(answer.column_names)) == answer.num_columns


@pytest.mark.parametrize("site", [made.uri("kept"), made.HOST, made.HOST.upper(), "example"])
def test_published_finds_a_page_by_uri_host_and_parent_domain(ledger, site):
    found = [row for row in rows(ledger, "published", site) if row[0] == made.uri("kept")]
    shard = f"releases/{made.RELEASE}/web/data/train-000000.tar"
    assert found == [(made.uri("kept"), made.RELEASE, "web", "train", shard, KEPT[:16].hex(), 1536, 1536)]


@pytest.mark.parametrize("site", ["iver.example", "xriver.example", "river.example.org", "%"])
def test_published_takes_no_part_of_a_name_for_a_host(ledger, site):
    assert rows(ledger, "published", site) == []


def test_dropped_names_rule_value_threshold_and_witness(ledger):
    found = {row[0].rpartition("/")[2]: row[2:] for row in rows(ledger, "dropped", made.HOST)}
    assert found == {
        "short": ("dropped", "quality.gopher", "too_few_words", "words", 12.0, 50.0, None, None),
        "copy": ("merged", "dedup.text", "near_duplicate", None, None, None, None, KEPT),
        "empty": ("dropped", "split.html", "no_text", None, None, None, None, None),
        "two": ("quarantined", "language", "stage_failed", None, None, None, None, None),
        "gone": ("withdrawn", "rights", "taken_down", None, None, None, None, None),
        "full": ("dropped", "mix", "over_quota", None, None, None, None, None),
    }


def test_origin_goes_up_to_the_bytes_that_were_fetched(ledger):
    found = rows(ledger, "origin", KEPT.hex())
    assert [(row[1], row[2]) for row in found] == [(0, KEPT), (1, made.ROOTS["kept"])]
    assert found[1][4:] == (made.uri("kept"), made.FETCHED, "captures/a.warc.gz", 100, 50, sha256(b"kept"))


def test_robots_names_the_file_that_held_at_the_fetch(ledger):
    (row,) = rows(ledger, "robots", made.uri("kept"))
    assert row == (
        made.uri("kept"), made.FETCHED, "fetched", 200, made.FETCHED, made.ROWS["robots"][0]["body_sha256"], None,
    )  # fmt: skip


def said_by(page, kind, subject, mechanism):
    return {
        "capture_id": made.CAPTURES[page]["capture_id"], "subject_kind": kind, "subject": subject, "mechanism": mechanism,
        "usage": "train-ai", "verdict": "disallow", "locator": "x", "excerpt": "x", "evidence_sha256": sha256(b"x"),
    }  # fmt: skip


def test_reservations_count_published_items_of_the_page_and_of_its_site(ledger, tmp_path):
    assert rows(ledger, "reservations") == []  # the one page that says so is not published
    more = [
        said_by("kept", "capture", None, "http_x_robots"),
        said_by("robots.txt", "origin", f"{made.ORIGIN}/a*", "robots_content_signal"),
        said_by("robots.txt", "origin", "http://other.example", "ai_txt"),
    ]
    store = Store(root=str(tmp_path))
    commit_run(store, made.run_row(), made.publish(store, made.changed("rights", add=more)), made.expected())
    assert rows(Ledger.open(store), "reservations") == [
        ("robots_content_signal", "train-ai", None, f"{made.ORIGIN}/a*", 2, made.uri("kept")),
        ("http_x_robots", "train-ai", None, None, 1, made.uri("kept")),
    ]


def test_licences_are_told_with_class_and_unknown_ones(ledger):
    assert rows(ledger, "licence-mix") == [
        ("CC-BY-4.0", "permissive", "web", 1, 10, 0, 0),
        ("unknown", "unknown", "web", 1, 10, 0, 0),
    ]
    assert rows(ledger, "licence-evidence", made.uri("kept")) == [
        (made.uri("kept"), None, "link", "byte 12", "CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/", sha256(b"kept"))
    ]  # fmt: skip
    assert rows(ledger, "attribution") == [
        ("CC-BY-4.0", "permissive", "river", made.HOST, 1, made.uri("kept")),
        ("unknown", "unknown", "river", made.HOST, 1, made.uri("two")),
    ]


def test_what_the_policy_does_not_allow_is_named(ledger):
    found = rows(ledger, "outside-policy")  # the run's policy is `permissive`, and one item has no licence
    assert found == [(made.child("two", 1), "web", made.uri("two"), "unknown", "unknown")]


def test_copies_are_told_with_what_became_of_them(ledger):
    found = {row[0]: row[2:] for row in rows(ledger, "copies", made.uri("kept"))}
    assert found[made.child("copy")] == ("minhash", 0.93, "merged", None, None)
    assert found[KEPT] == (None, None, "kept", made.RELEASE, "web/data/train-000000.tar")


def test_without_a_recorded_training_the_answer_is_unknown(ledger):
    assert rows(ledger, "checkpoints", made.uri("kept")) == [(KEPT, None, "unknown", None, None, None)]
    assert rows(ledger, "times", made.uri("kept")) == [(KEPT, "unknown", None, None, None)]


def test_the_release_is_counted_by_host_modality_and_source(ledger):
    assert rows(ledger, "domains") == [(made.HOST, 20, 2, True)]
    assert rows(ledger, "sizes") == [("text", 2, 20, ["en"], made.FETCHED, made.FETCHED)]
    assert rows(ledger, "source-shares") == [("text", "web_crawl", "river", 2, 20, 1.0)]


@pytest.mark.parametrize(("hosts", "named"), [(0, 0), (1, 1), (20, 1), (21, 2), (20_000, 1_000), (90_000, 1_000)])
def test_small_providers_name_one_host_in_twenty_up_to_a_thousand(hosts, named):
    assert sme_domains(hosts) == named


def test_changes_against_itself_are_none_and_another_release_must_exist(ledger):
    assert rows(ledger, "changes", made.RELEASE) == []
    with pytest.raises(NotFound, match=r"no release 'other'; there are: made-0123456789ab"):
        ask(ledger, "changes", ["other"])


def test_made_by_names_every_stage_of_the_run(ledger):
    assert {row[8] for row in rows(ledger, "made-by")} == {name for name, _ in made.OPS}


def test_made_by_names_the_models_of_a_stage_by_digest(tmp_path):
    ops = made.tables()["op"].to_pylist()
    ops[0]["models"] = [{"name": "lid.176.ftz", "sha256": sha256(b"model")}]
    store = Store(root=str(tmp_path))
    tables = made.tables() | {"op": pa.Table.from_pylist(ops, schema=TABLES["op"])}
    commit_run(store, made.run_row(), made.publish(store, tables), made.expected())
    found = {row["stage"]: row["models"] for row in ask(Ledger.open(store), "made-by").to_pylist()}
    assert found == {one["stage"]: one["models"] for one in ops}


def test_an_answer_as_of_a_commit_does_not_change_with_later_ones(store):
    assert rows(Ledger.open(store, commit=0), "dropped", made.uri("short")) != []
    assert rows(Ledger.open(store, commit=1), "dropped", made.uri("short")) == []


def test_wrong_questions_are_refused_with_what_there_is(ledger):
    with pytest.raises(NotFound, match=r"no question is named 'why'; there are: published, dropped"):
        ask(ledger, "why")
    with pytest.raises(QueryRefused, match=r"question published takes SITE \(a URI as captured, or a host"):
        ask(ledger, "published")
    with pytest.raises(QueryRefused, match=r"question sizes takes nothing; 1 values were given"):
        ask(ledger, "sizes", ["x"])


def said(*words):
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["ask", *words]) == 0
    return out.getvalue()


def test_the_verb_prints_a_table_json_and_csv(store):
    site = ["--site", store.root]
    (row,) = json.loads(said("published", made.uri("kept"), "--json", *site))
    assert row["key"] == KEPT[:16].hex()
    head, line = csv.reader(said("origin", KEPT.hex(), "--csv", "--as-of", "0", *site).splitlines()[:2])
    assert dict(zip(head, line, strict=True))["item_id"] == KEPT.hex()
    assert "licence-mix" in said(*site)
    assert [one["name"] for one in json.loads(said("--json", *site))] == [one.name for one in QUESTIONS]


def printed(*words):
    out = io.StringIO()
    with redirect_stdout(out):
        assert main([*words, "--json"]) == 0
    return json.loads(out.getvalue())


def test_every_verb_answers_as_of_a_commit(store):
    site, short = ["--site", store.root], made.uri("short")
    assert printed("why", short, "--as-of", "0", *site)["commit"]["seq"] == 0
    assert printed("where", made.uri("kept"), "--as-of", "0", *site)["commit"]["run"] == "made-0"
    reasons = [{row["reason"] for row in printed("drops", "--as-of", str(n), *site)} for n in (0, 1)]
    assert reasons[0] - reasons[1] == {"too_few_words"}
    counts = [printed("sql", "select count(*) as n from item", "--as-of", str(n), *site)[0]["n"] for n in (0, 1)]
    assert counts[0] == counts[1] + 2


def test_an_open_ledger_has_the_answers_as_methods(store):
    with Ledger.open(store, commit=0) as ledger:
        assert ledger.why(made.uri("kept")) == printed("why", made.uri("kept"), "--as-of", "0", "--site", store.root)
        assert [row["key"] for row in ledger.where(KEPT.hex())["placements"]] == [KEPT[:16].hex()]
        assert ledger.ask("published", made.HOST).equals(ask(ledger, "published", [made.HOST]))
        assert ledger.sql("select 1 as one").to_pylist() == [{"one": 1}]
    with pytest.raises(duckdb.ConnectionException):
        ledger.ask("sizes")


def test_a_folder_that_is_not_there_is_neither_cleaned_nor_made(tmp_path, capsys):
    assert main(["clean", "--site", str(tmp_path / "typo")]) == NotFound.exit_code
    assert "is no folder, so there is nothing to clean" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()
