"""Source files to items: the file as it is, in the charset it is in."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import rooms
from pipelines.split.code import CODE_FACTS, CODE_SPLIT, code_reader, split_code, tidy_source
from schemas.annotation import SAID
from schemas.decision import DECISION
from schemas.digest import digest, sha256
from schemas.item import item_schema, text_sha256

FILES = {
    "plain": (b"int main(void) {\r\n\treturn 0;  \r}\n", "upload://s/a.tar!/t/a.c"),
    "latin": ("// Müller wrote this, für die Gäste\nint x;\n".encode("latin-1"), "upload://s/b.c"),
    "marked": ("local a = 'é'\n".encode("utf-16"), "upload://s/b.lua"),
    "japanese": ("# これは日本語の注釈です\n".encode("iso-2022-jp"), "upload://s/j.py"),
    "nfd": ("# cafe\u0301\n".encode(), "upload://s/run"),
    "binary": (b"\x7fELF\x00\x01", "upload://s/c.o"),
    "blank": (b" \n\t\n", "upload://s/d.py"),
    "empty": (b"", "upload://s/e.py"),
    "large": (b"x = 1\n" * 200_000, "upload://s/f.py"),
    "broken": (b"\x01\x02\x03\xff\xfe\xfd" * 50, "upload://s/g.txt"),
    "lost": (None, "upload://s/h.py"),
}


def rows(files):
    n = len(files)
    data, uris = zip(*files.values(), strict=True) if files else ((), ())
    roots = [
        {
            "item_id": digest("test", i), "capture_id": digest("capture", i), "source": "tests", "modality": "text",
            "media_type": "text/x-c", "content_sha256": sha256(data[i] or b""), "licence": "MIT",
        }
        for i in range(n)
    ]  # fmt: skip
    columns = {
        "data": pa.array(data, pa.large_binary()), "charset": pa.nulls(n, pa.string()), "media_type": pa.array(["text/x-c"] * n, pa.string()),
        "uri": pa.array(uris, pa.string()), "said": pa.array([[]] * n, SAID),
    }  # fmt: skip
    payloads = pa.RecordBatch.from_arrays([columns[name] for name in rooms.PAYLOADS.names], schema=rooms.PAYLOADS)
    return pa.RecordBatch.from_pylist(roots, schema=item_schema(CODE_FACTS)), payloads


@pytest.fixture(scope="module")
def child():
    with code_reader() as child:
        yield child


def test_each_file_is_split_dropped_or_quarantined(child):
    roots, payloads = rows(FILES)
    children, found = split_code(CODE_SPLIT, roots, payloads, child)
    assert found.schema == DECISION
    assert found.column("item_id") == roots.column("item_id")
    said = {name: (row["verdict"], row["reason"]) for name, row in zip(FILES, found.to_pylist(), strict=True)}
    assert said == {
        "plain": ("split", None), "latin": ("split", None), "marked": ("split", None), "japanese": ("split", None), "nfd": ("split", None),
        "binary": ("drop", "binary_file"), "blank": ("drop", "no_text"), "empty": ("drop", "no_text"), "large": ("drop", "too_large"),
        "broken": ("quarantine", "not_decodable"), "lost": ("quarantine", "not_decodable"),
    }  # fmt: skip
    assert children.column("text").to_pylist() == [
        "int main(void) {\n\treturn 0;  \n}\n", "// Müller wrote this, für die Gäste\nint x;\n", "local a = 'é'\n", "# これは日本語の注釈です\n", "# café\n",
    ]  # fmt: skip
    assert children.column("facts").to_pylist() == [
        {"path": "t/a.c", "programming_language": "C", "charset": "utf-8", "repository": None},
        {"path": "b.c", "programming_language": "C", "charset": "windows-1252", "repository": None},
        {"path": "b.lua", "programming_language": "Lua", "charset": "utf-16-le", "repository": None},
        {"path": "j.py", "programming_language": "Python", "charset": "iso2022_jp", "repository": None},
        {"path": "run", "programming_language": None, "charset": "utf-8", "repository": None},
    ]
    assert children.column("parent_id").to_pylist() == roots.column("item_id").to_pylist()[:5]
    assert children.column("licence").to_pylist() == ["MIT"] * 5
    assert children.column("language").null_count == 5
    assert children.column("content_sha256").to_pylist() == [
        text_sha256(text) for text in children.column("text").to_pylist()
    ]


def test_no_files_give_no_children(child):
    roots, payloads = rows({})
    children, found = split_code(CODE_SPLIT, roots, payloads, child)
    assert (len(children), len(found)) == (0, 0)
    assert children.schema == item_schema(CODE_FACTS)


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.text(max_size=20).map(str.encode) | st.sampled_from([data for data, _ in FILES.values() if data]), max_size=4
    ),
    st.integers(0, 4),
)
def test_a_file_is_read_the_same_whatever_stands_beside_it(child, data, at):
    files = {str(i): (one, f"upload://s/{i}.c") for i, one in enumerate(data)}
    roots, payloads = rows(files)
    whole = split_code(CODE_SPLIT, roots, payloads, child)
    halves = [split_code(CODE_SPLIT, roots.slice(*part), payloads.slice(*part), child) for part in ((0, at), (at,))]
    for batch, left, right in zip(whole, *halves, strict=True):
        assert batch == rooms.one_batch(pa.Table.from_batches([left, right], schema=batch.schema))


@given(st.text(max_size=40))
def test_tidy_source_changes_nothing_but_line_ends_and_normal_form(text):
    tidy = tidy_source(text)
    assert tidy_source(tidy) == tidy
    assert "\r" not in tidy
    if text.isascii() and "\r" not in text:
        assert tidy == text
