"""Rows 34, 35 and 38 of the fault table: archives cut at every offset, with flipped bits, with stretches gone.

Three laws, for each damage: every record whose stored bytes were not touched comes out equal; no record that is not one of
the originals comes out as good; the stored ranges of records and gaps cover the file, so all damage is reported.
"""

import gzip
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import pytest

from pipelines.capture.members import MAGIC
from pipelines.capture.warc import Gap, Record, records
from schemas.digest import sha256
from schemas.reasons import Reason
from tests.capture.archives import arc, chunked, http, member, warc

WORDS = [b"amt", b"berg", b"chor", b"dorf", b"erde", b"fass", b"gold", b"haus"]


def body(n: int) -> bytes:
    chosen = random.Random(n)
    return (
        b"<p>"
        + b" ".join(chosen.choice(WORDS) + b"%d" % chosen.randrange(999) for _ in range(20 + 9 * n))
        + b"</p>\n\n"
    )


def warcs() -> list[bytes]:
    """Eight records: pages (chunked, coded), a picture of noise, a request, a record that is all text."""
    noise = random.Random(1).randbytes(700)
    return [
        warc("warcinfo", b"software: test\r\n", n=0),
        warc("response", http(body(1), "Content-Type: text/html"), n=1),
        warc("request", b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", n=2),
        warc("response", http(chunked(body(3), [50, 60]), "Transfer-Encoding: chunked"), n=3),
        warc("response", http(noise, "Content-Type: image/png"), n=4),
        warc("resource", b"a resource\r\n\r\nwith blank lines\r\n\r\n", n=5),
        warc("response", http(gzip.compress(body(6), mtime=0), "Content-Encoding: gzip"), n=6),
        warc("conversion", "Ein Text über Häuser".encode(), n=7),
    ]


def arcs() -> list[bytes]:
    return [arc("filedesc://x.arc", b"1 0 test\nURL IP Date Type Length\n", "text/plain")] + [
        arc(f"http://example.com/{n}", http(body(n))) for n in range(4)
    ]


FORMS: dict[str, Callable[[], list[bytes]]] = {
    "a.warc.gz": lambda: [member(record) for record in warcs()],
    "a.warc": warcs,
    "a.arc.gz": lambda: [member(record) for record in arcs()],
    "a.arc": arcs,
}


def read(folder: Path, name: str, data: bytes) -> list[Record | Gap]:
    path = folder / name
    path.write_bytes(data)
    return list(records(path))


def placeless(record: Record) -> Record:
    return replace(record, offset=0, length=0)


def is_good(found: Record | Gap) -> TypeGuard[Record]:
    return isinstance(found, Record) and found.problem is None


def assert_covers(found: list[Record | Gap], data: bytes) -> None:
    """Every stored byte is in exactly one record or gap, in order, and a gap's digest is of its bytes."""
    at = 0
    for one in found:
        assert one.offset == at
        at += one.length
        if isinstance(one, Gap):
            assert one.sha256 == sha256(data[one.offset : at])
    assert at == len(data)


def block(data: bytes, one: Record) -> bytes:
    """The block as stored: what a WARC digest proves. No checksum covers the header of an uncompressed record."""
    stored = data[one.offset : one.offset + one.length]
    return (gzip.decompress(stored) if stored.startswith(b"\x1f\x8b") else stored).partition(b"\r\n\r\n")[2].rstrip()


@pytest.fixture(params=list(FORMS))
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, list[bytes], list[Record]]:
    """Name, stored records, and what they read as when intact."""
    stored = FORMS[request.param]()
    intact = read(tmp_path, request.param, b"".join(stored))
    assert all(is_good(one) for one in intact)
    assert len(intact) == len(stored)
    return request.param, stored, [one for one in intact if isinstance(one, Record)]


def test_a_file_cut_anywhere_gives_all_whole_records_and_one_report(
    archive: tuple[str, list[bytes], list[Record]], tmp_path: Path
) -> None:
    name, stored, intact = archive
    data = b"".join(stored)
    ends = [one.offset + one.length for one in intact]
    for cut in random.Random(34).sample(range(1, len(data)), 400) + ends:
        found = read(tmp_path, name, data[:cut])
        whole = [one for one in intact if one.offset + one.length <= cut]
        assert_covers(found, data[:cut])
        assert found[: len(whole)] == whole, cut
        rest = found[len(whole) :]
        if cut in ends:
            assert rest == [], cut
        elif rest and is_good(rest[0]):  # only (part of) the separator is gone, and the block's digest still holds
            assert placeless(rest[0]) == placeless(intact[len(whole)]), cut
            assert ends[len(whole)] - cut <= 4
        else:
            [cut_one] = rest
            reason = cut_one.reason if isinstance(cut_one, Gap) else cut_one.problem
            assert reason is Reason.RECORD_TRUNCATED or cut - (ends[len(whole) - 1] if whole else 0) < 80, (
                cut,
                cut_one,
            )


def test_no_flipped_bit_loses_an_intact_record_or_passes_an_altered_one(
    archive: tuple[str, list[bytes], list[Record]], tmp_path: Path
) -> None:
    name, stored, intact = archive
    data = b"".join(stored)
    chosen = random.Random(35)
    for _ in range(1000):
        place, bit = chosen.randrange(len(data)), chosen.randrange(8)
        damaged = bytearray(data)
        damaged[place] ^= 1 << bit
        found = read(tmp_path, name, bytes(damaged))
        assert_covers(found, bytes(damaged))
        check(name, intact, data, range(place, place + 1), found, bytes(damaged))


def check(
    name: str, intact: list[Record], data: bytes, damage: range, found: list[Record | Gap], damaged: bytes
) -> None:
    """The laws. `damage`: the touched stretch of the file, whose size did not change."""
    touched = [one for one in intact if one.offset < damage.stop and damage.start < one.offset + one.length]
    whole = [one for one in intact if one not in touched]
    assert [one for one in found if one in whole] == whole, damage
    for one in found:
        if not isinstance(one, Record) or one.problem is not None or one in whole:
            continue
        if name.endswith(".gz"):
            assert one in touched, damage  # a flip in a member's header that says nothing: time, operating system
        elif name == "a.warc":
            assert block(damaged, one) in [block(data, other) for other in touched], damage
        else:  # an ARC has no digests: its framing can be proven, its content cannot
            assert (one.offset, one.length) in [(other.offset, other.length) for other in touched], damage


@pytest.mark.parametrize("name", ["a.warc.gz", "a.warc"])
def test_a_stretch_of_garbage_hides_no_record_around_it(name: str, tmp_path: Path) -> None:
    stored = FORMS[name]()
    data = b"".join(stored)
    intact = [one for one in read(tmp_path, name, data) if isinstance(one, Record)]
    chosen = random.Random(350)
    for _ in range(200):
        start = chosen.randrange(len(data))
        size = min(chosen.choice([2, 50, 900]), len(data) - start)
        damaged = data[:start] + chosen.randbytes(size) + data[start + size :]
        found = read(tmp_path, name, damaged)
        assert_covers(found, damaged)
        check(name, intact, data, range(start, start + size), found, damaged)


@pytest.mark.parametrize("name", ["a.warc.gz", "a.warc"])
def test_a_missing_stretch_hides_no_record_around_it(name: str, tmp_path: Path) -> None:
    stored = FORMS[name]()
    data = b"".join(stored)
    intact = [one for one in read(tmp_path, name, data) if isinstance(one, Record)]
    chosen = random.Random(351)
    for _ in range(200):
        start = chosen.randrange(len(data) - 1000)
        stop = start + chosen.randrange(1, 1000)
        damaged = data[:start] + data[stop:]
        found = read(tmp_path, name, damaged)
        assert_covers(found, damaged)
        whole = [placeless(one) for one in intact if one.offset >= stop or one.offset + one.length <= start]
        good = [placeless(one) for one in found if isinstance(one, Record) and one.problem is None]
        assert [one for one in good if one in whole] == whole, (start, stop)
        blocks = [block(data, one) for one in intact]
        assert all(block(damaged, one) in blocks for one in found if is_good(one)), (start, stop)


@pytest.mark.parametrize("more", [-200, -5, -1, 1, 2, 3, 150, 700])
@pytest.mark.parametrize("digest", [True, False])
def test_a_wrong_length_is_seen_and_does_not_swallow_the_records_behind_it(
    tmp_path: Path, more: int, digest: bool
) -> None:
    every = [warc("response", http(body(n)), n=n, digest=digest) for n in range(4)]
    length = {"Content-Length": str(len(http(body(1))) + more)}
    data = every[0] + warc("response", http(body(1)), length, n=1, digest=digest) + every[2] + every[3]
    found = read(tmp_path, "a.warc", data)
    assert_covers(found, data)
    assert [one.uri for one in found if is_good(one)] == [f"http://example.com/{n}" for n in (0, 2, 3)]
    assert isinstance(found[1], Gap) == (more >= 150)  # reaches into the next record: not even its end is known


def test_a_false_start_of_a_member_in_the_damage_is_passed_over(tmp_path: Path) -> None:
    data = MAGIC + b"no" + member(b"a member, but no record") + MAGIC + member(warc("response", http(body(1)), n=1))
    found = read(tmp_path, "a.warc.gz", data)
    assert [(type(one), is_good(one)) for one in found] == [(Gap, False), (Record, True)]


def test_damage_in_one_gzip_stream_keeps_what_was_before_it_but_not_as_good(tmp_path: Path) -> None:
    data = gzip.compress(b"".join(warcs()), mtime=0)
    for damaged in (data[: len(data) // 2], data[:-6] + b"\0" + data[-5:]):
        found = read(tmp_path, "a.warc.gz", damaged)
        assert isinstance(found[-1], Gap)
        assert (found[-1].offset, found[-1].length) == (0, len(damaged))
        before = [one for one in found[:-1] if isinstance(one, Record)]
        assert len(before) >= 3
        assert {one.problem for one in before} == {Reason.ARCHIVE_DAMAGED}
        assert [one.uri for one in before] == [
            None if n == 0 else f"http://example.com/{n}" for n in range(len(before))
        ]


def test_a_whole_record_behind_a_damaged_stream_is_read(tmp_path: Path) -> None:
    stream = bytearray(gzip.compress(b"".join(warcs()), mtime=0))
    stream[len(stream) // 2] ^= 0x10
    last = warc("response", http(body(9)), n=9)
    found = read(tmp_path, "a.warc.gz", bytes(stream) + member(last))
    assert is_good(found[-1])
    assert isinstance(found[-1], Record)
    assert found[-1].uri == "http://example.com/9"
