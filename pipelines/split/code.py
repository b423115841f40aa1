"""Source files: each root gives one child, the file itself.

    split_code(CODE_SPLIT, items, payloads, child) -> (children, decisions)

UTF-8, which nearly all source is in, is decoded here; every other charset is found and read in the killable child. A file
keeps its tabs and trailing spaces: only line ends become "\\n", and the text is in NFC, as every text of the corpus.
"""

import unicodedata

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.code_type import language_of, path_of
from pipelines.capture.owner import repository_of
from pipelines.child import Child, Limits
from pipelines.split import code_child
from pipelines.split.children import children
from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.item import text_sha256
from schemas.reasons import Reason

CODE_FACTS = pa.struct(
    [
        pa.field("path", pa.string()),  # within its archive or source; null for a root
        pa.field("programming_language", pa.string()),  # Linguist's name; null where none tells
        pa.field("charset", pa.string()),  # the charset its bytes were read in; null for a root
        pa.field("repository", pa.string()),  # host/owner/name, as far as its URI says; null where it does not
    ]
)
_HEAD_BYTES = 4096  # Chosen: what the capture looks at, too
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")  # Source: Unicode 15, table 2-4: of UTF-16 and UTF-32
_JAPANESE_ESCAPE = b"\x1b$"  # ISO-2022-JP is 7-bit, so it would pass as UTF-8. Source: RFC 1468
_Objects = npt.NDArray[np.object_]


def code_reader(limits: Limits | None = None) -> Child:
    """The child that `split_code` needs; it starts with the first file that is not UTF-8. Close it when done."""
    return Child(code_child, code_child.RESULT, limits)


def split_code(
    stage: Stage, items: pa.RecordBatch, payloads: pa.RecordBatch, child: Child
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The children in the order of their parents, and one decision for each parent.

    A file with a NUL byte and no byte order mark is dropped (`binary_file`), as are files too large to be source and empty
    ones; bytes in no charset are quarantined.
    """
    data = payloads.column("data")
    sizes = pc.binary_length(data).fill_null(-1).to_numpy(zero_copy_only=False)
    limit = stage.number("max_bytes")
    found = decisions(items.column("item_id"), stage.name)
    found.set(sizes < 0, Verdict.QUARANTINE, Reason.NOT_DECODABLE, detail="no bytes are stored for this file")
    found.set(
        sizes > limit, Verdict.DROP, Reason.TOO_LARGE, signal="size_bytes", value=sizes.astype(object), threshold=limit
    )
    found.set(_is_binary(data), Verdict.DROP, Reason.BINARY_FILE)

    text, charset, failure, detail = _read(payloads, found.open, child)
    for reason in sorted(set(filter(None, failure))):
        found.set(failure == reason, Verdict.QUARANTINE, Reason(reason), detail=detail)
    has_text = np.array([bool(one and not one.isspace()) for one in text], dtype=bool)
    found.set(has_text, Verdict.SPLIT, None)
    found.set(found.open, Verdict.DROP, Reason.NO_TEXT)
    keep = pa.array(has_text)
    return _children(stage, items.filter(keep), payloads.filter(keep), text[has_text], charset[has_text]), found.batch()


def _is_binary(data: pa.Array) -> npt.NDArray[np.bool_]:
    nul = pc.greater_equal(pc.find_substring(data, b"\x00"), 0).fill_null(False).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(nul):
        nul[row] = not data[row].as_py().startswith(_WIDE_MARKS)
    return nul  # type: ignore[no-any-return]


def _read(payloads: pa.RecordBatch, wanted: npt.NDArray[np.bool_], child: Child) -> tuple[_Objects, ...]:
    """Text, charset, failure and detail of each row; all null for rows that are not wanted."""
    columns = tuple(np.full(len(payloads), None, dtype=object) for _ in range(4))
    text, charset, *_ = columns
    others = []
    for row in np.flatnonzero(wanted).tolist():
        decoded = _utf8(payloads.column("data")[row].as_py())
        if decoded is None:
            others.append(row)
        else:
            text[row], charset[row] = decoded, "utf-8"
    if others:
        read = child.map(payloads.select(["data", "charset"]).take(pa.array(others)))
        for column, name in zip(columns, ("text", "charset", "failure", "detail"), strict=True):
            column[others] = read.column(name).to_numpy(zero_copy_only=False)
        text[others] = [one if one is None else tidy_source(one) for one in text[others]]
    return columns


def _utf8(data: bytes) -> str | None:
    """The tidy text of plain UTF-8; null for everything else."""
    if data.startswith(_WIDE_MARKS) or _JAPANESE_ESCAPE in data:
        return None
    try:
        return tidy_source(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None


def tidy_source(text: str) -> str:
    """The text with "\\n" for every line end, in NFC; nothing else is touched: `"a \\r\\n\\tb\\r"` -> `"a \\n\\tb\\n"`."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _children(
    stage: Stage, parents: pa.RecordBatch, payloads: pa.RecordBatch, texts: _Objects, charsets: _Objects
) -> pa.RecordBatch:
    paths = [path_of(uri) or None for uri in payloads.column("uri").to_pylist()]
    heads = pc.binary_slice(payloads.column("data"), 0, _HEAD_BYTES).to_pylist()
    languages = [language_of(path or "", head) for path, head in zip(paths, heads, strict=True)]
    repositories = [repository_of(uri) for uri in payloads.column("uri").to_pylist()]
    facts = [pa.array(column, pa.string()) for column in (paths, languages, charsets, repositories)]
    return children(
        stage,
        parents,
        facts=pa.StructArray.from_arrays(facts, fields=list(CODE_FACTS)),
        content_sha256=[text_sha256(text) for text in texts],
        columns={"modality": "text", "media_type": parents.column("media_type"), "text": pa.array(texts, pa.string())},
    )


CODE_SPLIT = Stage(
    name="split.code",
    version=2,
    shape=Shape.SPLIT,
    fn=split_code,
    parameters=(
        ("max_bytes", 2**20),
    ),  # Chosen: what is larger is data; The Stack (arXiv 2211.15533) ends at 1 MB, too
)
