"""Bytes on a block list are nowhere on disk: of each match there is a record of the case, and nothing else."""

import contextlib
import io
import zlib

import pytest

from pipelines.capture.block import Guard, block_list
from pipelines.capture.crawl import Round, crawl
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.capture.pdq_child import hash_picture
from pipelines.capture.screen import screened
from pipelines.phases import capture
from pipelines.recipe import dump, loads
from pipelines.store import Store
from schemas.capture import CAPTURE
from schemas.digest import sha256
from schemas.errors import RecipeError, SourceError
from tests.capture.archives import http as answer
from tests.capture.archives import members, warc
from tests.capture.server import http, page, serving
from tests.capture.uploads import parquet, tar, write, zipped
from tests.conftest import site_at
from tests.split.pictures import encoded, scene
from tests.split.pictures import recipe as corpus

RECIPE = corpus(top='block_lists = ["known.txt"]')
BAD, GOOD = (encoded(scene(300, 200, seed=seed), "PNG") for seed in (1, 2))
KNOWN = scene(300, 200, seed=3)
COPY = encoded(KNOWN.resize((240, 160)), "JPEG", quality=60)  # no list holds its sha256


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recipe whose list holds BAD by sha256 and KNOWN by PDQ."""
    folder = tmp_path_factory.mktemp("blocked")
    near = hash_picture({"data": encoded(KNOWN, "PNG"), "max_pixels": 10**6})
    lines = f"# ours\n\nSHA256: {sha256(BAD).hex().upper()}  # a case\npdq:{near['pdq'].hex()}\n{sha256(b'no').hex()}\n"
    (folder / "known.txt").write_text(lines)
    return folder


def on_disk(folder):
    """Everything that lies below a folder, each file also as what its gzip members and Parquet pages would unpack to."""
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            yield data
            at = 0
            while (at := data.find(b"\x1f\x8b\x08", at)) >= 0:
                with contextlib.suppress(zlib.error):
                    yield zlib.decompressobj(31).decompress(data[at:])
                at += 3


def is_on_disk(folder, data):
    """Whether a stretch out of the middle of these bytes is anywhere."""
    return any(data[len(data) // 2 :][:64] in found for found in on_disk(folder))


def captured(folder, files):
    """(site, URI without the source -> (outcome, reason, whether there is a payload)) of an upload."""
    write(folder / "held", files)
    recipe, site = loads(RECIPE, base=folder), site_at(folder / "site")
    found = capture(recipe, site, recipe.sources[0])
    parts = [part for receipt in found.receipts for part in receipt.all("capture")]
    rows = site.store.table(parts, CAPTURE).to_pylist()
    shown = {
        (row["uri"] or "").removeprefix("upload://s/"): (row["outcome"], row["reason"], row["payload"] is not None) for row in rows
    }  # fmt: skip
    return folder / "site", shown


CASE, TAKEN = ("refused", "blocked_by_hash", False), ("fetched", None, True)


@pytest.fixture
def here(folder, tmp_path):
    """A folder of its own for a test, with the list in it."""
    (tmp_path / "known.txt").write_text((folder / "known.txt").read_text())
    return tmp_path


def test_a_blocked_file_is_a_case_and_nowhere_on_disk(here):
    site, found = captured(here, {"bad.png": BAD, "copy.jpg": COPY, "good.png": GOOD, "no.txt": b"no"})
    assert found == {"bad.png": CASE, "copy.jpg": CASE, "no.txt": CASE, "good.png": TAKEN}
    assert [is_on_disk(site, data) for data in (BAD, COPY, GOOD)] == [False, False, True]


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "parquet"])
def test_of_an_archive_with_a_blocked_member_only_the_users_own_file_is_there(here, kind):
    files = {"bad.png": BAD, "copy.jpg": COPY, "good.png": GOOD}
    media = {"image": [{"bytes": data, "path": name} for name, data in files.items()], "text": ["a", "b", "c"]}
    archive = {"zip": lambda: zipped(files), "tar.gz": lambda: tar(files, "w:gz"), "parquet": lambda: parquet(media)}[
        kind
    ]()
    site, found = captured(here, {f"a.{kind}": archive})
    of = {
        uri.rpartition("/")[2].rpartition("#")[2]: end for uri, end in found.items() if uri.endswith((".png", ".jpg"))
    }
    assert of == {"bad.png": CASE, "copy.jpg": CASE, "good.png": TAKEN}
    (stored,) = list((site / "captures").iterdir())
    assert stored.samefile(here / "held" / f"a.{kind}")
    stored.unlink()
    assert [is_on_disk(site, data) for data in (BAD, COPY, GOOD)] == [False, False, True]


def test_a_blocked_record_of_an_archive_has_no_payload(here):
    records = [
        warc("response", answer(data, "Content-Type: image/png"), {"WARC-Target-URI": f"http://a.example/{n}"}, n=n)
        for n, data in enumerate((BAD, GOOD))
    ]
    site, found = captured(here, {"a.warc.gz": members(records)})
    assert found == {"http://a.example/0": CASE, "http://a.example/1": TAKEN}
    (stored,) = (site / "captures").iterdir()
    assert stored.samefile(here / "held" / "a.warc.gz")
    stored.unlink()
    assert not is_on_disk(site, BAD)


def test_an_archive_that_cannot_be_linked_is_not_copied(here, monkeypatch):
    def refuse(*_):
        raise OSError

    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(Exception, match="cannot be linked into the store, and is not copied while"):
        captured(here, {"a.zip": zipped({"bad.png": BAD})})
    assert not is_on_disk(here / "site", BAD)


def test_a_repository_is_not_copied(here):
    recipe = loads(RECIPE.replace('"held"', f'"git+file://{here}@main"').replace("image_caption", "code"), base=here)
    with pytest.raises(SourceError, match="are not copied into the store while the recipe has block_lists"):
        capture(recipe, site_at(here / "site"), recipe.sources[0])


def test_a_crawl_writes_nothing_of_what_is_blocked(folder):
    answers = {
        "/": page("/bad.png", "/good.png", text='<img src="/bad.png"><img src="/copy.jpg"><img src="/good.png">'),
        "/bad.png": http(BAD, type="image/png"),
        "/copy.jpg": http(COPY, type="image/jpeg"),
        "/good.png": http(GOOD, type="image/png"),
    }
    out = io.BytesIO()
    plan = CrawlPlan(
        source="s", contact="nobody@corpus.example", seeds=("http://a.example/",), delay_s=0.0, media=("image",)
    )
    with serving(answers) as (port, _), Guard([block_list("known.txt", folder)]) as guard:
        hosts = {"a.example": ("127.0.0.1", port)}
        store = Store(root=str(folder / "store"))
        at = Round(store=store, folder="hosts", over="over", began=1e9, screen=lambda answer: screened(guard, answer))
        rows = crawl(plan, out, clock=lambda: 1e9, hosts=hosts, at=at).outcomes.to_pylist()
    cases = {row["uri"]: (row["outcome"], row["reason"], row["detail"]) for row in rows if row["reason"]}
    assert cases == {
        "http://a.example/bad.png": ("refused", "blocked_by_hash", "its sha256 is on a block list"),
        "http://a.example/copy.jpg": (
            "refused",
            "blocked_by_hash",
            "its PDQ hash is within 31 bits of one on a block list",
        ),
    }
    (folder / "w").mkdir()
    (folder / "w" / "crawl.warc.gz").write_bytes(out.getvalue())
    assert [is_on_disk(folder / "w", data) for data in (BAD, COPY, GOOD)] == [False, False, True]
    assert [is_on_disk(folder / "store", data) for data in (BAD, COPY, GOOD)] == [False, False, True]


@pytest.mark.parametrize("line", ["sha256:12", "md5:" + "0" * 64, "x" * 64, "pdq:"])
def test_a_line_that_is_no_hash_stops_everything(here, line):
    (here / "known.txt").write_text("# fine\n" + line)
    with pytest.raises(RecipeError, match=r"known.txt, line 2: .* is no sha256:HEX or pdq:HEX"):
        loads(RECIPE, base=here)


def test_a_missing_or_changed_list_stops_everything_and_its_content_is_the_recipes_identity(here):
    recipe = loads(RECIPE, base=here)
    assert loads(dump(recipe), base=here) == recipe
    (here / "known.txt").write_text("0" * 64)
    with pytest.raises(RecipeError, match="changed while it was used"):
        Guard(recipe.block_lists)
    other = loads(RECIPE, base=here)
    assert other.digest != recipe.digest != loads(RECIPE.replace('block_lists = ["known.txt"]\n', ""), base=here).digest
    (here / "known.txt").rename(here / "elsewhere.txt")
    assert loads(RECIPE.replace("known", "elsewhere"), base=here).digest == other.digest
    with pytest.raises(RecipeError, match=r"cannot be read: .* nothing is captured without it"):
        loads(RECIPE, base=here)
