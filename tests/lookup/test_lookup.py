"""The lookup page in this process: what it says, what it never says, and whom it refuses."""

import json
import re
from datetime import UTC, datetime
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc
import pytest

pytest.importorskip("starlette")

from pipelines.audit.console import query
from pipelines.audit.open import Ledger
from pipelines.ledger.commit import Erased
from pipelines.ledger.ledger import commit_run
from pipelines.ledger.log import Log
from pipelines.lookup.app import HEADERS, application
from pipelines.lookup.asked import MOST_CHARS, read
from pipelines.lookup.limit import MOST_CLIENTS, Limit, network
from pipelines.lookup.releases import FRESH_S
from pipelines.lookup.serve import READ_EVERY_S, READS, WRITES, lookup_page
from pipelines.store import Store
from schemas.errors import InputError
from schemas.tables import TABLES
from tests.ledger import made
from tests.lookup.client import HOST, ask, look_up, registered

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
HOSTILE = '<script>alert("x")</script> ' + "long " * 100
NOTICE = 'ask <jane.doe@river.example> "first"'
OWN = {"origin": f"http://{HOST}", "sec_fetch_site": "same-origin"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two runs: the second does not know the page `kept` any more, so that only an earlier release holds it."""
    found = Store(root=str(tmp_path_factory.mktemp("lookup")))
    said = {
        "location": "footer",
        "locator": "byte 1",
        "evidence_sha256": bytes(32),
        "capture_id": made.CAPTURES["kept"]["capture_id"],
    }
    licences = [said | {"expression": None, "raw": raw} for raw in (HOSTILE, NOTICE)]
    odd = made.capture("a?token=secret&mail=a@b.example", "not_found", status=404)
    tables = made.changed("licence", add=licences) | {"capture": made.changed("capture", add=[odd])["capture"]}
    commit_run(found, made.run_row("made-0"), made.publish(found, tables), made.expected())
    return found


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def app(store, clock):
    return application(lookup_page(store, [HOST], clock=clock, now=lambda: NOW, key=b"k" * 32))


def api(app, query, **more):
    answer = ask(app, "/api/lookup?" + urlencode({"q": query}), **more)
    return answer.status, json.loads(answer.text)


# --- what is asked -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("River.Example", "domain", "river.example"),
        (" river.example. ", "domain", "river.example"),
        ("www.River.example", "domain", "river.example"),
        ("www.example", "domain", "www.example"),
        ("ｒｉｖｅｒ。example", "domain", "river.example"),
        ("bücher.example", "domain", "xn--bcher-kva.example"),
        ("river.example/kept#top", "url", "http://river.example/kept"),
        ("HTTPS://River.example/a b", "url", "https://river.example/a%20b"),
    ],
)
def test_what_is_typed_is_read_as_a_domain_or_a_page(text, kind, value):
    assert (read(text).kind, read(text).value) == (kind, value)


@pytest.mark.parametrize(
    "text",
    ["", "com", "localhost", "../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "javascript:alert(1)", "http://me:pass@a.example/",
     "<script>alert(1)</script>", "' OR 1=1 --", "a.example'; DROP TABLE item; --", "%", "_", "\0", "x" * (MOST_CHARS + 1),
     "68065d457e656d3a8d04b878785e0db0", "http://", "\ud800.example"],
)  # fmt: skip
def test_what_is_neither_is_refused(text):
    with pytest.raises(InputError):
        read(text)


def test_a_page_is_found_under_the_forms_people_give_it():
    assert {"http://a.example/b", "https://www.a.example/b/"} <= set(read("https://a.example/b").forms)


# --- what is answered --------------------------------------------------------------------------------------------


def test_a_page_that_was_published_is_told_with_its_shard_and_licence(app):
    status, found = api(app, "https://www.river.example/kept/")
    assert status == 200
    assert found["releases"] == [{"release": made.RELEASE, "items": 1, "is_taken_down": False}]
    (page,) = found["pages"]
    assert page["uri"] == made.uri("kept")
    assert page["items"] == [
        {"state": "published", "release": made.RELEASE, "lane": "web", "split": "train",
         "shard": f"releases/{made.RELEASE}/web/data/train-000000.tar", "key": made.child("kept").hex()[:32]}
    ]  # fmt: skip
    assert {
        "expression": "CC-BY-4.0",
        "location": "link",
        "excerpt": "https://creativecommons.org/licenses/by/4.0/",
    } in page["licences"]


def test_a_page_that_was_dropped_is_told_with_the_reason_and_its_numbers(app):
    (page,) = api(app, made.uri("short"))[1]["pages"]
    (item,) = page["items"]
    assert (item["state"], item["reason"], item["signal"], item["value"], item["threshold"]) == (
        "dropped", "too_few_words", "words", 12.0, 50.0,
    )  # fmt: skip
    text = look_up(app, made.uri("short")).text
    assert "nothing of it is in what was released" in text
    assert "too_few_words" in text


def test_reservations_are_told_and_where_nothing_was_recorded_it_is_unknown(app):
    pages = {page["uri"]: page for page in api(app, made.HOST)[1]["pages"]}
    assert pages[made.uri("gone")]["rights"] == [
        {"mechanism": "http_x_robots", "usage": "train-ai", "verdict": "disallow"}
    ]
    assert pages[made.uri("short")]["rights"] == "unknown"
    assert pages[made.uri("nowhere")]["meaning"] == "the server answered 404 or 410"


def test_a_domain_has_all_its_pages_and_what_the_ledger_never_met_is_said_so(app):
    found = api(app, made.HOST)[1]
    assert (
        found["pages_found"] == len(found["pages"]) == sum(row["uri"] is not None for row in made.CAPTURES.values()) + 1
    )
    assert found["releases"] == [{"release": made.RELEASE, "items": 2, "is_taken_down": False}]
    never = api(app, "meadow.example")[1]
    assert (never["is_known"], never["pages"], never["releases"]) == (
        False,
        [],
        [{"release": made.RELEASE, "items": 0, "is_taken_down": False}],
    )
    assert "nothing in this corpus answers to" in look_up(app, "meadow.example").text
    assert '<a href="/?q=meadow.example">meadow.example</a>' in look_up(app, "https://meadow.example/a").text


def test_an_earlier_release_still_counts_and_a_new_one_is_seen_after_a_while(tmp_path, clock):
    store = Store(root=str(tmp_path))
    commit_run(store, made.run_row("made-0"), made.publish(store, made.tables()), made.expected())
    app = application(lookup_page(store, [HOST], clock=clock))
    assert api(app, made.HOST)[1]["commit"] == 0
    later = {"release": [{**made.ROWS["release"][0], "release": "later"}], "shard": [], "placement": []}
    tables = made.tables() | {name: pa.Table.from_pylist(rows, schema=TABLES[name]) for name, rows in later.items()}
    parts = [part for found in made.publish(store, tables).values() for part in found]
    Log(store).append("made-1", None, [*parts, store.publish("run", made.run_row("made-1"))])
    assert api(app, made.HOST)[1]["commit"] == 0
    clock.now += FRESH_S
    found = api(app, made.uri("kept"))[1]
    assert (found["commit"], [(row["release"], row["items"]) for row in found["releases"]]) == (
        1,
        [("later", 0), (made.RELEASE, 1)],
    )
    assert [item["release"] for page in found["pages"] for item in page["items"]] == [made.RELEASE]


def test_what_a_request_erased_of_an_earlier_commit_is_gone_and_the_rest_is_still_answered(tmp_path, clock):
    store = Store(root=str(tmp_path))
    commit_run(store, made.run_row("made-0"), made.publish(store, made.tables()), made.expected())
    app = application(lookup_page(store, [HOST], clock=clock))
    assert len(api(app, made.uri("short"))[1]["pages"]) == 1
    head = Log(store).head()
    (old,) = [part for part in head.files if part.table == "capture_place"]
    rows = store.read_part(old)
    new = store.publish("capture_place", rows.filter(pc.not_equal(rows.column("uri"), made.uri("short"))))
    later = pa.Table.from_pylist([{**made.ROWS["release"][0], "release": "later"}], schema=TABLES["release"])
    item = made.ROWS["placement"][0]["item_id"]
    match = {"request": "R-1", "item_id": item, "why": "named", "release": made.RELEASE, "done_at": NOW}
    files = [
        new,
        store.publish("request_match", pa.Table.from_pylist([match], schema=TABLES["request_match"])),
        store.publish("release", later),
        *(part for part in head.files if part.table not in ("capture_place", "release")),
    ]
    Log(store).append("forget-1", None, files, replaces=[Erased(path=old.path, sha256=old.sha256, by=new.path)])
    store.delete(old.path)
    clock.now += FRESH_S
    status, found = api(app, made.HOST)
    assert (status, [(row["release"], row["is_taken_down"]) for row in found["releases"]]) == (
        200,
        [("later", False), (made.RELEASE, True)],
    )
    assert made.uri("short") not in {page["uri"] for page in found["pages"]}
    text = look_up(app, made.HOST).text
    assert f"No: <strong>{made.HOST}</strong> was in a release that was taken down, and is in none that stands." in text
    assert "was published, and was taken down,</span> in" in text
    assert query(Ledger.open(store, commit=0), "SELECT count(*) AS n FROM capture").to_pylist() == [{"n": new.rows}]


def test_no_personal_data_and_no_more_than_an_excerpt_is_shown(app):
    for answer in (look_up(app, made.HOST), ask(app, f"/api/lookup?q={made.HOST}")):
        assert answer.status == 200
        for secret in ("jane.doe", "token=secret", "a@b.example", "a@river.example", "long " * 50):
            assert secret not in answer.text
    excerpts = [row["excerpt"] for page in api(app, made.uri("kept"))[1]["pages"] for row in page["licences"]]
    assert any(one.startswith("<script>") and one.endswith("…") and len(one) == 200 for one in excerpts)


def test_what_comes_from_outside_is_escaped_wherever_it_is_shown(app):
    text = look_up(app, made.uri("kept")).text
    assert "&lt;script&gt;" in text
    echoed = (
        look_up(app, '"><script>alert(1)</script>').text
        + ask(app, "/opt-out?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").text
    )
    for shown in (text, echoed):
        assert "<script" not in shown
        assert 'value=""><' not in shown


# --- whom it refuses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/?q=river.example", "/api/lookup?q=river.example", "/style.css", "/opt-out", "/none", "/?q=com"]
)
def test_every_answer_goes_out_under_the_same_headers(app, path):
    answer = ask(app, path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_no_page_holds_a_script_a_style_of_its_own_or_anything_from_elsewhere(app):
    for path in ("/", "/?q=river.example", "/opt-out?q=river.example", "/filed?request=web-1"):
        text = ask(app, path).text
        assert re.findall(r"<script|<style| style=| on\w+=|<iframe|<img", text) == []
        assert re.findall(r'(?:src|href|action)="(?![/#])', text) == []
        ids = set(re.findall(r'id="(\w+)"', text))
        assert set(re.findall(r'for="(\w+)"', text)) <= ids


@pytest.mark.parametrize(
    ("path", "status"),
    [("/?q=" + "x" * 10_000, 414), ("/" + "x" * 10_000, 414), ("/?q=" + "x" * 3000, 400), ("/api/lookup?q=..%2F..%2Fetc%2Fpasswd", 400),
     ("/..%2f..%2fetc/passwd", 404), ("/style.css/../../app.py", 404), ("/api/lookup?q=%27%20OR%201%3D1", 400), ("/api/lookup", 400),
     ("/api/lookup?" + "&".join(f"a{n}=1" for n in range(50)), 400), ("/filed?request=%3Cscript%3E", 404), ("/?q=%ff%fe", 400)],
)  # fmt: skip
def test_hostile_addresses_are_refused_in_words(app, path, status):
    answer = ask(app, path)
    assert answer.status == status
    assert "Traceback" not in answer.text
    assert "root:" not in answer.text


def test_reads_are_get_only_and_another_host_is_not_answered(app):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert ask(app, "/api/lookup?q=river.example", method=method).status == 405
    assert ask(app, "/", host="evil.example").status == 421


def test_a_client_that_asks_too_often_waits_while_another_does_not(app, clock):
    assert [ask(app, "/").status for _ in range(READS)] == [200] * READS
    refused = ask(app, "/api/lookup?q=river.example")
    assert (refused.status, refused.headers["retry-after"]) == (429, str(int(READ_EVERY_S)))
    assert json.loads(refused.text)["error"].startswith("That was often")
    assert ask(app, "/", client="192.0.2.8").status == 200
    clock.now += READ_EVERY_S
    assert [ask(app, "/").status for _ in range(2)] == [200, 429]


def test_one_customer_of_ipv6_is_one_client_and_the_quiet_are_forgotten(clock):
    assert network("2001:db8::1") == network("2001:db8::ffff") != network("2001:db8:0:1::1")
    assert network("::ffff:192.0.2.7") == "192.0.2.7"
    limit = Limit(burst=1, every_s=60, clock=clock)
    assert [limit.wait_s("a"), limit.wait_s("a")] == [0, 60]
    for number in range(MOST_CLIENTS):
        limit.wait_s(f"client {number}")
    assert limit.wait_s("a") == 0


# --- requests ----------------------------------------------------------------------------------------------------


def form(app, **fields):
    """The form as a browser gets it: (cookie, body with its token and these fields)."""
    given = ask(app, "/opt-out?q=river.example", client="192.0.2.99")
    token = re.search(r'name="token" value="(\w+)"', given.text)[1]
    values = {"token": token, "q": "river.example", "basis": "reservation", "contact": "me@river.example"} | fields
    return given.headers["set-cookie"].partition(";")[0], urlencode(values).encode()


def test_a_request_is_filed_under_a_name_and_its_contact_is_shown_nowhere(app, store):
    cookie, body = form(app)
    done = ask(app, "/opt-out", method="POST", body=body, cookie=cookie, **OWN)
    assert done.status == 303
    name = done.headers["location"].partition("=")[2]
    row = next(row for row in registered(store) if row["request"] == name)
    assert {key: row[key] for key in ("status", "channel", "basis", "contact", "scope_kind", "scope_value", "received_at")} == {
        "status": "received", "channel": "lookup page", "basis": "reservation", "contact": "me@river.example",
        "scope_kind": "domain", "scope_value": "river.example", "received_at": NOW,
    }  # fmt: skip
    again = ask(app, "/opt-out", method="POST", body=body, cookie=cookie, **OWN)
    assert again.headers["location"] == done.headers["location"]
    assert [row["request"] for row in registered(store)].count(name) == 1
    assert "within 30 days" in ask(app, done.headers["location"]).text
    shown = ask(app, done.headers["location"]).text + look_up(app, "river.example").text
    assert name in shown
    assert "me@river.example" not in shown


def test_a_form_of_another_page_or_without_its_token_files_nothing(app, store):
    before = registered(store)
    cookie, body = form(app)
    other, _ = form(app)
    bad = [
        {"body": body, "cookie": cookie},
        {"body": body, "cookie": cookie, "origin": "https://evil.example"},
        {"body": body, "cookie": cookie, "origin": "null", "sec_fetch_site": "same-origin"},
        {"body": body, "cookie": cookie, "sec_fetch_site": "cross-site"},
        {"body": body, "cookie": cookie, "sec_fetch_site": "same-site"},
        dict(body=body, cookie=other, **OWN),
        dict(body=body, **OWN),
        dict(body=urlencode({"q": "river.example", "basis": "other"}).encode(), cookie=cookie, **OWN),
    ]
    answers = [ask(app, "/opt-out", method="POST", client=f"192.0.2.{n}", **one) for n, one in enumerate(bad)]
    assert [answer.status for answer in answers] == [403] * len(bad)
    assert registered(store) == before


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"q": "com"}, "at least two parts"), ({"basis": "<b>"}, "one of the reasons"), ({"contact": "me"}, "no mail address"),
     ({"contact": "a@b" + "c" * 300}, "no mail address"), ({"contact": "a@b\r\nBcc: x"}, "no mail address")],
)  # fmt: skip
def test_a_request_that_cannot_be_used_is_told_why(app, fields, said):
    cookie, body = form(app, **fields)
    answer = ask(app, "/opt-out", method="POST", body=body, cookie=cookie, **OWN)
    assert (answer.status, said in answer.text) == (400, True)


def test_a_long_form_and_many_of_them_are_refused(app):
    cookie, body = form(app)
    assert (
        ask(app, "/opt-out", method="POST", body=b"x" * 20_000, cookie=cookie, client="192.0.2.1", **OWN).status == 413
    )
    statuses = [ask(app, "/opt-out", method="POST", body=body, cookie=cookie, **OWN).status for _ in range(WRITES + 1)]
    assert statuses == [303] * WRITES + [429]


def test_a_store_without_a_commit_is_said_in_one_sentence(tmp_path, clock):
    app = application(lookup_page(Store(root=str(tmp_path)), [HOST], clock=clock))
    answer = look_up(app, "river.example")
    assert (answer.status, "Nothing was committed" in answer.text) == (503, True)
