import dataclasses
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.shard.files import file_sha256, files_below, side_json, sums_content, write_file
from pipelines.shard.release import assemble_lane, assemble_release
from pipelines.shard.verify import Report, verify_release
from schemas.errors import ShardError
from schemas.sample import TEXT
from schemas.shard import Split
from tests.shard.samples import SET, lane, samples, shards

TAR = "data/train-000000.tar"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole")
    lane(path / "web")
    assemble_release(path, ["web"])
    return path


@pytest.fixture
def release(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "release")
    return tmp_path / "release"


def flip(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at if at >= 0 else len(content) // 2] ^= 0x01
    path.write_bytes(content)


def sums_again(folder: Path) -> None:
    """What one does who changes a file and hides it."""
    paths = [path for path in files_below(folder) if path != "SHA256SUMS"]
    write_file(folder / "SHA256SUMS", sums_content({path: file_sha256(folder / path) for path in paths}))


def test_a_whole_release_has_no_problem(whole: Path) -> None:
    told: list[str] = []
    assert verify_release(whole, told.append) == Report(files=27, samples=24, problems=())
    assert f"web/{TAR}" in told


def test_a_whole_lane_and_a_whole_shard_have_no_problem(whole: Path) -> None:
    assert verify_release(whole / "web") == Report(files=25, samples=24, problems=())
    assert verify_release(whole / "web" / TAR) == Report(files=1, samples=9, problems=())


def test_nothing_to_verify_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ShardError, match="neither a release"):
            verify_release(path)


def test_a_flipped_byte_in_any_file_is_named(release: Path) -> None:
    for path in files_below(release):
        flip(release / path)
        assert path in [name for name, _ in verify_release(release).problems], path
        flip(release / path)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (100, "at byte 0: the tar header is damaged"),  # mode of __header__
        (530, "__header__ is not readable"),
        (1024 + 3, "at byte 1024: the tar header is damaged"),  # a key
        (1024 + 150, "at byte 1024: the tar header is damaged"),  # a checksum
        (1024 + 512 + 800, "does not have the sha256 its JSON states"),
    ],
)
def test_a_flipped_byte_of_a_tar_is_named_by_its_place(release: Path, at: int, says: str) -> None:
    flip(release / "web" / TAR, at)
    found = [what for path, what in verify_release(release).problems if path == f"web/{TAR}"]
    assert [what for what in found if says in what]
    assert [what for what in found if "was changed: its sha256 is" in what]


def test_a_flipped_byte_of_a_lone_tar_is_found_anywhere(release: Path) -> None:
    tar = release / "web" / TAR
    for at in range(0, tar.stat().st_size, 97):
        flip(tar, at)
        assert verify_release(tar).problems, at
        flip(tar, at)


def test_missing_and_added_files_and_links_are_named(release: Path) -> None:
    (release / "web/OPTOUT.json").unlink()
    (release / "web/new.txt").write_text("x")
    (release / "web/link").symlink_to("README.md")
    (release / "top.txt").write_text("x")
    assert verify_release(release).problems == (
        ("top.txt", "is not part of the release: added, or a link"),
        ("web/OPTOUT.json", "is missing: SHA256SUMS names it"),
        ("web/link", "is a link; a release holds files only"),
        ("web/new.txt", "is not in SHA256SUMS: it was added"),
    )


def test_a_missing_lane_is_named(release: Path) -> None:
    shutil.rmtree(release / "web")
    assert ("web", "is missing: manifest.json names this lane") in verify_release(release).problems


def change_sizes(folder: Path) -> None:
    write_file(folder / "data/sizes.json", side_json({"train-000000.tar": 1}))


def change_index(folder: Path) -> None:
    content = (folder / f"{TAR}.idx").read_bytes()
    write_file(folder / f"{TAR}.idx", content[8:16] + content[8:])


def change_receipt(folder: Path) -> None:
    path = folder / "meta/receipts/train-000000.json"
    write_file(path, side_json(json.loads(path.read_bytes()) | {"nsamples": 1}))


def change_place(folder: Path) -> None:
    path = folder / "meta/train-000000.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[3]["parts"][0]["offset"] += 512
    pq.write_table(table.from_pylist(rows, TEXT.meta), path)


def change_columns(folder: Path) -> None:
    path = folder / "meta/train-000000.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["license"]), path)


def drop_a_row(folder: Path) -> None:
    path = folder / "meta/train-000000.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)


def no_parquet(folder: Path) -> None:
    (folder / "meta/train-000000.parquet").write_bytes(b"PAR1 but no table PAR1")


def change_licence(folder: Path) -> None:
    path = folder / "meta/train-000000.parquet"
    table = pq.read_table(path)
    rows = [row | {"license": "MIT"} for row in table.to_pylist()]
    pq.write_table(table.from_pylist(rows, TEXT.meta), path)


def change_sqlite(folder: Path) -> None:
    with closing(sqlite3.connect(folder / ".nv-meta/index.sqlite")) as connection:
        connection.execute("UPDATE samples SET byte_offset = byte_offset + 512 WHERE rowid = 5")
        connection.commit()


def no_sqlite(folder: Path) -> None:
    (folder / ".nv-meta/index.sqlite").write_bytes(b"no database")


def drop_side_file(folder: Path) -> None:
    (folder / "LICENSES.csv").unlink()


def change_contact(folder: Path) -> None:
    path = folder / "OPTOUT.json"
    write_file(path, path.read_bytes().replace(b"optout@", b"nobody@"))


def change_seed(folder: Path) -> None:
    path = folder / "manifest.json"
    write_file(path, path.read_bytes().replace(b'"seed": 7', b'"seed": 8'))


def other_schema(folder: Path) -> None:
    path = folder / "manifest.json"
    write_file(path, path.read_bytes().replace(TEXT.digest.hex().encode(), b"0" * 64))


def swap_shards(folder: Path) -> None:
    one, two, aside = (folder / "data" / name for name in ("train-000000.tar", "validation-000000.tar", "aside"))
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


@pytest.mark.parametrize(
    ("change", "path", "says"),
    [
        (change_sizes, "data/sizes.json", "does not say what the shards hold"),
        (change_index, f"{TAR}.idx", "offsets"),
        (change_receipt, "meta/receipts/train-000000.json", "does not say what the shard holds"),
        (change_place, "meta/train-000000.parquet", "row 3 does not say"),
        (change_columns, "meta/train-000000.parquet", "does not have the columns"),
        (drop_a_row, "meta/train-000000.parquet", "row 0 does not say"),
        (no_parquet, "meta/train-000000.parquet", "cannot be read"),
        (change_licence, "LICENSES.csv", "does not say what the shards hold"),
        (change_sqlite, ".nv-meta/index.sqlite", "does not hold"),
        (no_sqlite, ".nv-meta/index.sqlite", "does not hold"),
        (drop_side_file, "LICENSES.csv", "is missing: the specification"),
        (change_contact, "OPTOUT.json", "does not say what the shards hold"),
        (change_seed, "manifest.json", "do not lie in the order of seed 8"),
        (other_schema, "manifest.json", "does not know"),
        (swap_shards, TAR, "its __header__ says"),
    ],
)
def test_a_change_hidden_behind_new_sums_is_named(
    release: Path, change: Callable[[Path], None], path: str, says: str
) -> None:
    folder = release / "web"
    change(folder)
    sums_again(folder)
    found = verify_release(folder).problems
    assert [what for name, what in found if name == path and says in what], found
    # The top of the release names the digest of the lane's sums, so the hiding itself shows.
    assert "SHA256SUMS" in [name for name, _ in verify_release(release).problems]


GOOD = samples()[0].parts["json"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (GOOD.replace(b"Text 0", b"Text 1"), "does not have the sha256 its JSON states"),
        (samples()[5].parts["json"], "its JSON is that of item"),
        (GOOD.replace(b'"http_status":200', b'"http_status":200.0'), "metadata.http_status is float"),
        (GOOD.replace(b'"created":null,', b""), "differing: created"),
        (b"[" * 100_000, "sample"),
        (b"\xff", "sample"),
    ],
)
def test_a_sample_that_breaks_its_contract_is_named_by_key(tmp_path: Path, content: bytes, says: str) -> None:
    given = samples()[:3]
    given[0] = dataclasses.replace(given[0], parts={"json": content})
    assemble_lane(tmp_path, SET, shards(tmp_path, given))
    [(path, what)] = verify_release(tmp_path).problems
    assert path == TAR
    assert what.startswith(f"sample {samples()[0].item_id[:16].hex()}: ")
    assert says in what


def test_one_key_in_two_shards_is_named(tmp_path: Path) -> None:
    given = samples()
    receipts = shards(tmp_path, given[:5])
    assemble_lane(tmp_path, SET, receipts)
    shards(tmp_path, given[4:5], Split.TEST)
    sums_again(tmp_path)
    key = given[4].item_id[:16].hex()
    assert ("data/train-000000.tar", f"sample {key} occurs in data/test-000000.tar too") in verify_release(
        tmp_path
    ).problems
