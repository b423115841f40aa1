"""Everything planted is there, nothing is planted twice, and what does not meet its fate is told."""

import io
import tarfile
import urllib.request
import zlib
from collections import Counter, defaultdict
from urllib.parse import unquote

import pytest

from pipelines.capture.subject import MEMBER, SCHEME
from tests.corpus import archive
from tests.corpus.planted import GROUP, Met, Planted, unmet
from tests.corpus.site import serving
from tests.corpus.truth import planted, served
from tests.corpus.uploads import uploads, write, write_uploads

PLANTED = planted(crawled=False)


def held():
    """URI -> bytes of everything that is served or uploaded, members of archives and rows of tables too."""
    found = {page.url: page.body for page in served()}
    for upload in uploads():
        for name, data in upload.files.items():
            uri = f"{SCHEME}{upload.source}/{name}"
            found[uri] = data
            if name.endswith(".jsonl"):
                found |= {f"{uri}{MEMBER}{n}": row for n, row in enumerate(data.splitlines(), 1)}
            if name.endswith((".tar", ".tar.gz")) and "broken" not in name:
                with tarfile.open(fileobj=io.BytesIO(data)) as members:
                    found |= {uri + MEMBER + m.name: members.extractfile(m).read() for m in members}
    return found


def test_everything_planted_is_there():
    lost = {unquote(one.uri) for one in PLANTED} - held().keys()
    assert lost == {"upload://demo-sounds/broken/cut.tar.gz!/lost/10.wav"}


def test_nothing_is_planted_twice():
    assert [uri for uri, n in Counter((one.lane, one.uri) for one in PLANTED).items() if n > 1] == []


def test_what_a_crawl_is_refused_is_planted_for_archives_alone():
    gone = {one.uri for one in PLANTED} - {one.uri for one in planted(crawled=True)}
    assert gone == {"http://closed.example/cellar/wine.html", "http://gallery.example/private-pictures/family.jpg"}


def test_every_lane_has_copies_and_drops_and_media_lanes_broken_files():
    fates = defaultdict(set)
    for one in PLANTED:
        fates[one.lane].add(one.fate)
    assert {lane: found - {"kept"} for lane, found in fates.items()} == {
        "web": {"dropped", GROUP, "quarantined"},
        "image_caption": {"dropped", GROUP, "quarantined"},
        "audio": {"dropped", GROUP, "quarantined"},
        "books": {"dropped", GROUP},
        "code": {"dropped", GROUP},
    }
    assert all(n > 1 for n in Counter(one.group for one in PLANTED if one.group).values())


def test_the_same_bytes_come_twice():
    assert held() == held()


def test_exact_copies_have_equal_bytes_and_near_ones_do_not():
    groups, content = defaultdict(list), held()
    for one in PLANTED:
        if one.group:
            groups[one.group].append((one.reason, content[unquote(one.uri)]))
    for group, members in groups.items():
        if {reason for reason, _ in members} == {None, "exact_duplicate"}:
            assert len({data for _, data in members}) == 1, group
        else:
            assert len({data for _, data in members}) > 1, group


def test_a_cut_archive_ends_early():
    sounds = next(upload for upload in uploads() if upload.folder == "sounds")
    engine = zlib.decompressobj(31)
    engine.decompress(sounds.files["broken/cut.tar.gz"])
    assert not engine.eof


def test_uploads_are_written_once_and_never_in_place(tmp_path):
    write_uploads(tmp_path)
    files = {path: path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()}
    assert len(files) > 60
    link = tmp_path / "link"
    link.hardlink_to(tmp_path / "books" / "empty.html")
    (tmp_path / "books" / "empty.html").touch()
    write_uploads(tmp_path)
    assert {path: path.stat().st_ino for path in files} == files
    write(tmp_path / "books" / "empty.html", b"another")
    assert (link.read_bytes()[:9], (tmp_path / "books" / "empty.html").read_bytes()) == (b"<!DOCTYPE", b"another")


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/pictures/0.jpg", "image/jpeg"),
        ("/pictures/2.png", "image/png"),
        ("/sounds/01.wav", "audio/wav"),
        ("/sounds/02.flac", "audio/flac"),
    ],
)
def test_pictures_and_sounds_are_served_as_what_they_are(path, media_type):
    body = next(page.body for page in served() if page.url == f"http://gallery.example{path}")
    with serving() as hosts:
        asked = urllib.request.Request(f"http://{hosts['gallery.example']}{path}", headers={"Host": "gallery.example"})
        with urllib.request.urlopen(asked) as answer:
            assert (answer.headers["Content-Type"], answer.read()) == (media_type, body)


def test_an_archive_holds_every_page_and_picture(tmp_path):
    import gzip

    data = gzip.decompress(archive.write(tmp_path / "all.warc.gz", served()).read_bytes())
    assert data.count(b"WARC-Type: response") == len(served())
    assert all(page.body in data for page in served())


KEPT = Planted(uri="a", lane="web", licence="MIT")
COPIES = [Planted(uri=uri, lane="web", fate=GROUP, group="g", reason="near_duplicate") for uri in "bc"]
RIGHT = [
    Met(uri="a", lane="web", state="kept", licence="MIT"),
    Met(uri="b", lane="web", state="merged", reason="near_duplicate"),
    Met(uri="c", lane="web", state="kept"),
]


def test_a_right_run_leaves_nothing_unmet():
    assert unmet([KEPT, *COPIES], RIGHT) == {}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({0: None}, {"a": "gave no item of lane web"}),
        ({0: Met(uri="a", lane="web", state="dropped", reason="no_text")}, {"a": "dropped (no_text), not kept (None)"}),
        ({0: Met(uri="a", lane="web", state="kept")}, {"a": "has the licence None, not MIT"}),
        ({1: Met(uri="b", lane="web", state="kept")}, {"g": "2 items of 2 copies are kept, not 1"}),
        ({2: Met(uri="c", lane="web", state="merged", reason="near_duplicate")}, {"g": "0 items of 2 copies are kept, not 1"}),
        ({1: Met(uri="b", lane="web", state="merged", reason="exact_duplicate")}, {"b": "merged (exact_duplicate), not group (near_duplicate)"}),
    ],
    ids=["lost", "dropped", "other licence", "both kept", "none kept", "other reason"],
)  # fmt: skip
def test_whatever_goes_wrong_is_told(change, wrong):
    met = [change.get(n, item) for n, item in enumerate(RIGHT)]
    assert unmet([KEPT, *COPIES], [item for item in met if item]) == wrong
