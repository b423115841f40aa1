"""The worked run of docs/five-lanes.md: five lanes of the shared real data in one release, told whole.

After a change of output that is meant, `python -m tests.test_five_lanes` writes what the page shows anew; blocks that are abridged
with `...` it leaves, and names those that no longer hold.
"""

import gzip
import json
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import unicodedata
import zipfile
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from pipelines.audit.drops import drops
from pipelines.audit.open import Ledger
from pipelines.audit.why import why
from pipelines.cli import main
from pipelines.late.change import changed
from pipelines.late.replay import Replay
from pipelines.late.stored import stored
from pipelines.recipe import loads
from pipelines.run import run
from pipelines.shard.verify import verify_release
from tests.conftest import site_at
from tests.golden import table as golden
from tests.test_archives import against_gold

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DOC = Path(__file__).resolve().parents[1] / "docs" / "five-lanes.md"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared real data is not beside this checkout")

LANES = ("audio", "books", "code", "image_caption", "web")
RECIPE = DOC.read_text("utf-8").split("```toml\n")[1].split("```")[0]
# Lines that name a run or a release, or that a clock wrote.
OWN = re.compile(r"five-lanes-[0-9a-f]{12}|^(seconds|reused): ")
EDITIONS = ("11-0.txt", "11.txt", "old/alice30.txt", "11-h/11-h.htm", "book.asciidoc")
FROG = {"sound": "animals__amphibians__frog.ogg", "picture": "animals__amphibians__frog.png"}


def shell(command: str) -> str:
    """What a command of the page prints, in the current folder."""
    words = shlex.split(command)
    if words[0] != "headwater":
        return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
    out = StringIO()
    with redirect_stdout(out):
        assert main(words[1:]) == 0
    return out.getvalue()


def page() -> list[tuple[list[str], list[str]]]:
    """(commands, lines they print) of the page, in order."""
    blocks = [block.strip("\n").split("\n") for block in DOC.read_text("utf-8").split("```")[1::2]]
    shown = [block for block in blocks if block[0] != "toml"]
    return [([line.removeprefix("$ ") for line in shown[i]], shown[i + 1]) for i in range(0, len(shown), 2)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The run of the page. `printed`: what its blocks of commands printed. `open`, `permissive`: the ledger after each run."""

    folder: Path
    printed: list[str]
    open: Ledger
    permissive: Ledger

    def release(self, ledger: Ledger) -> Path:
        (row,) = ledger.db.rows("SELECT DISTINCT release FROM run")
        return self.folder / "site" / "releases" / row["release"]


def run_page(folder: Path) -> list[str]:
    """What each block of commands prints, in this new folder."""
    (folder / "data").symlink_to(DATA)
    (folder / "corpus.toml").write_text(RECIPE, "utf-8")
    (folder / "site").mkdir()
    (folder / "site" / "site.toml").write_text("[run]\nworkers = 1\n")
    with chdir(folder):
        return ["".join(map(shell, commands)) for commands, _ in page()]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("five")
    printed = run_page(folder)
    opened, permissive = (Ledger.open(site_at(folder / "site").store, commit=commit) for commit in (0, 1))
    return Made(folder=folder, printed=printed, open=opened, permissive=permissive)


def fates(ledger, where):
    """URI without its scheme and source -> (state, reason) of the items that were not split, under a condition."""
    rows = ledger.db.rows(
        "SELECT c.uri, d.state, d.reason FROM item i JOIN capture c USING (capture_id) JOIN disposition d USING (item_id)"
        f" WHERE d.state <> 'split' AND {where}"
    )
    return {row["uri"].partition("//")[2].partition("/")[2]: (row["state"], row["reason"]) for row in rows}


def samples(folder):
    """Key -> {suffix: bytes} of every sample of a lane."""
    found = {}
    for path in sorted((folder / "data").glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, suffix = member.name.partition(".")
                if suffix:
                    found.setdefault(key, {})[suffix] = tar.extractfile(member).read()
    return found


def read(name):
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def told(lines: list[str]) -> list[str]:
    """The lines that do not differ from run to run."""
    return [line.rstrip() for line in lines if line.strip() and not OWN.search(line)]


def missing(shown: list[str], printed: str) -> list[str]:
    """The lines of an abridged block that were not printed in that order."""
    rest = iter(told(printed.split("\n")))
    return [line for line in told(shown) if line != "..." and line not in rest]


def test_the_commands_of_the_page_print_what_the_page_shows(made):
    for (_, shown), printed in zip(page(), made.printed, strict=True):
        if "..." in shown:
            assert missing(shown, printed) == []
        else:
            assert told(printed.split("\n")) == told(shown)


def test_one_release_has_five_lanes_whose_bytes_verify(made):
    release = made.release(made.open)
    assert tuple(sorted(path.name for path in release.iterdir() if path.is_dir())) == LANES
    assert verify_release(release).problems == ()


def test_items_end_as_the_golden_table_says(made):
    assert list(golden.complaints(golden.pinned("shared"), golden.table(made.open, RECIPE))) == []


@pytest.mark.parametrize(("then", "now"), [("open", "permissive"), ("permissive", "open")])
def test_what_if_tells_the_run_under_the_other_policy(made, then, now):
    there, after = (stored(getattr(made, name)) for name in (then, now))
    fates = Replay(there, changed(there.recipe, [f"policy={after.recipe.policy}"])).fates()
    found = sorted(tuple(row.values()) for one in fates.values() for row in one.after.to_pylist())
    assert found == sorted(tuple(row.values()) for row in after.table("disposition").to_pylist())


@pytest.mark.parametrize("name", ["open", "permissive"])
def test_every_lane_balances_and_every_loss_has_a_reason(made, name):
    ledger = getattr(made, name)
    rows = drops(ledger).to_pylist()
    assert [row for row in rows if (row["reason"] is None) != (row["state"] in ("kept", "split"))] == []
    entered = {
        row["lane"]: row["n"]
        for row in ledger.db.rows("SELECT lane, count(DISTINCT item_id) AS n FROM item GROUP BY lane")
    }
    assert {lane: sum(row["items"] for row in rows if row["lane"] == lane) for lane in LANES} == entered


def test_the_web_comes_out_as_it_does_alone(made):
    assert against_gold(made.open) == {}


def test_five_editions_end_in_one_kept_item_and_no_address_is_lost(made):
    found = fates(made.open, "i.source = 'gutenberg'")
    assert found == dict.fromkeys(EDITIONS, ("merged", "near_duplicate")) | {
        "old/alice30.txt": ("kept", None),
        "LICENSE": ("dropped", "no_text"),
    }
    found = fates(made.open, "i.source = 'inaugural'")
    assert found.pop("inaugural.zip!/inaugural/README") == ("dropped", "too_few_words")
    assert (set(found.values()), len(found)) == ({("kept", None)}, 59)


def test_wav_and_flac_of_a_clip_join_and_clips_without_words_are_dropped(made):
    found = fates(made.open, "i.source = 'ljspeech'")
    by_clip = {}
    for name, fate in found.items():
        by_clip.setdefault(name[-len("0001.flac") :].partition(".")[0].lstrip("-"), []).append(fate)
    joined, silent = [("kept", None), ("merged", "exact_duplicate")], [("dropped", "transcript_missing")] * 2
    assert {clip: sorted(ends, key=str) for clip, ends in by_clip.items()} == {
        **dict.fromkeys(("0001", "0002", "0003", "0004"), joined), **dict.fromkeys(("0009", "0010", "0011"), silent),
    }  # fmt: skip


def test_captions_and_transcripts_are_published_as_they_were_said(made):
    def said(name, text):
        return {row["file"]: row[text] for row in read(name) if not row.get("suspect")}

    for lane, tables in {
        "image_caption": {"stamps.tar": ("images/stamps_captions.jsonl", "caption")},
        "audio": {
            "stamps_sounds.tar": ("audio/stamps_sounds.jsonl", "text"),
            "asterisk_en.tar.gz": ("audio/asterisk_en.jsonl", "text"),
        },
    }.items():
        found = {}
        for sample in samples(made.release(made.open) / lane).values():
            archive, _, name = json.loads(sample["json"])["url"].rpartition("/")[0:3]
            found.setdefault(archive.rstrip("!").rpartition("/")[2], {})[name] = sample["txt"].decode()
        for archive, (table, column) in tables.items():
            wanted = said(table, column)
            wanted = {
                n: unicodedata.normalize("NFC", " ".join(t.split())) for n, t in wanted.items() if n in found[archive]
            }
            assert {name: found[archive][name] for name in wanted} == wanted
            assert len(wanted) > 0.9 * len(said(table, column))


def test_no_sound_is_lost_but_to_silence_and_copies(made):
    suspect = {row["file"] for row in read("audio/stamps_sounds.jsonl") if row["suspect"]}
    found = fates(made.open, "i.source IN ('stamps_sounds', 'asterisk')")
    lost = {name.partition("!/")[2]: fate for name, fate in found.items() if fate[0] == "dropped"}
    assert {name: fate for name, fate in lost.items() if name not in suspect} == {
        "animals__birds__nandou.ogg": ("dropped", "silent"),
        "animals__lizards__iguana.ogg": ("dropped", "silent"),
        "animals__mammals__giraffe.ogg": ("dropped", "silent"),
        "animals__marsupials__wombat.ogg": ("dropped", "silent"),
        "space__apollo_lander.ogg": ("dropped", "low_sample_rate"),
    }
    assert len(found) == 404 + 248


def test_under_permissive_no_file_under_the_gpl_is_accepted(made):
    gold = {row["path"]: row["licence"] or "" for row in read("code/licence_gold.jsonl")}
    found = fates(made.permissive, "i.lane = 'code'")
    found = {name.partition("!/")[2]: fate for name, fate in found.items()}
    assert {fate for name, fate in found.items() if "GPL" in gold.get(name, "")} == {("dropped", "licence_not_allowed")}
    assert {fate for name, fate in found.items() if name.startswith("nolicence_project/")} == {
        ("dropped", "licence_unknown")
    }
    kept = made.permissive.db.rows("SELECT DISTINCT licence FROM item JOIN placement USING (item_id)")
    assert [row["licence"] for row in kept if "GPL" in (row["licence"] or "")] == []


def kept(ledger, where):
    """The one kept item under a condition: (its id, its URI)."""
    (row,) = ledger.db.rows(
        "SELECT i.item_id, c.uri FROM item i JOIN capture c USING (capture_id) JOIN disposition d USING (item_id)"
        f" WHERE d.state = 'kept' AND {where}"
    )
    return row["item_id"].hex(), row["uri"]


def test_why_takes_whatever_a_person_holds(made, tmp_path):
    for lane, source, archive, name, payload in (
        ("audio", "stamps_sounds", "audio/stamps_sounds.tar", FROG["sound"], "flac"),
        ("image_caption", "stamps", "images/stamps.tar", FROG["picture"], "jpg"),
        ("audio", "asterisk", "audio/asterisk_en.tar.gz", "agent-pass.wav", "flac"),
        ("audio", "ljspeech", "audio/ljspeech.tar", "LJ001-0002.flac", "flac"),
        ("code", "code", "code/jq.tar.gz", "jq/.travis.yml", "json"),
    ):
        item, uri = kept(made.open, f"i.source = '{source}' AND c.uri LIKE '%!/{name}'")
        with tarfile.open(DATA / archive) as tar:
            (tmp_path / "captured").write_bytes(tar.extractfile(name).read())
        member = tmp_path / f"{item[:32]}.{payload}"
        member.write_bytes(samples(made.release(made.open) / lane)[item[:32]][payload])
        named = [uri, item, item[:8], item[:32], member, tmp_path / "captured", member.name]
        if payload != "json":  # the ledger knows these bytes under any name
            named.append(shutil.copyfile(member, tmp_path / f"renamed.{payload}"))
        for one in named:
            (told,) = [capture for capture in why(made.open, str(one))["captures"] if capture["uri"] == uri]
            (child,) = told["items"][0]["children"]
            assert (child["item_id"], child["disposition"]["state"]) == (item, "kept"), one
            assert child["placements"][0]["key"] == item[:32]


# A few captures of every lane, under the names that the recipe has.
MEMBERS = {
    "images/stamps.tar": 12, "audio/stamps_sounds.tar": 12, "audio/asterisk_en.tar.gz": 8, "audio/ljspeech.tar": 15,
}  # fmt: skip
TABLES = ("images/stamps_captions.jsonl", "audio/stamps_sounds.jsonl", "audio/asterisk_en.jsonl")
WHOLE = (
    "web/warc/warcio/example.warc.gz", "books/gutenberg_11/11.txt", "books/gutenberg_11/old/alice30.txt",
    "code/golang-github-pkg-errors.tar.gz", "code/nolicence_project.tar.gz",
)  # fmt: skip


def part_of_the_data(folder, step):
    """Writes it, members and lines in their order (step 1) or the other way round (step -1)."""

    def at(name):
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    for name in WHOLE:
        shutil.copyfile(DATA / name, at(name))
    for name in TABLES:
        at(name).write_text("\n".join((DATA / name).read_text("utf-8").splitlines()[::step]), "utf-8")
    for name, count in MEMBERS.items():
        with tarfile.open(DATA / name) as whole, tarfile.open(at(name), "w:gz" if name.endswith("gz") else "w") as part:
            for member in whole.getmembers()[:count][::step]:
                part.addfile(member, whole.extractfile(member))
    with (
        zipfile.ZipFile(DATA / "books/inaugural.zip") as whole,
        zipfile.ZipFile(at("books/inaugural.zip"), "w") as part,
    ):
        for name in whole.namelist()[1:4][::step]:
            part.writestr(name, whole.read(name))
    crawl = gzip.decompress((DATA / "web/cc_crawl/crawl.warc.gz").read_bytes()).split(b"WARC/1.0\r\n")[1:]
    records = [gzip.compress(b"WARC/1.0\r\n" + record, mtime=0) for record in crawl[:12][::step]]
    at("web/cc_crawl/crawl.warc.gz").write_bytes(b"".join(records))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """SHA256SUMS and balance of a run over a part of the data."""
    folder = tmp_path_factory.mktemp("small")
    part_of_the_data(folder, 1)
    return sums(folder, RECIPE)


def sums(folder, recipe, **changes):
    site = site_at(folder / "site", **changes)
    result = run(loads(recipe, base=folder), site)
    release = site.store.local(result.release_path)
    lists = {str(path.relative_to(release)): path.read_text() for path in release.rglob("SHA256SUMS")}
    return lists, result.balance


def test_order_size_of_parts_and_folder_change_no_byte(small, tmp_path):
    head, *sources = RECIPE.split("[[source]]\n")
    backwards = "[[source]]\n".join([head, *(f"{source}\n" for source in reversed(sources))])
    part_of_the_data(tmp_path, -1)
    assert sums(tmp_path, backwards, part_rows=9) == small
    assert len(small[0]) == 1 + len(LANES)


def test_beam_makes_the_same_release(small, tmp_path):
    part_of_the_data(tmp_path, 1)
    assert sums(tmp_path, RECIPE, runner="FnApiRunner", part_rows=30) == small


def write_page() -> None:
    """Run the page and write what it shows anew."""
    with tempfile.TemporaryDirectory() as folder:
        printed = run_page(Path(folder))
    text = DOC.read_text("utf-8")
    for (commands, shown), now in zip(page(), printed, strict=True):
        if "..." not in shown and told(shown) != told(now.split("\n")):
            lines = "\n".join(line.rstrip() for line in now.strip("\n").split("\n"))
            text = text.replace("\n".join(shown), lines)
        for line in missing(shown, now) if "..." in shown else ():
            print(f"{commands[0]}: no longer prints: {line}")
    DOC.write_text(text, "utf-8")


if __name__ == "__main__":
    write_page()
