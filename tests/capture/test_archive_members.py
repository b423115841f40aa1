"""Archives of an upload: every member is a capture, what is no plain file is refused by name, damage costs only itself."""

import bz2
import gzip
import io
import lzma
import tarfile
import time
import zipfile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.capture.entry import Caps
from tests.capture.uploads import PNG, captured, special, tar, zipped

FILES = {
    "src/a.py": b"print('a')\n" * 40,
    "src/.gitignore": b"*.pyc\n",
    "b.txt": b"words, " * 300,
    "p/c.png": PNG,
    "d/empty": b"",
    "long/" + "x" * 120 + "/ä ö.txt": b"far away",
}
QUOTED = "long/" + "x" * 120 + "/%C3%A4%20%C3%B6.txt"
MEMBERS = {name.replace("ä ö", "%C3%A4%20%C3%B6"): data for name, data in FILES.items() if data}
PACKED = {
    "a.tar": lambda data: data,
    "a.tar.gz": lambda data: gzip.compress(data, mtime=0),
    "a.tgz": lambda data: gzip.compress(data[:1000], mtime=0) + gzip.compress(data[1000:], mtime=0),
    "a.tar.bz2": bz2.compress,
    "a.tar.xz": lzma.compress,
    "a.tar.zst": zstandard.compress,
}


def archives():
    return {name: pack(tar(FILES)) for name, pack in PACKED.items()} | {"a.zip": zipped(FILES)}


@pytest.mark.parametrize("name", [*PACKED, "a.zip"])
def test_every_member_is_a_capture_with_its_bytes(name, tmp_path):
    found = captured(tmp_path, {name: archives()[name]})
    assert found.payloads == {f"{name}!/{member}": data for member, data in MEMBERS.items()}
    assert found.outcomes == {f"{name}!/{member}": "fetched" for member in MEMBERS} | {f"{name}!/d/empty": "empty"}
    assert found.row(f"{name}!/src/a.py")["media_type"] == "text/x-python"
    assert found.row(f"{name}!/{QUOTED}")["fetched_at"] is None


def test_a_plain_tar_is_not_copied_and_others_are_end_to_end(tmp_path):
    plain = captured(tmp_path, {"a.tar": tar(FILES)})
    assert plain.parts == []
    assert {row["payload"]["uri"][-4:] for row in plain.captures if row["payload"]} == {".tar"}
    packed = captured(tmp_path / "gz", {"a.tar.gz": gzip.compress(tar(FILES))})
    assert {row["payload"]["uri"] for row in packed.captures if row["payload"]} == set(packed.parts)
    ends = [row["payload"]["offset"] + row["payload"]["length"] for row in packed.captures if row["payload"]]
    assert [row["payload"]["offset"] for row in packed.captures if row["payload"]] == [0, *ends[:-1]]


@pytest.mark.parametrize("name", [*PACKED, "a.zip"])
def test_batches_change_no_capture_and_the_same_archive_gives_the_same_parts(name, tmp_path):
    once = captured(tmp_path, {name: archives()[name]})
    again = captured(tmp_path, {}, site="other")
    small = captured(tmp_path, {}, rows=2, site="small")
    assert (again.captures, again.parts) == (once.captures, once.parts)
    assert small.batches == 3
    strip = [{**row, "payload": None} for row in once.captures]
    assert [{**row, "payload": None} for row in small.captures] == strip
    assert small.payloads == once.payloads


def test_an_archive_is_read_by_its_bytes_whatever_it_is_called(tmp_path):
    found = captured(tmp_path, {"a.zip": tar({"x": b"1"}), "b.tar.gz": tar({"x": b"2"}), "c.tar": zipped({"x": b"3"})})
    assert found.payloads == {"a.zip!/x": b"1", "b.tar.gz!/x": b"2", "c.tar!/x": b"3"}


def test_an_archive_in_an_archive_stays_shut(tmp_path):
    found = captured(tmp_path, {"a.tar": tar({"b.tar.gz": gzip.compress(tar(FILES)), "c.zip": zipped(FILES)})})
    assert {row["uri"]: row["media_type"] for row in found.captures} == {
        "upload://s/a.tar!/b.tar.gz": "application/gzip",
        "upload://s/a.tar!/c.zip": "application/zip",
    }


REFUSED = {
    "/etc/passwd": "an absolute path",
    "C:/x": "an absolute path",
    "../up": "a path that leads out of the archive, or names nothing",
    "a/../../up": "a path that leads out of the archive, or names nothing",
    "a" * 5000: "a path of more than 4096 bytes",
    "good": "a second member of this name; the first one counts",
    "./good": "a second member of this name; the first one counts",
}


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_of_an_unsafe_or_second_name_is_refused_and_the_others_are_kept(kind, name, tmp_path):
    files = [("good", b"1"), (name, b"2"), ("also good", b"3")]
    out = io.BytesIO()
    if kind == "tar":
        with tarfile.open(fileobj=out, mode="w") as archive:
            for member, data in files:
                info = tarfile.TarInfo(member)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    else:
        with zipfile.ZipFile(out, "w") as archive:
            for member, data in files:
                archive.writestr(zipfile.ZipInfo(member), data)
    found = captured(tmp_path, {f"a.{kind}": out.getvalue()})
    assert [(row["outcome"], row["detail"]) for row in found.captures] == [
        ("fetched", None), ("refused", REFUSED[name]), ("fetched", None),
    ]  # fmt: skip
    assert sorted(found.payloads.values()) == [b"1", b"3"]
    assert list((tmp_path / "in").rglob("*")) == [tmp_path / "in" / f"a.{kind}"]


def test_links_and_devices_of_a_tar_are_refused_and_folders_are_nothing(tmp_path):
    data = tar(
        {"a": b"1"},
        "w",
        special("link", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard", tarfile.LNKTYPE, "a"),
        special("null", tarfile.CHRTYPE),
        special("pipe", tarfile.FIFOTYPE),
        special("folder", tarfile.DIRTYPE),
        special("odd", b"Z"),
    )
    found = captured(tmp_path, {"a.tar": data})
    assert {row["uri"].partition("!/")[2]: row["detail"] for row in found.captures if row["outcome"] == "refused"} == {
        "link": "a symbolic link to /etc/passwd", "hard": "a hard link to a", "null": "a device",
        "pipe": "a named pipe", "odd": "of the unknown type b'Z'",
    }  # fmt: skip
    assert found.counts == {"fetched": 1, "refused": 5}


def test_encrypted_members_links_and_unknown_methods_of_a_zip_are_refused(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        for info, data in (
            (link, b"/etc/passwd"),
            (zipfile.ZipInfo("locked"), b"secret"),
            (zipfile.ZipInfo("odd"), b"?"),
        ):
            archive.writestr(info, data)
    data = bytearray(out.getvalue())
    locked = data.rindex(b"locked") - 46
    data[locked + 8] |= 1
    odd = data.rindex(b"odd") - 46
    data[odd + 10] = 14
    found = captured(tmp_path, {"a.zip": bytes(data)})
    assert [(row["outcome"], row["detail"]) for row in found.captures] == [
        ("refused", "a symbolic link"),
        ("refused", "encrypted"),
        ("refused", "compressed by method 14, which is not read"),
    ]


def test_members_that_overlap_are_refused(tmp_path):
    data = bytearray(zipped({"one": b"a" * 100, "two": b"b" * 100}, zipfile.ZIP_STORED))
    second = data.rindex(b"two") - 46
    data[second + 42 : second + 46] = (10).to_bytes(4, "little")  # its local header: inside the first member
    found = captured(tmp_path, {"a.zip": bytes(data)})
    assert [(row["outcome"], row["detail"]) for row in found.captures] == [
        ("fetched", None), ("refused", "it overlaps the member before it"),
    ]  # fmt: skip


def test_a_sparse_file_is_refused_and_the_next_member_found(tmp_path):
    header = bytearray(tar({"sparse": b"x" * 512})[:512])
    header[156:157], header[482] = b"S", 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    data = bytes(header) + bytes(512) + b"x" * 512 + tar({"next": b"1"})
    found = captured(tmp_path, {"a.tar": data})
    assert found.outcomes == {"a.tar!/sparse": "refused", "a.tar!/next": "fetched"}


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_names_come_out_of_every_dialect(form, tmp_path):
    name = "folder/" * 20 + "ü.txt"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        archive.addfile(tarfile.TarInfo(name))
    assert list(captured(tmp_path, {"a.tar": out.getvalue()}).outcomes) == [f"a.tar!/{name.replace('ü', '%C3%BC')}"]


def test_a_name_that_is_no_utf_8_is_percent_encoded_as_it_is(tmp_path):
    data = tar({"caf\udce9.txt": b"1"})
    assert captured(tmp_path, {"a.tar": data}).payloads == {"a.tar!/caf%E9.txt": b"1"}


def test_zips_of_windows_tools_and_old_code_pages_have_readable_names(tmp_path):
    data = zipped({"ab.txt": b"1", "dir_c.txt": b"2"}).replace(b"dir_c", b"dir\\c").replace(b"ab.txt", b"\x84b.txt")
    assert captured(tmp_path, {"a.zip": data}).payloads == {"a.zip!/%C3%A4b.txt": b"1", "a.zip!/dir/c.txt": b"2"}


# Damage


def test_a_cut_gzip_keeps_the_members_before_the_cut_and_names_the_place(tmp_path):
    whole = gzip.compress(tar({"a": b"1" * 5000, "b": bytes(range(256)) * 40, "c": b"3"}), compresslevel=0)
    found = captured(tmp_path, {"a.tar.gz": whole[:9000]})
    assert found.outcomes == {"a.tar.gz!/a": "fetched", "a.tar.gz!/b": "damaged"}
    row = found.captures[-1]
    assert (row["reason"], row["record_type"]) == ("record_truncated", "gap")
    assert row["detail"].endswith("of the unpacked tar: the gzip stream does not end")


def test_a_checksum_that_does_not_hold_keeps_nothing_of_its_stream(tmp_path):
    whole = bytearray(gzip.compress(tar(FILES)))
    whole[-6] ^= 1
    found = captured(tmp_path, {"a.tar.gz": bytes(whole)})
    assert [(row["outcome"], row["reason"]) for row in found.captures] == [("damaged", "archive_damaged")]
    assert "incorrect data check" in found.captures[0]["detail"]


def test_a_later_stream_that_is_damaged_costs_only_itself(tmp_path):
    first, second = tar({"a": b"1" * 400, "b": b"2" * 400})[:2048], tar({"c": b"3"})
    broken = bytearray(gzip.compress(second))
    broken[-6] ^= 1
    found = captured(tmp_path, {"a.tar.gz": gzip.compress(first) + bytes(broken)})
    assert found.outcomes == {"a.tar.gz!/a": "fetched", "a.tar.gz!/b": "fetched", "a.tar.gz": "damaged"}


def test_a_damaged_header_of_a_tar_is_a_gap_and_the_members_behind_it_are_found(tmp_path):
    whole = bytearray(tar({"a": b"1", "b": b"2", "c": b"3"}))
    whole[1024 + 3] ^= 0xFF
    found = captured(tmp_path, {"a.tar": bytes(whole)})
    assert found.outcomes == {"a.tar!/a": "fetched", "a.tar": "damaged", "a.tar!/c": "fetched"}
    row = found.row("a.tar")
    assert (row["payload"]["offset"], row["payload"]["length"]) == (1024, 1024)
    assert row["detail"] == "byte 1024: 1024 bytes: no tar header, or its checksum does not hold"


@pytest.mark.parametrize(("cut", "outcomes"), [
    (1024 + 512 + 100, {"a.tar!/a": "fetched", "a.tar!/b": "damaged"}),
    (1024 + 300, {"a.tar!/a": "fetched", "a.tar": "damaged"}),
    (1024, {"a.tar!/a": "fetched", "a.tar": "damaged"}),
])  # fmt: skip
def test_a_cut_tar_is_said_to_be_cut_wherever_it_was(cut, outcomes, tmp_path):
    assert captured(tmp_path, {"a.tar": tar({"a": b"1", "b": b"2" * 512})[:cut]}).outcomes == outcomes


def test_a_damaged_member_of_a_zip_costs_only_itself(tmp_path):
    whole = bytearray(zipped({"a": b"1" * 50, "b": b"2" * 50, "c": b"3" * 50}, zipfile.ZIP_STORED))
    whole[whole.index(b"2" * 50)] ^= 1
    found = captured(tmp_path, {"a.zip": bytes(whole)})
    assert found.outcomes == {"a.zip!/a": "fetched", "a.zip!/b": "damaged", "a.zip!/c": "fetched"}
    assert found.row("a.zip!/b")["reason"] == "digest_mismatch"


def test_a_cut_zip_gives_the_members_that_are_whole(tmp_path):
    whole = zipped({"a": b"1" * 5000, "b.txt": bytes(range(256)) * 20, "c": b"3"})
    found = captured(tmp_path, {"a.zip": whole[: whole.index(b"b.txt") + 100]})
    assert found.outcomes == {"a.zip!/a": "fetched", "a.zip": "damaged"}
    assert found.row("a.zip")["detail"].endswith("of 2 members that begin, 1 are whole")


def test_a_zip_of_streamed_members_is_read_with_and_without_its_directory(tmp_path):
    class Pipe(io.RawIOBase):
        data = b""

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "abc":
            archive.writestr(name, name.encode() * 2000)
    wanted = {f"a.zip!/{name}": name.encode() * 2000 for name in "abc"}
    assert captured(tmp_path, {"a.zip": pipe.data}).payloads == wanted
    cut = captured(tmp_path / "cut", {"a.zip": pipe.data[: pipe.data.index(b"PK\x01\x02")]})
    assert {name: data for name, data in cut.payloads.items() if name in wanted} == wanted
    assert cut.counts == {"fetched": 3, "damaged": 1}


@pytest.mark.parametrize("name", [name for name in PACKED if name != "a.tar"])
def test_zeros_may_pad_a_compressed_tar_and_anything_else_behind_it_is_damage(name, tmp_path):
    whole = archives()[name]
    assert captured(tmp_path, {name: whole + bytes(1000)}).counts == {"fetched": 5, "empty": 1}
    behind = captured(tmp_path / "2", {name: whole + b"behind"})
    assert behind.counts == {"fetched": 5, "empty": 1, "damaged": 1}
    assert "what follows the end is no" in behind.captures[-1]["detail"]


@pytest.mark.parametrize(
    ("tail", "kept"), [(513, {"a.tar.gz!/a": "fetched", "a.tar.gz!/b": "damaged"}), (1024, {"a.tar.gz": "damaged"})]
)
def test_a_cut_gzip_that_seems_to_have_its_end_counts_as_changed(tail, kept, tmp_path):
    """Its last four bytes are those of a file that ends there: the size of a tar is a multiple of 512."""
    content = b"1" * 2000 + tail.to_bytes(4, "little") + b"2" * 2000
    whole = gzip.compress(tar({"a": b"0", "b": content}), compresslevel=0)
    assert captured(tmp_path, {"a.tar.gz": whole[: whole.index(b"1" * 2000) + 2004]}).outcomes == kept


def test_a_local_header_of_another_name_is_damage(tmp_path):
    data = zipped({"a": b"1", "good.txt": b"2"}).replace(b"good.txt", b"evil.txt", 1)
    assert captured(tmp_path, {"a.zip": data}).outcomes == {"a.zip!/a": "fetched", "a.zip!/good.txt": "damaged"}


def test_a_directory_that_points_elsewhere_is_not_believed(tmp_path):
    data = bytearray(zipped({"a": b"1" * 100, "b": b"2" * 100}, zipfile.ZIP_STORED))
    data[-6:-2] = (int.from_bytes(data[-6:-2], "little") - 7).to_bytes(4, "little")
    found = captured(tmp_path, {"a.zip": bytes(data)})
    assert found.outcomes == {"a.zip!/a": "fetched", "a.zip!/b": "fetched", "a.zip": "damaged"}
    assert "no member lies where the central directory says" in found.row("a.zip")["detail"]


def test_what_lies_before_a_zip_changes_nothing(tmp_path):
    assert captured(tmp_path, {"a.zip": b"#!/bin/sh\n" * 50 + zipped({"a": b"1"})}).payloads == {"a.zip!/a": b"1"}


def test_members_go_into_parts_of_limited_size(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.capture.upload.MEMBERS_BYTES", 100)
    files = {f"{i}": bytes([i]) * 40 for i in range(5)} | {"large": b"x" * 300}
    found = captured(tmp_path, {"a.zip": zipped(files)})
    assert found.payloads == {f"a.zip!/{name}": data for name, data in files.items()}
    assert len(found.parts) == found.batches == 4


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.zip", "a.tar.zst"])
def test_what_is_no_archive_is_one_damaged_capture(name, tmp_path):
    found = captured(tmp_path, {name: b"<html>404 not found</html>" * 50})
    assert found.outcomes == {name: "damaged"}


def test_an_empty_archive_file_is_empty_and_an_archive_of_nothing_gives_nothing(tmp_path):
    found = captured(tmp_path, {"a.tar": b"", "b.tar": tar({}), "c.zip": zipped({})})
    assert found.outcomes == {"a.tar": "empty"}


quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)
WHOLE = {
    "tar.gz": gzip.compress(tar(FILES), mtime=0), "tar.bz2": bz2.compress(tar(FILES)), "tar.xz": lzma.compress(tar(FILES)),
    "tar.zst": zstandard.ZstdCompressor(write_checksum=True).compress(tar(FILES)), "zip": zipped(FILES),
    "two.tar.gz": gzip.compress(tar(FILES)[:2048], mtime=0) + gzip.compress(tar(FILES)[2048:], mtime=0),
}  # fmt: skip


@quick
@given(kind=st.sampled_from(sorted(WHOLE)), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_never_raises_and_no_altered_member_is_taken(kind, place, bit, tmp_path_factory):
    data = bytearray(WHOLE[kind])
    data[int(place * len(data))] ^= 1 << bit
    found = captured(tmp_path_factory.mktemp("flip"), {f"a.{kind}": bytes(data)})
    taken = {row["uri"] for row in found.captures if row["outcome"] == "fetched"}
    for uri, payload in found.payloads.items():
        if f"upload://s/{uri}" in taken:
            assert MEMBERS[uri.partition("!/")[2]] == payload
    assert len(taken) == len(MEMBERS) or found.counts.keys() & {"damaged", "refused"}


@quick
@given(kind=st.sampled_from(sorted(WHOLE)), place=st.floats(0, 1, exclude_max=True))
def test_a_cut_never_raises_and_keeps_what_lay_before_it(kind, place, tmp_path_factory):
    data = WHOLE[kind][: max(1, int(place * len(WHOLE[kind])))]
    found = captured(tmp_path_factory.mktemp("cut"), {f"a.{kind}": data})
    fetched = {row["uri"].partition("!/")[2] for row in found.captures if row["outcome"] == "fetched"}
    assert found.counts.get("damaged", 0) == 1
    assert list(fetched) == [] or all(found.payloads[f"a.{kind}!/{name}"] == MEMBERS[name] for name in fetched)
    # What is taken is what lay first: no member is missing before one that is there.
    assert fetched == set(list(MEMBERS)[: len(fetched)])


# Bombs


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar.zst", "a.zip"])
def test_a_bomb_is_stopped_at_the_cap_in_little_memory_and_time(name, tmp_path):
    import tracemalloc

    zeros = {"zeros": bytes(40 << 20)}
    data = zipped(zeros) if name == "a.zip" else PACKED[name](tar(zeros))
    assert len(data) < 50_000
    caps = Caps(member_bytes=8 << 20, unpacked_bytes=4 << 20, ratio=10)
    tracemalloc.start()
    started = time.process_time()
    found = captured(tmp_path, {name: data}, caps=caps)
    seconds, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(row["outcome"], row["reason"]) for row in found.captures] == [("damaged", "too_large")]
    assert "unpacks to more than" in found.captures[0]["detail"] or name == "a.zip"
    assert peak < 48 << 20
    assert seconds < 10


def test_a_member_of_a_zip_that_unpacks_to_more_than_it_says_is_stopped(tmp_path):
    data = bytearray(zipped({"zeros": bytes(20 << 20), "next": b"1"}))
    at = data.rindex(b"zeros") - 46 + 24
    data[at : at + 4] = (1000).to_bytes(4, "little")
    found = captured(tmp_path, {"a.zip": bytes(data)})
    assert [(row["outcome"], row["detail"]) for row in found.captures] == [
        ("damaged", "byte 0: it unpacks to more than the 1000 bytes it may have"), ("fetched", None),
    ]  # fmt: skip


def test_a_zip_of_many_members_is_stopped_where_all_together_are_too_large(tmp_path):
    data = zipped({f"{i}": bytes(1 << 20) for i in range(12)})
    found = captured(tmp_path, {"a.zip": data}, caps=Caps(unpacked_bytes=(4 << 20) + 10, ratio=1))
    assert found.counts == {"fetched": 4, "damaged": 2}
    assert found.row("a.zip")["detail"].endswith("; 7 members behind it are not read")


def test_members_over_the_caps_are_too_large_and_others_are_kept(tmp_path):
    caps = Caps(member_bytes=100)
    files = {"small": b"1" * 100, "large": b"2" * 101}
    found = captured(tmp_path, {"a.tar": tar(files), "b.zip": zipped(files), "loose": b"3" * 101}, caps=caps)
    assert {uri: row["reason"] for uri, row in ((r["uri"][11:], r) for r in found.captures)} == {
        "a.tar!/small": None, "a.tar!/large": "too_large", "b.zip!/small": None, "b.zip!/large": "too_large",
        "loose": "too_large",
    }  # fmt: skip


def test_an_archive_of_too_many_members_is_read_up_to_the_cap(tmp_path):
    files = {f"{i}": b"x" for i in range(9)}
    for name, data in {"a.tar": tar(files), "a.zip": zipped(files)}.items():
        found = captured(tmp_path / name, {name: data}, caps=Caps(members=4))
        assert found.counts == {"fetched": 5, "damaged": 1}
        assert found.row(name)["detail"].endswith("more than 4 members; the rest is not read")


def test_a_member_behind_an_extended_header_of_any_size_is_refused_and_the_next_is_found(tmp_path):
    header = bytearray(tar({"x": b""})[:512])
    header[156:157], header[124:136] = b"x", b"%011o\0" % (2 << 20)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    found = captured(tmp_path, {"a.tar": bytes(header) + b"y" * (2 << 20) + tar({"y": b"1", "z": b"2"})})
    assert found.outcomes == {"a.tar!/y": "refused", "a.tar!/z": "fetched"}
    assert found.row("a.tar!/y")["detail"] == "an extended header of 2097152 bytes"


def test_a_git_lfs_pointer_is_refused_by_name(tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
    found = captured(tmp_path, {"big.png": pointer, "a.tar": tar({"big.bin": pointer})})
    assert {row["outcome"] for row in found.captures} == {"refused"}
    assert all("git lfs pull" in row["detail"] for row in found.captures)
