"""Small uploads built in memory, captured, and what came of them in a form that tests can compare."""

import io
import tarfile
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.capture.entry import Caps
from pipelines.capture.inputs import adopt, named
from pipelines.capture.layout import Layout, Wanted
from pipelines.capture.upload import capture_upload
from pipelines.payload import payload_bytes
from tests.conftest import site_at

BOTH = Wanted(files=True, words=True, texts=True, evidence={})
MEDIA = Wanted(files=True, words=True, texts=False, evidence={})
TEXTS = Wanted(files=True, words=False, texts=True, evidence={})
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(1, 60))
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(1, 60))


@dataclass(frozen=True)
class Found:
    """Rows of all batches, and the payloads as the store gives them back."""

    captures: Sequence[Mapping]
    annotations: Sequence[Mapping]
    licences: Sequence[Mapping]
    rights: Sequence[Mapping]
    payloads: Mapping[str, bytes]
    ignored: Sequence[str]
    batches: int
    parts: Sequence[str]

    @property
    def outcomes(self) -> dict[str, str]:
        """URI without the source -> outcome; of several captures of one URI all, in order."""
        found: dict[str, str] = {}
        for row in self.captures:
            uri = row["uri"].removeprefix("upload://s/")
            found[uri] = f"{found[uri]} {row['outcome']}" if uri in found else row["outcome"]
        return found

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(row["outcome"] for row in self.captures))

    @property
    def said(self) -> set[tuple]:
        """(subject without the source, text, language) of every annotation."""
        return {(row["subject"].removeprefix("upload://s/"), row["text"], row["language"]) for row in self.annotations}

    def row(self, uri: str) -> Mapping:
        (row,) = [row for row in self.captures if row["uri"] == f"upload://s/{uri}"]
        return row


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def captured(
    tmp_path: Path,
    files: Mapping[str, bytes],
    wanted: Wanted = BOTH,
    layout: Layout | None = None,
    *,
    caps: Caps | None = None,
    rows: int = 1000,
    entries: Sequence[str] = ("in",),
    site: str = "site",
) -> Found:
    """Write files below tmp_path/in (or where a name leads), capture what `entries` name."""
    write(tmp_path / "in", files)
    layout = layout or Layout()
    store = site_at(tmp_path / site).store
    found = named(entries, tmp_path, layout, wanted)
    adopted = [adopt(site_at(tmp_path / site), name, path, found.forms[name]) for name, path in found.files.items()]
    batches = list(capture_upload(store, adopted, "s", layout, wanted, rows, caps))
    for batch in batches:  # whoever says something lies beside its words
        sayers = {row["capture_id"] for row in [*batch.annotations.to_pylist(), *batch.licences.to_pylist()]}
        assert sayers <= set(batch.captures.column("capture_id").to_pylist())
    captures = [row for batch in batches for row in batch.captures.to_pylist()]
    placed = {row["uri"]: row["payload"] for row in captures if row["payload"] is not None}
    return Found(
        captures=captures,
        annotations=[row for batch in batches for row in batch.annotations.to_pylist()],
        licences=[row for batch in batches for row in batch.licences.to_pylist()],
        rights=[row for batch in batches for row in batch.rights.to_pylist()],
        payloads={uri.removeprefix("upload://s/"): payload_bytes(store, place) for uri, place in placed.items()},
        ignored=[line.replace(f"{tmp_path}/", "") for line in found.ignored],
        batches=len(batches),
        parts=[part.path for batch in batches for part in batch.members],
    )


def tar(files: Mapping[str, bytes], mode: str = "w", *members: tarfile.TarInfo) -> bytes:
    """A tar of these files, and of members without content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in members:
            archive.addfile(info)
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def parquet(columns: Mapping[str, object], **options: object) -> bytes:
    out = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue().to_pybytes()
