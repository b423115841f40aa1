"""What a file says of its own licence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.rights.notices import HEADER_LINES, file_licence_hits
from tests.rights.test_texts import BSD_3, ISC, MIT

GPL = (
    "This program is free software; you can redistribute it and/or modify it under the terms of the GNU General Public License "
    "as published by the Free Software Foundation; either version 2 of the License, or (at your option) any later version. "
    "See the GNU General Public License for more details."
)


def said(text, path="a.c"):
    return [(hit.location, hit.expression) for hit in file_licence_hits(path, text.encode())]


CASES = {
    "// SPDX-License-Identifier: MIT": [("spdx_header", "MIT")],
    "/* SPDX-License-Identifier: GPL-2.0+ */": [("spdx_header", "GPL-2.0-or-later")],
    "# SPDX-License-Identifier: (MIT OR Apache-2.0)\n": [("spdx_header", "MIT OR Apache-2.0")],
    "# SPDX-License-Identifier: LicenseRef-Ours": [("spdx_header", None)],
    f"# SPDX-License-Identifier: MIT\n/* {MIT} */": [("spdx_header", "MIT"), ("notice", "MIT")],
    f"// SPDX-License-Identifier: MIT\n/* {GPL} */": [("spdx_header", "MIT"), ("notice", "GPL-2.0-or-later")],
    f"/* {GPL} */": [("notice", "GPL-2.0-or-later")],
    f"/* {BSD_3} */": [("notice", "BSD-3-Clause")],
    f"/* {GPL} As a special exception, you may create\n   a larger work that contains part or all of the Bison parser skeleton\n"
    "   and distribute that work under terms of your choice, so long as */": [
        ("notice", "GPL-2.0-or-later WITH Bison-exception-2.2")
    ],
    "# Licensed under the Apache License, Version 2.0 (the License)": [("notice", "Apache-2.0")],
    ":license: BSD, see LICENSE for more details.": [("notice", "LicenseRef-headwater-bsd")],
    "/** @license MIT */": [("notice", "MIT")],
    "# Released under the MIT license.": [("notice", "MIT")],
    "# This Source Code Form is subject to the terms of the Mozilla Public\n# License, v. 2.0.": [("notice", "MPL-2.0")],
    "# Dual licensed under the MIT or GPL Version 2 licenses.": [("notice", "MIT OR GPL-2.0-only")],
    "# This file is dual licensed under the terms of the Apache License, Version\n# 2.0, and the BSD License.": [
        ("notice", "Apache-2.0 OR LicenseRef-headwater-bsd")
    ],
    f"/* {BSD_3} Alternatively, it may be distributed under the terms of the GNU General Public License version 2. */": [
        ("notice", "BSD-3-Clause OR GPL-2.0-only")
    ],
    f"/* {MIT} */ /* Portions are licensed under the GNU GPL version 3. */": [("notice", "MIT"), ("notice", "GPL-3.0-only")],
    "# Licensed under terms that are written down in another file of this tree, as is MIT": [],
    f"/* {MIT} Alternatively, read on. Portions are licensed under the GNU GPL version 3. */": [
        ("notice", "MIT"), ("notice", "GPL-3.0-only"),
    ],
    "// Copyright X. Proprietary and confidential.": [("notice", "LicenseRef-scancode-proprietary-license")],
    "/*\n** See Copyright Notice in lua.h\n*/": [("see", None)],
    "// See LICENSE for details\nint main;": [],
    "// Compatible with the MIT License, and with the GNU GPL version 3.": [("notice", "GPL-3.0-only")],
    "x = university('MIT')  # made at MIT": [],
}  # fmt: skip


@pytest.mark.parametrize("text", CASES, ids=lambda text: text[:50])
def test_what_a_source_file_says_of_itself(text):
    assert said(text) == CASES[text]


def test_tags_and_sentences_count_in_the_header_only_and_terms_anywhere():
    far = "\n" * HEADER_LINES
    assert said(far + "// SPDX-License-Identifier: MIT") == []
    assert said(far + "// Licensed under the MIT license") == []
    assert said(far + f"/* {ISC} */") == [("notice", "ISC")]


def test_prose_is_not_made_free_by_a_sentence_but_may_be_bound_by_one():
    assert said("This uses a library licensed under the MIT license.", "notes.md") == []
    assert said("This uses a library licensed under the GPLv3.", "notes.md") == [("notice", "GPL-3.0-only")]
    assert said(MIT, "notes.md") == [("notice", "MIT")]


def test_a_hit_names_its_byte_and_quotes_it():
    (hit,) = file_licence_hits("a.py", b"\n\n# Licensed under the MIT License")
    assert (hit.locator, hit.raw) == ("byte 23", "MIT License")


def test_terms_are_found_between_tags_and_in_utf_16():
    page = f"<p>{MIT.replace(' ', '<br> ')}</p>"
    assert said(page, "a.html") == [("notice", "MIT")]
    assert [hit.expression for hit in file_licence_hits("a.rc", ("// " + MIT).encode("utf-16"))] == ["MIT"]


@settings(deadline=None)
@given(
    st.sampled_from(["a.c", "b", "c.html", "d.md"]),
    st.binary(max_size=200)
    | st.lists(st.sampled_from([*CASES, "\n", "\x00", "é"]), max_size=4).map("".join).map(str.encode),
)
def test_any_bytes_are_read_without_error(path, data):
    for hit in file_licence_hits(path, data):
        assert len(hit.raw) <= 200
        assert hit.locator.startswith("byte ")
