"""Every archive of the shared real data, member by member against Python's own readers."""

import hashlib
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipelines.capture.archive_members import archive_entries
from pipelines.capture.entry import Caps, Upload
from pipelines.capture.inputs import adopt
from pipelines.capture.layout import Form, Layout
from tests.capture.uploads import TEXTS
from tests.conftest import site_at

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ARCHIVES = sorted(path for kind in ("*.tar", "*.tar.gz", "*.zip") for path in DATA.glob(f"*/{kind}"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared real data is not beside this checkout")


def members(path):
    """Name -> sha256 of every member that is a file, by the standard library."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    with tarfile.open(path) as archive:
        return {info.name: archive.extractfile(info).read() for info in archive if info.isfile()}


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.name)
def test_every_member_of_a_real_archive_is_captured(path, tmp_path):
    site = site_at(tmp_path)
    upload = Upload(store=site.store, source="s", layout=Layout(), wanted=TEXTS, caps=Caps())
    entries = list(archive_entries(upload, adopt(site, "a", path, Form.MEMBERS)))
    found = {entry.row["uri"].removeprefix("upload://s/a!/"): entry.row for entry in entries}
    assert {row["outcome"] for row in found.values()} <= {"fetched", "empty"}
    digests = {name: row["payload"]["sha256"] for name, row in found.items() if row["payload"]}
    assert digests == {name: hashlib.sha256(data).digest() for name, data in members(path).items() if data}
