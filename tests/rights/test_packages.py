"""Licences in package files, and in Debian's machine-readable copyright files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.rights.dep5 import covered, is_dep5
from pipelines.rights.packages import package_licence

CASES = {
    ("package.json", '{"license": "MIT"}'): ["MIT"],
    ("package.json", '{"license": {"type": "ISC", "url": "x"}}'): ["ISC"],
    ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]}'): ["MIT", "GPL-2.0-only"],
    ("package.json", '{"license": "SEE LICENSE IN x"}'): [],
    ("package.json", '{"license": "UNLICENSED"}'): [None],
    ("package.json", '{"license": 3}'): [],
    ("package.json", "[" * 5000): [],
    ("composer.json", '{"license": ["MIT", "GPL-3.0-or-later"]}'): ["MIT OR GPL-3.0-or-later"],
    ("pyproject.toml", '[project]\nlicense = "MIT"\n'): ["MIT"],
    ("pyproject.toml", '[project]\nlicense = {text = "BSD 3-Clause"}\n'): ["BSD-3-Clause"],
    ("pyproject.toml", '[project]\nlicense = {file = "LICENSE"}\n'): [],
    ("pyproject.toml", '[project]\nclassifiers = ["License :: OSI Approved :: MIT License", "Topic :: X"]\n'): ["MIT"],
    ("pyproject.toml", '[tool.poetry]\nlicense = "GPL-3.0-only"\n'): ["GPL-3.0-only"],
    ("pyproject.toml", "not toml ["): [],
    ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"\n'): ["MIT OR Apache-2.0"],
    ("Cargo.toml", "[package]\nlicense.workspace = true\n"): [],
    ("setup.cfg", "[metadata]\nlicense = GPLv3+\nclassifiers =\n  License :: OSI Approved\n"): ["GPL-3.0-or-later"],
    ("x.dist-info/METADATA", "Name: x\nLicense-Expression: MIT\n\nLicense: GPL\n"): ["MIT"],
    ("PKG-INFO", "License: UNKNOWN\nClassifier: License :: OSI Approved :: BSD License\n"): ["LicenseRef-headwater-bsd"],
    ("PKG-INFO", "License: Dual License\nClassifier: License :: Other/Proprietary License\n"): [None, None],
    ("PKG-INFO", "License: Dual License\nClassifier: License :: OSI Approved :: MIT License\n"): ["MIT"],
    ("x.gemspec", "s.license = 'MIT'"): ["MIT"],
    ("x.gemspec", "s.licenses = ['Ruby', 'BSD-2-Clause']"): ["Ruby OR BSD-2-Clause"],
    ("x.gemspec", "s.licenses = %w[MIT GPL-2.0]"): ["MIT OR GPL-2.0-only"],
    ("pom.xml", "<licenses><license><name>The MIT License</name><url>https://x.example</url></license></licenses>"): ["MIT"],
    ("pom.xml", "<licenses><license><name>Ours</name><url>https://opensource.org/licenses/ISC</url></license></licenses>"): [
        "https://opensource.org/licenses/ISC"
    ],
    ("pom.xml", "<!-- <licenses><license><name>MIT</name></license></licenses> -->"): [],
    ("other.json", '{"license": "MIT"}'): [],
}  # fmt: skip


@pytest.mark.parametrize(("path", "text"), CASES, ids=lambda part: part[:40])
def test_the_licence_a_package_file_gives(path, text):
    expected = ["ISC" if one and one.startswith("https") else one for one in CASES[path, text]]
    assert [hit.expression for hit in package_licence(path, text.encode())] == expected


@settings(deadline=None)
@given(
    st.sampled_from([path for path, _ in CASES]),
    st.binary(max_size=200) | st.sampled_from([t.encode() for _, t in CASES]),
)
def test_any_bytes_are_read_without_error(path, data):
    assert all(hit.location == "package" for hit in package_licence(path, data))


DEP5 = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-2+

Files: lib/* README
License: Expat
 Permission is hereby granted

Files: src/*_x.c
License: LGPL-2.1+ with an exception

License: GPL-2+
 On Debian systems the full text is elsewhere.
"""


def test_files_paragraphs_cover_folders_and_files_and_odd_patterns_their_folder():
    found = [(one.path, one.expression) for one in covered(DEP5.encode())]
    assert found == [
        ("", "GPL-2.0-or-later"), ("lib/", "MIT"), ("README", "MIT"), ("src/", "GPL-2.0-or-later"), ("src/", "LGPL-2.1-or-later"),
    ]  # fmt: skip


def test_the_format_line_makes_the_file():
    assert is_dep5(DEP5.encode())
    assert not is_dep5(b"Files: *\nLicense: MIT\n")


@settings(deadline=None)
@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from(["Files: ", "*", "a/*.c b", "\nLicense: ", "MIT", "\n\n", ":"]))
    .map("".join)
    .map(str.encode)
)
def test_any_copyright_file_is_read_without_error(data):
    assert all(not one.path.startswith("./") for one in covered(data))
