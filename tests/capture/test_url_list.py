"""Tables of URLs: one row of results a row, whatever became of it; captions go to what was fetched."""

import json
import time
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from warcio.archiveiterator import ArchiveIterator

from pipelines.capture.url_list import LISTED
from pipelines.cli import main
from pipelines.ledger.log import Log
from pipelines.rights.site_file import ASKED_PATHS
from pipelines.site import load_site
from pipelines.store import Store
from pipelines.suppression import key_of, suppression, suppression_rows
from schemas.digest import sha256
from tests.capture.server import http, serving

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
ANSWERS = {
    "/robots.txt": http(b"User-agent: *\nDisallow: /private\n"),
    "/a.png": http(PNG, type="image/png"), "/moved": http(status=302, more="Location: http://b.example/b.png\r\n"),
    "b.example/b.png": http(PNG + b"b", type="image/png"), "/inward": http(status=302, more="Location: http://169.254.169.254/\r\n"),
    "/busy": http(b"", 500),
}  # fmt: skip
ROWS = [
    {"url": "http://a.example/a.png", "alt": "A frog.", "n": 1},
    {"url": "http://a.example/moved", "alt": "Moved.", "n": 2},
    {"url": "http://a.example/gone", "alt": "", "n": 3},
    {"url": "http://a.example/private/x", "alt": "x", "n": 4},
    {"url": "http://a.example/inward", "alt": "x", "n": 5},
    {"url": "file:///etc/passwd", "alt": "x", "n": 6},
    {"url": "http://127.0.0.1/x", "alt": "x", "n": 7},
    {"url": None, "alt": "x", "n": 8},
    {"url": "http://a.example/busy", "alt": "x", "n": 9},
    {"url": "http://a.example/a.png#top", "alt": "Again.", "n": 10},
]
ENDS = [
    ("fetched", 200, None), ("fetched", 200, None), ("not_found", 404, "the server answered 404"),
    ("refused", None, "robots.txt line 2 bars HeadwaterBot: Disallow: /private"), ("refused", None, "address in 169.254.0.0/16 (link local)"),
    ("refused", None, "no URL that is asked for: http or https"), ("refused", None, "address in 127.0.0.0/8 (loopback)"),
    ("refused", None, "no URL that is asked for: http or https"), ("http_error", 500, "the server answered 500"), ("fetched", 200, None),
]  # fmt: skip


def as_csv(path, rows, mark=","):
    lines = [
        mark.join(rows[0]),
        *(mark.join("" if cell is None else str(cell) for cell in row.values()) for row in rows),
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def as_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


FORMS = {
    "list.csv": as_csv,
    "list.tsv": lambda path, rows: as_csv(path, rows, "\t"),
    "list.jsonl": as_jsonl,
    "list.parquet": lambda path, rows: pq.write_table(pa.Table.from_pylist(rows), path),
}


@pytest.fixture
def fetch(tmp_path):
    """`fetch(name)`: the lines that the verb prints for the list of this name, and what the server was asked."""

    def do(name, *more, answers=ANSWERS):
        with serving(answers) as (port, log):
            hosts = "".join(f'"{host}" = "127.0.0.1:{port}"\n' for host in ("a.example", "b.example"))
            (tmp_path / "site.toml").write_text(f"[hosts]\n{hosts}", "utf-8")
            command = [
                "fetch",
                tmp_path / name,
                "--contact",
                "x@headwater.example",
                "--site",
                tmp_path,
                "--delay-s",
                "0.01",
            ]
            out, err = StringIO(), StringIO()
            with redirect_stdout(out), redirect_stderr(err):
                code = main([str(word) for word in (*command, *more)])
        return code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue(), log

    return do


@pytest.mark.parametrize("name", FORMS)
def test_every_row_has_one_result_in_its_order(tmp_path, fetch, name):
    FORMS[name](tmp_path / name, ROWS)
    code, found, err, log = fetch(name, "--caption-col", "alt", "--keep-cols", "n", "alt")
    assert (code, err) == (0, "")
    assert [(row["outcome"], row["status"], row["error"]) for row in found] == ENDS
    assert [row["kept"]["n"] for row in found] == [str(row["n"]) for row in ROWS]
    assert [row["row"] for row in found] == list(range(1, 11))
    assert (found[1]["uri"], found[1]["media_type"], found[1]["payload_bytes"]) == (
        "http://b.example/b.png",
        "image/png",
        29,
    )
    asked = ["/a.png", "/busy", "/gone", "/inward", "/moved", "/robots.txt", *ASKED_PATHS]
    assert sorted(log.paths("a.example")) == sorted(asked)
    assert log.paths("b.example") == ["/robots.txt", *ASKED_PATHS, "/b.png"]
    assert list(found[0]) == LISTED.names


def test_a_list_that_was_fetched_is_not_asked_for_again_and_a_new_round_asks(tmp_path, fetch):
    as_csv(tmp_path / "list.csv", ROWS[:2])
    first = fetch("list.csv")
    again = fetch("list.csv", "--caption-col", "alt")
    assert again[3].asked == []
    assert [row["outcome"] for row in again[1]] == ["fetched", "fetched"]
    second = fetch("list.csv", "--round", "2")
    assert len(second[3].asked) == len(first[3].asked)
    assert [(row["outcome"], row["payload_bytes"]) for row in second[1]] == [("revisit", 28), ("revisit", 29)]


def test_the_address_of_what_was_taken_down_does_not_come_back(tmp_path, fetch):
    """Neither of what the list names, nor of where it leads; each row has its result all the same."""
    as_csv(tmp_path / "list.csv", ROWS[:3])
    fetch("list.csv", answers={})
    site = load_site(tmp_path)
    urls = ["http://a.example/a.png", "http://b.example/b.png"]
    rows = suppression_rows(key_of(site), "R", [("url", url.encode()) for url in urls])
    Log(site.store).append("r", None, [site.store.publish("suppression", rows)])
    old = set(site.store.list("parts"))
    _, found, _, log = fetch("list.csv", "--keep-cols", "url", "--round", "2")
    assert ("/a.png" in log.paths(), "/b.png" in log.paths()) == (False, False)
    shown = [suppression(site).hidden(url) for url in urls]
    assert [(row["url"], row["uri"]) for row in found[:2]] == [
        (shown[0], shown[0]),
        ("http://a.example/moved", shown[1]),
    ]
    assert {(row["outcome"], row["error"]) for row in found[:2]} == {("refused", "a request covers its address")}
    named = [site.store.rows(path, [name]) for path in site.store.list("parts") if path not in old
             for name in ("uri", "url", "kept") if name in site.store.rows(path).column_names]  # fmt: skip
    assert urls[0] not in repr([table.to_pylist() for table in named])
    assert len(named) > 3


def test_captions_are_said_of_what_was_fetched_behind_redirects(tmp_path, fetch):
    as_csv(tmp_path / "list.csv", ROWS)
    fetch("list.csv", "--caption-col", "alt")
    store = Store(root=str(tmp_path))
    said = [row for path in store.list("parts/annotation") for row in pq.read_table(store.local(path)).to_pylist()]
    assert sorted((row["subject"], row["text"], row["locator"]) for row in said) == [
        ("http://a.example/a.png", "A frog.", "row 1"), ("http://a.example/a.png", "Again.", "row 10"),
        ("http://b.example/b.png", "Moved.", "row 2"),
    ]  # fmt: skip


def test_a_url_that_a_crawl_would_take_for_a_trap_is_asked_for(tmp_path, fetch):
    path = "/a/a/a/a/" + "x" * 3000
    as_csv(tmp_path / "list.csv", [{"url": f"http://a.example{path}"}])
    assert fetch("list.csv", answers={path: http(PNG, type="image/png")})[1][0]["outcome"] == "fetched"


def test_a_row_that_cannot_be_read_is_a_result_too(tmp_path, fetch):
    (tmp_path / "list.jsonl").write_text('{"url": "http://a.example/a.png"}\n{\n', "utf-8")
    found = fetch("list.jsonl")[1]
    assert [(row["row"], row["outcome"]) for row in found] == [(1, "fetched"), (2, "damaged")]
    assert found[1]["error"].startswith("no JSON")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("list.csv", "--url-col", "link"), "has no column 'link', but alt, n, url"),
        (("list.csv", "--keep-cols", "x"), "has no column 'x'"),
        (("list.txt",), "is no table that is read"),
        (("none.csv",), "cannot be read"),
        (("empty.csv",), "holds no rows"),
        (("list.csv", "--contact", "me"), "--contact 'me' is neither"),
        (("list.csv", "--delay-s", "-1"), "delay_s is -1"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_before_anything_is_asked(tmp_path, fetch, words, why):
    as_csv(tmp_path / "list.csv", ROWS)
    (tmp_path / "empty.csv").write_text("url\n", "utf-8")
    code, _, err, log = fetch(*words)
    assert (code, log.asked) == (2, [])
    assert why in err


@pytest.mark.parametrize("is_whole", [True, False])
def test_bytes_that_are_not_those_of_the_list_are_refused(tmp_path, fetch, is_whole):
    other = b"\x89PNG\r\n\x1a\n" + b"swapped by the new owner of the address"
    right, moved = sha256(PNG).hex(), sha256(PNG + b"b").hex()
    rows = [
        {"url": "http://a.example/a.png", "sha256": right.upper()}, {"url": "http://a.example/moved", "sha256": moved},
        {"url": "http://a.example/swapped", "sha256": right}, {"url": "http://a.example/a.png?2", "sha256": "0" * 32},
        {"url": "http://a.example/gone", "sha256": right if is_whole else None},
    ]  # fmt: skip
    as_csv(tmp_path / "list.csv", rows)
    png = {path: http(data, type="image/png") for path, data in (("/swapped", other), ("/a.png?2", PNG))}
    _, found, _, _ = fetch("list.csv", "--sha256-col", "sha256", answers=ANSWERS | png)
    why = "it has other bytes than the list names by their sha256"
    assert [(row["outcome"], row["error"]) for row in found] == [
        ("fetched", None), ("fetched", None), ("refused", why), ("refused", why), ("not_found", "the server answered 404"),
    ]  # fmt: skip
    files = [path.read_bytes() for path in tmp_path.rglob("*.warc.gz")]
    records = b"".join(record.content_stream().read() for data in files for record in ArchiveIterator(BytesIO(data)))
    assert (other in records) is not is_whole
    assert PNG in records


def test_a_redirect_is_followed_at_once_and_waits_for_no_other_host(tmp_path, fetch):
    def late(connection):
        time.sleep(0.15)
        connection.send(http(PNG, type="image/png"))

    hops = {f"/{n}": http(status=302, more=f"Location: http://{'ab'[n % 2]}.example/{n + 1}\r\n") for n in range(3)}
    slow = {f"b.example/s{n}": late for n in range(4)}
    urls = ["http://a.example/0", *(f"http://b.example/s{n}" for n in range(4))]
    as_csv(tmp_path / "list.csv", [{"url": url} for url in urls])
    _, found, _, log = fetch("list.csv", answers={**hops, **slow, "/3": http(PNG, type="image/png")})
    assert (found[0]["outcome"], found[0]["uri"]) == ("fetched", "http://a.example/3")
    assert log.paths().index("/1") < log.paths().index("/s3")
