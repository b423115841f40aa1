import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.shard.tar import BLOCK, END, ShardHead, ShardReader, ShardWriter, header, read_shard, trailer
from schemas.digest import merkle_root, sha256
from schemas.errors import ShardError

HEAD = ShardHead(config="text", lane="web", split="train", shard="train-000000", schema_digest="00")
KEYS = st.binary(min_size=16, max_size=16).map(bytes.hex)
PARTS = st.dictionaries(
    st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True), st.binary(max_size=1200), min_size=1, max_size=3
)


def written(samples: dict[str, dict[str, bytes]]) -> tuple[bytes, ShardWriter]:
    out = io.BytesIO()
    writer = ShardWriter(out, HEAD)
    for key, parts in samples.items():
        writer.add(key, parts)
    writer.finish()
    return out.getvalue(), writer


def stored(folder: Path, content: bytes) -> Path:
    path = folder / "shard.tar"
    path.write_bytes(content)
    return path


SAMPLES = {"0" * 32: {"txt": b"eins", "json": b"{}"}, "f" * 32: {"json": b"x" * BLOCK, "txt": b"zwei"}}
CONTENT, WRITER = written(SAMPLES)


def test_header_is_one_that_tarfile_reads() -> None:
    info = tarfile.TarInfo.frombuf(header("a.json", 1234), "ascii", "strict")
    assert (info.name, info.size, info.mode, info.mtime, info.uid, info.gid, info.uname, info.gname, info.isreg()) == (
        "a.json", 1234, 0o444, 0, 0, 0, "", "", True,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "size"), [("", 1), ("ä.json", 1), ("x" * 101, 1), ("a", 8**11), ("a", -1)])
def test_header_refuses_what_ustar_cannot_say(name: str, size: int) -> None:
    with pytest.raises(ShardError):
        header(name, size)


def test_header_takes_the_longest_name_and_the_largest_size() -> None:
    info = tarfile.TarInfo.frombuf(header("x" * 100, 8**11 - 1), "ascii", "strict")
    assert (info.name, info.size) == ("x" * 100, 8**11 - 1)


def test_tarfile_reads_header_then_sorted_parts_then_trailer() -> None:
    with tarfile.open(fileobj=io.BytesIO(CONTENT)) as tar:
        names = [member.name for member in tar]
    a, b = "0" * 32, "f" * 32
    assert names == ["__header__", f"{a}.json", f"{a}.txt", f"{b}.json", f"{b}.txt", "__trailer__"]


def test_trailer_counts_and_roots_the_members() -> None:
    with tarfile.open(fileobj=io.BytesIO(CONTENT)) as tar:
        found = tar.extractfile("__trailer__").read()  # type: ignore[union-attr]
    root = merkle_root([sha256(b"{}"), sha256(b"eins"), sha256(b"x" * BLOCK), sha256(b"zwei")])
    assert found == trailer(HEAD, 4, 2, 2 + 4 + BLOCK + 4, root)


def test_writer_knows_the_digests_and_size_of_what_it_wrote() -> None:
    assert WRITER.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert WRITER.md5 == hashlib.md5(CONTENT).hexdigest()
    assert WRITER.bytes == len(CONTENT)


def test_index_has_first_headers_and_the_end_of_the_last_sample() -> None:
    offsets = [int.from_bytes(WRITER.index()[i : i + 8], "little") for i in range(0, 24, 8)]
    assert [CONTENT[offset : offset + 16] for offset in offsets] == [b"0" * 16, b"f" * 16, b"__trailer__" + bytes(5)]


@given(st.dictionaries(KEYS, PARTS, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, samples: dict) -> None:
    content, writer = written(samples)
    path = stored(tmp_path_factory.getbasetemp(), content)
    found = list(read_shard(path))
    assert {sample.key: dict(sample.parts) for sample in found} == samples
    assert [sample.key for sample in found] == list(samples)
    assert [sample.offset for sample in found] == writer.offsets[:-1]
    assert ShardReader(path).head == HEAD
    for sample in found:
        for member in sample.members:
            start = member.content_offset
            assert content[start : start + member.size] == sample.parts[member.extension]


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    # Each byte would take seconds; every 7th visits every field of every header.
    for at in range(0, len(CONTENT), 7):
        damaged = bytearray(CONTENT)
        damaged[at] ^= 0x20
        with pytest.raises(ShardError):
            list(read_shard(stored(tmp_path, bytes(damaged))))


def test_every_cut_is_found(tmp_path: Path) -> None:
    for end in range(0, len(CONTENT), 251):
        with pytest.raises(ShardError):
            list(read_shard(stored(tmp_path, CONTENT[:end])))


def member(name: str, content: bytes) -> bytes:
    return header(name, len(content)) + content + bytes(-len(content) % BLOCK)


KEY = "0" * 32
HEADER = member("__header__", HEAD.content())
ONE = member(f"{KEY}.json", b"{}")
TRAILER = member("__trailer__", trailer(HEAD, 1, 1, 2, merkle_root([sha256(b"{}")])))


def test_the_pieces_of_the_next_tests_make_a_shard(tmp_path: Path) -> None:
    assert [s.key for s in read_shard(stored(tmp_path, HEADER + ONE + TRAILER + END))] == [KEY]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (ONE + TRAILER + END, "first member is not __header__"),
        (HEADER + ONE + END, "__trailer__ is missing"),
        (HEADER + ONE + TRAILER + TRAILER + END, "a member follows __trailer__"),
        (HEADER + TRAILER + ONE + END, "a member follows __trailer__"),
        (HEADER + ONE + ONE + TRAILER + END, "not sorted or not unique"),
        (HEADER + member(f"{KEY}.txt", b"a") + ONE + TRAILER + END, "not sorted or not unique"),
        (HEADER + member("../../etc/passwd", b"a") + ONE + TRAILER + END, "neither"),
        (HEADER + member(f"{KEY.upper()}X.json", b"a") + TRAILER + END, "neither"),
        (HEADER + ONE + TRAILER + END + bytes(BLOCK), "two zero blocks"),
        (HEADER + ONE + TRAILER + bytes(BLOCK), "reaches past the end"),
        (HEADER + header(f"{KEY}.json", 8**10) + b"{}", "reaches past the end"),
        (member("__header__", b"[]") + ONE + TRAILER + END, "__header__ is not readable"),
        (member("__header__", HEAD.content().replace(b'n": 1', b'n": 2')) + ONE + TRAILER + END, "version 2"),
        (b"", "cut short"),
    ],
)
def test_reader_names_what_is_wrong(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(ShardError, match=says):
        list(read_shard(stored(tmp_path, content)))


@pytest.mark.parametrize("typeflag", [b"1", b"2", b"5", b"L", b"x"])
def test_links_folders_and_extensions_of_tar_are_refused(tmp_path: Path, typeflag: bytes) -> None:
    info = tarfile.TarInfo.frombuf(header(f"{KEY}.json", 0), "ascii", "strict")
    info.type = typeflag
    with pytest.raises(ShardError, match="damaged or was not written by Headwater"):
        list(read_shard(stored(tmp_path, HEADER + info.tobuf(tarfile.USTAR_FORMAT) + TRAILER + END)))
