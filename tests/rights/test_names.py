"""Names of licences as people write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.rights.names import BSD, PERL, from_name, names_in
from pipelines.rights.spdx import LicenceClass, licence_class

VALUES = {
    "MIT": "MIT",
    "The MIT License (MIT)": "MIT",
    "MIT/Apache-2.0": "MIT OR Apache-2.0",
    "MIT OR Apache-2.0": "MIT OR Apache-2.0",
    "BSD-2-Clause or Apache 2.0": "BSD-2-Clause OR Apache-2.0",
    "MIT AND PSF-2.0": "MIT AND PSF-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "New BSD": "BSD-3-Clause",
    "BSD": BSD,
    "GPL": "GPL-1.0-or-later",
    "GPLv2+": "GPL-2.0-or-later",
    "GPL (>= 2)": "GPL-2.0-or-later",
    "GPL-3": "GPL-3.0-only",
    "GNU GPL v3 or later": "GPL-3.0-or-later",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-2.0-or-later",
    "LGPL-2.1+": "LGPL-2.1-or-later",
    "GNU AGPLv3": "AGPL-3.0-only",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "perl_5": PERL,
    "Public Domain": "LicenseRef-scancode-public-domain",
    "Expat": "MIT",
    "CC BY-NC 4.0": "CC-BY-NC-4.0",
    "https://opensource.org/licenses/MIT": "MIT",
    "GPL-2+ with OpenSSL exception": "GPL-2.0-or-later",
    "MIT with exceptions": None,
    "MIT (non-commercial)": None,
    "Apache 2.0 with Commons Clause": None,
    "Proprietary": None,
    "Dual License": None,
    "MIT or what you like": None,
    "MIT or GPL-3.0 and BSD": None,
    "": None,
    "MIT " * 100: None,
}


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value[:40])
def test_a_value_is_read_whole_or_not_at_all(value):
    assert from_name(value) == VALUES[value]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"under the terms of the GNU Lesser General Public\n * License as published by the Free Software Foundation; either\n"
         b" * version 2.1 of the License, or (at your option) any later version.", ["LGPL-2.1-or-later"]),
        (b"under version 2 of the GNU General Public License as published", ["GPL-2.0-only"]),
        (b"the GNU General Public License (GPL), version 3", ["GPL-3.0-only"]),
        (b"GNU General Public License, either version 2 or any later version", ["GPL-2.0-or-later"]),
        (b'MODULE_LICENSE("GPL v2")', ["GPL-2.0-only"]),
        (b"the Mozilla Public License, v. 2.0, or the MIT License", ["MPL-2.0", "MIT"]),
        (b"at MIT, in the boost and the apache of zlib", []),
    ],
)  # fmt: skip
def test_licences_named_in_running_text(text, expected):
    assert [name.expression for name in names_in(text)] == expected


@settings(deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*VALUES, " or ", " and ", ", ", "(", "+"]), max_size=4).map("".join)
)
def test_any_value_gives_nothing_or_a_licence_of_a_class(value):
    found = from_name(value)
    assert found is None or licence_class(found) is not LicenceClass.UNKNOWN
