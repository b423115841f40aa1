"""Small copies of inputs: what is taken, what is not, and that a cut archive is whole."""

import gzip
import io
import os
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipelines.capture import sample
from pipelines.capture.archive import capture_archive
from pipelines.capture.layout import Layout, Wanted
from pipelines.capture.sample import UNREACHED, UNREAD, Input, sample_captions, sample_input
from tests.corpus import archive
from tests.corpus.pages import pages


def taken(entry: str, base: Path, captures: int, *, takes_files: bool = False) -> tuple[Input, list[Path]]:
    folder = base / "taken"
    folder.mkdir()
    wanted = Wanted(files=takes_files, words=True, texts=True, evidence={})
    return sample_input("ours", entry, base, captures, folder, layout=Layout(), wanted=wanted)


def outcomes(path: Path) -> list[str]:
    return [
        outcome
        for batch in capture_archive(path, source="x", stored_uri="")
        for outcome in batch.captures.column("outcome").to_pylist()
    ]


@pytest.mark.parametrize("is_zipped", [True, False])
def test_an_archive_is_cut_at_the_end_of_a_record(tmp_path: Path, is_zipped: bool) -> None:
    path = archive.write(tmp_path / "all.warc.gz", pages())
    whole = outcomes(path)
    if not is_zipped:
        (tmp_path / "all.warc").write_bytes(gzip.decompress(path.read_bytes()))
        path = tmp_path / "all.warc"
    found, (copy,) = taken(path.name, tmp_path, 7)
    assert outcomes(copy) == whole[:7]
    assert found == Input(
        source="ours", entry=path.name, files=1, bytes=path.stat().st_size, sampled_bytes=copy.stat().st_size
    )


def test_an_archive_with_fewer_captures_is_taken_whole(tmp_path: Path) -> None:
    path = archive.write(tmp_path / "all.warc.gz", pages())
    _, (copy,) = taken("all.warc.gz", tmp_path, 1000)
    assert copy.read_bytes() == path.read_bytes()


def test_a_sample_is_spread_evenly_over_archives(tmp_path: Path) -> None:
    for number in range(6):
        archive.write(tmp_path / f"{number}.warc.gz", pages()[number : number + 3])
    found, made = taken("*.warc.gz", tmp_path, 3)
    assert [path.name for path in made] == ["0-0.warc.gz", "1-2.warc.gz", "2-4.warc.gz"]
    assert [len(outcomes(path)) for path in made] == [1, 1, 1]
    assert found.files == 6


def test_an_upload_gives_its_first_files_in_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "up" / "b").mkdir(parents=True)
    for name in ("b/2.txt", "b/1.txt", "a.txt", "c.txt"):
        (tmp_path / "up" / name).write_text(name)
    os.truncate(tmp_path / "up" / "c.txt", sample.MAX_FILE_BYTES + 1)
    found, made = taken("up", tmp_path, 3, takes_files=True)
    assert [path.relative_to(tmp_path / "taken").as_posix() for path in made] == ["a.txt", "b/1.txt", "b/2.txt"]
    assert (found.files, found.sampled_bytes) == (4, 5 + 7 + 7)


def test_the_tables_of_an_upload_are_always_taken(tmp_path: Path) -> None:
    for name in ("up/1.png", "up/2.png", "up/z/metadata.csv", "labels.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    _, made = taken("up", tmp_path, 1, takes_files=True)
    assert [path.relative_to(tmp_path / "taken").as_posix() for path in made] == ["1.png", "z/metadata.csv"]
    wanted = Wanted(files=True, words=True, texts=False, evidence={})
    layout = Layout(captions="labels.csv")
    (copy,) = sample_captions(["up", "http://e.example/"], tmp_path, tmp_path / "table", layout=layout, wanted=wanted)
    assert (copy.name, copy.read_text()) == ("labels.csv", "labels.csv")
    assert sample_captions(["up"], tmp_path, tmp_path / "none", layout=Layout(captions="gone"), wanted=wanted) == []


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        ("http://river.example/", UNREACHED),
        ("git+file:///repo@main", UNREAD),
        ("none", "source input .*none does not exist"),
        ("large.bin", r"not sampled: every file is over 67,108,864 bytes"),
    ],
)
def test_what_cannot_be_sampled_has_a_note(tmp_path: Path, entry: str, note: str) -> None:
    (tmp_path / "large.bin").touch()
    os.truncate(tmp_path / "large.bin", sample.MAX_FILE_BYTES + 1)
    found, made = taken(entry, tmp_path, 3, takes_files=True)
    assert made == []
    assert re.match(note, found.note or "")


def tarred(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as packed:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return out.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()


FILES = {f"{'long/' * 30}{n:03d}.jpg": bytes([n]) * 700 for n in range(50)}
PACKED = {"a.tar": tarred(FILES), "a.tar.gz": gzip.compress(tarred(FILES)), "a.zip": zipped(FILES)}


@pytest.mark.parametrize("name", PACKED)
def test_of_an_archive_of_files_the_first_members_are_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PACKED[name])
    found, (copy,) = taken(name, tmp_path, 7, takes_files=True)
    first = dict(list(FILES.items())[:7])
    if name == "a.zip":
        with zipfile.ZipFile(copy) as packed:
            assert {one: packed.read(one) for one in packed.namelist()} == first
    else:
        with tarfile.open(copy) as packed:
            read = {one.name: packed.extractfile(one).read() for one in packed}  # type: ignore[union-attr]
            assert read == first
    assert found.sampled_bytes == copy.stat().st_size < len(PACKED[name])


@pytest.mark.parametrize("name", PACKED)
def test_an_archive_that_cannot_be_read_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no archive at all" * 99)
    _, (copy,) = taken(name, tmp_path, 7, takes_files=True)
    assert copy.read_bytes() == b"no archive at all" * 99
