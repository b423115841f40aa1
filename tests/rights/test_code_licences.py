"""What the files of a source tree say of themselves, their folders and packages, as rows; and what comes of it per file."""

import json
import tarfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.capture.code_type import media_type
from pipelines.capture.subject import upload_uri
from pipelines.hearsay import licences_about
from pipelines.rights.code_licences import is_licence_file, licence_rows, scopes
from pipelines.rights.licences import LicenceHit, conclude
from pipelines.rights.spdx import LicenceClass, licence_class, strictest
from schemas.digest import sha256
from schemas.item import ID
from schemas.rights import LICENCE
from tests.rights.test_notices import GPL
from tests.rights.test_texts import BSD_3, MIT

CODE = Path(__file__).resolve().parents[3] / "shared" / "data" / "code"
FREE = (LicenceClass.PUBLIC_DOMAIN, LicenceClass.PERMISSIVE)


def concluded(files, archive="a.tar"):
    """{path: (SPDX, strictest class named)} of files {path: bytes} of one archive."""
    uris = {path: upload_uri("s", archive, path) for path in files}
    ids = {path: sha256(path.encode()) for path in files}
    rows = [row for path, data in files.items() for row in licence_rows(uris[path], ids[path], data, sha256(data))]
    own = pa.Table.from_pylist(rows, schema=LICENCE)
    captures = pa.RecordBatch.from_arrays(
        [pa.array(ids.values(), ID), pa.array(uris.values(), pa.string())], names=["capture_id", "uri"]
    )
    about = licences_about(captures, own, own.filter(pc.is_valid(own.column("subject"))))
    hits = {key: [] for key in ids.values()}
    for row in about.to_pylist():
        hits[row["capture_id"]].append(
            LicenceHit(**{name: row[name] for name in ("location", "locator", "expression", "raw")})
        )
    found = {}
    for path, key in ids.items():
        classes = {licence_class(hit.expression) for hit in hits[key]}
        found[path] = (conclude(hits[key]).expression, strictest(classes) if classes else LicenceClass.UNKNOWN)
    return found


def licences(files):
    return {path: expression for path, (expression, _) in concluded({p: t.encode() for p, t in files.items()}).items()}


def test_the_own_words_of_a_file_come_before_the_nearest_folder():
    found = licences(
        {
            "t/LICENSE": MIT, "t/a.c": "int a;", "t/b.c": f"/* {GPL} */", "t/sub/COPYING": BSD_3, "t/sub/c.c": "int c;", "other.c": "int o;",
        }
    )  # fmt: skip
    assert {path: found[path] for path in ("t/a.c", "t/b.c", "t/sub/c.c", "other.c")} == {
        "t/a.c": "MIT", "t/b.c": "GPL-2.0-or-later", "t/sub/c.c": "BSD-3-Clause", "other.c": None,
    }  # fmt: skip


@pytest.mark.parametrize("folder", ["vendor", "node_modules", "_vendor", "third_party", "3rd-party", "extern"])
def test_what_was_copied_in_has_no_licence_but_its_own(folder):
    files = {
        "LICENSE": MIT,
        f"x/{folder}/y/a.c": "int a;",
        f"x/{folder}/z/LICENSE": BSD_3,
        f"x/{folder}/z/b.c": "int b;",
    }
    found = licences(files)
    assert (found[f"x/{folder}/y/a.c"], found[f"x/{folder}/z/b.c"]) == (None, "BSD-3-Clause")


def test_a_licence_file_nobody_can_read_hides_the_one_above():
    found = concluded(
        {"LICENSE": MIT.encode(), "x/LICENSE": b"Ours alone.", "x/a.c": b"int a;", "COPYRIGHT": b"(c) A. Author"}
    )
    assert found["x/a.c"] == (None, LicenceClass.UNKNOWN)
    assert found["COPYRIGHT"] == ("MIT", LicenceClass.PERMISSIVE)


def test_a_package_file_speaks_where_no_licence_file_does_and_a_readme_last():
    readme = "# X\n\n## License\n\nMIT\n"
    assert licences({"README.md": readme, "a.js": "f()"})["a.js"] == "MIT"
    assert licences({"README.md": readme, "package.json": '{"license": "ISC"}', "a.js": "f()"})["a.js"] == "ISC"
    assert licences({"README.md": "Like foo, which is under the MIT license.\n", "a.js": "f()"})["a.js"] is None


def test_a_readme_beside_a_licence_file_and_folders_above_own_words_are_not_even_a_conflict():
    readme = b"# X\n\n## License\n\nGPL-3.0, for the parts of foo\n"
    assert concluded({"LICENSE": MIT.encode(), "README.md": readme, "a.c": b"int a;"})["a.c"] == (
        "MIT",
        LicenceClass.PERMISSIVE,
    )
    found = concluded({"COPYING": f"/* {GPL} */".encode(), "a.c": f"/* {MIT} */".encode(), "b.c": b"int b;"})
    assert found["a.c"] == ("MIT", LicenceClass.PERMISSIVE)
    assert found["b.c"] == ("GPL-2.0-or-later", LicenceClass.SHAREALIKE)


def test_licences_of_several_classes_in_one_folder_are_all_seen():
    found = concluded({"LICENSE": MIT.encode(), "package.json": b'{"license": "GPL-3.0"}', "a.js": b"f()"})
    assert found["a.js"] == ("MIT", LicenceClass.SHAREALIKE)


def test_a_licence_file_offers_a_choice_only_where_it_says_so_at_its_head():
    gpl = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007"
    assert concluded({"LICENSE": f"{MIT}\nAlternatively, see below.\n{gpl}".encode(), "a.c": b"int a;"})["a.c"] == (
        "MIT", LicenceClass.SHAREALIKE,
    )  # fmt: skip
    assert (
        licences({"LICENSE": f"Your choice of two licences.\n{MIT}\n{gpl}", "a.c": "int a;"})["a.c"]
        == "MIT OR GPL-3.0-only"
    )
    assert (
        licences({"LICENSE": "Licensed under either of Apache-2.0 or MIT.", "a.rs": "fn a"})["a.rs"]
        == "Apache-2.0 OR MIT"
    )


def test_a_sentence_in_a_licence_file_may_be_about_one_folder():
    text = f"{MIT}\n\nEverything found under the docs/ subdirectory is licensed under the CC BY 3.0 license.\n"
    assert licences({"t/COPYING": text, "t/docs/a.md": "text", "t/a.c": "int a;"}) == {
        "t/COPYING": "MIT", "t/docs/a.md": "CC-BY-3.0", "t/a.c": "MIT",
    }  # fmt: skip
    except_docs = f"{MIT}\n\nAll files except those in the docs/ folder are licensed under the GPL version 2.\n"
    assert concluded({"COPYING": except_docs.encode(), "a.c": b"int a;"})["a.c"] == ("MIT", LicenceClass.SHAREALIKE)


def test_a_file_may_point_to_the_header_that_has_its_terms():
    see = "/* See Copyright Notice in lua.h */"
    files = {"src/lua.h": f"#define X\n/* {MIT} */", "src/a.c": see, "src/b.h": see, "other/c.c": see, "LICENSE": BSD_3}
    assert licences(files) == {
        "src/lua.h": "MIT", "src/a.c": "MIT", "src/b.h": "MIT", "other/c.c": None, "LICENSE": "BSD-3-Clause",
    }  # fmt: skip


def test_a_sidecar_speaks_for_the_file_beside_it():
    assert licences({"a.bin.license": "SPDX-License-Identifier: CC0-1.0", "a.bin": "x"})["a.bin"] == "CC0-1.0"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("t/LICENSE", ["t/"]),
        ("LICENSE", [""]),
        ("x-1.0/x-1.0.dist-info/METADATA", ["x-1.0/"]),
        ("x-1.0/x-1.0.dist-info/licenses/LICENSE", ["x-1.0/"]),
        (
            "lib/X_y-1.0.dist-info/METADATA",
            ["lib/X_y-1.0.dist-info/", "lib/X_y/", "lib/X_y.py", "lib/x_y/", "lib/x_y.py"],
        ),
        ("src/x.egg-info/PKG-INFO", ["src/x.egg-info/", "src/x/", "src/x.py"]),
        ("t/debian/copyright", ["t/"]),
        ("META-INF/LICENSE", [""]),
        ("t/LICENSES/MIT.txt", ["t/LICENSES/"]),
    ],
)
def test_what_a_file_speaks_for(path, expected):
    assert scopes(f"upload://s/a.tar!/{path}") == [f"upload://s/a.tar!/{one}" for one in expected]


def test_a_wheel_speaks_for_all_of_itself():
    assert scopes("upload://s/x-1.0-py3-none-any.whl!/x-1.0.dist-info/METADATA") == [
        "upload://s/x-1.0-py3-none-any.whl!/"
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("LICENSE", True), ("a/LICENCE.txt", True), ("COPYING.LESSER", True), ("COPYRIGHT", True), ("NOTICE.md", True), ("UNLICENSE", True),
        ("MIT-LICENSE", True), ("LICENSE-APACHE", True), ("LICENSES/MIT.txt", True), ("debian/copyright", True), ("a.c.license", True),
        ("THIRD-PARTY-NOTICES.txt", True), ("x.dep5", True),
        ("license.py", False), ("licenses/_spdx.py", False), ("copyright.js", False), ("README", False), ("src/notice.c", False),
        ("package.json", False), ("licensee.md", False),
    ],
)  # fmt: skip
def test_which_files_are_there_for_their_licence(path, expected):
    assert is_licence_file(path) is expected


@settings(deadline=None)
@given(
    st.sampled_from(["LICENSE", "README.md", "a.c", "b.h", "package.json", "x.dist-info/METADATA", "debian/copyright", "a.c.license", "x.html"]),
    st.binary(max_size=150) | st.lists(st.sampled_from([MIT, GPL, BSD_3, "\n", "docs/ is licensed under MIT", "Format: copyright-format\n\nFiles: *"])).map("".join).map(str.encode),
)  # fmt: skip
def test_any_bytes_give_rows_of_the_schema(path, data):
    rows = licence_rows(upload_uri("s", "a.tar", path), bytes(32), data, bytes(32))
    assert pa.Table.from_pylist(rows, schema=LICENCE).num_rows == len(rows)
    assert all(row["raw"] == row["raw"][:200] for row in rows)


# --- the gold: licences by file, from Debian's copyright files, which are not read here -------------------------------

NAMES = {"Expat": "MIT", "GPL-2+": "GPL-2.0-or-later", "LGPL-2.1+": "LGPL-2.1-or-later", "BSD-2-clause": "BSD-2-Clause"}


@pytest.fixture(scope="module")
def real():
    if not CODE.is_dir():
        pytest.skip("../shared/data is absent: the real source trees")
    found = {}
    for path in sorted(CODE.glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            files = {
                m.name: archive.extractfile(m).read() for m in archive if m.isfile() and not m.name.endswith(".dep5")
            }
        files = {name: data for name, data in files.items() if media_type(name, data[:4096])}
        found |= concluded(files, path.name)
    return found


def gold():
    rows = map(json.loads, (CODE / "licence_gold.jsonl").read_text().splitlines())
    return {row["path"]: NAMES.get(row["licence"], row["licence"]) for row in rows}


def test_licences_agree_with_the_gold(real):
    """What is off: headers of GNU macros, which name a licence Debian's list does not have; a COPYING
    with the GPL's text does not say "or later"; Lua's Makefiles name no licence."""
    counts = Counter()
    for path, licence in gold().items():
        if path in real and not is_licence_file(path):
            own, _ = real[path]
            kind = (
                "same"
                if own == licence
                else "none"
                if own is None
                else "class"
                if licence_class(own) is licence_class(licence)
                else "other"
            )
            counts[path.partition("/")[0], kind] += 1
    assert counts == {
        ("fzf", "same"): 87, ("golang-github-pkg-errors", "same"): 15, ("jsoup", "same"): 165, ("tree", "same"): 15, ("tree", "class"): 6,
        ("jq", "same"): 154, ("jq", "class"): 6, ("lua5.4", "same"): 69, ("lua5.4", "none"): 4,
    }  # fmt: skip


def test_no_copyleft_and_nothing_unknown_passes_for_permissive(real):
    passed = {path for path, (own, worst) in real.items() if own and licence_class(own) in FREE and worst in FREE}
    bound = {path for path, licence in gold().items() if licence_class(licence) not in FREE}
    assert bound
    assert not passed & bound
    assert not [path for path in passed if path.startswith(("nolicence_project/", "pip-24.0/pip/_vendor/certifi/"))]


def test_python_packages_have_the_licence_of_their_metadata(real):
    assert {name: real[name][0] for name in (
        "six-1.16.0/six.py", "idna-3.6/idna/core.py", "click-8.1.7/click/core.py", "requests-2.31.0/requests/api.py",
        "tomli-2.0.1/tomli/_parser.py", "tabulate-0.9.0/tabulate/__init__.py", "packaging-24.0/packaging/tags.py",
    )} == {
        "six-1.16.0/six.py": "MIT", "idna-3.6/idna/core.py": "BSD-3-Clause", "click-8.1.7/click/core.py": "BSD-3-Clause",
        "requests-2.31.0/requests/api.py": "Apache-2.0", "tomli-2.0.1/tomli/_parser.py": "MIT", "tabulate-0.9.0/tabulate/__init__.py": "MIT",
        "packaging-24.0/packaging/tags.py": "Apache-2.0 OR LicenseRef-headwater-bsd",
    }  # fmt: skip
