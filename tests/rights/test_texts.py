"""Terms of licences, told by their phrases, in whatever comment they stand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.rights.spdx import LicenceClass, licence_class
from pipelines.rights.texts import known_texts

MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    'documentation files (the "Software"), to deal in the Software without restriction, subject to the following conditions: '
    "The above copyright notice and this permission notice shall be included in all copies or substantial portions of the "
    'Software. THE SOFTWARE IS PROVIDED "AS IS".'
)
BSD_START = (
    "Redistribution and use in source and binary forms, with or without modification, are permitted provided that "
)
BSD_2 = (
    BSD_START + "1. Redistributions of source code must retain it. 2. Redistributions in binary form must reproduce it."
)
BSD_3 = BSD_2 + " 3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse."
ISC = (
    "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, "
    "provided that the above copyright notice and this permission notice appear in all copies."
)
CASES = {
    MIT: ["MIT"],
    MIT.replace("subject to the following conditions", "on terms").replace("shall be included in all copies", "is here"): ["MIT-0"],
    MIT.replace("shall be included in all copies", "may be sold for money"): [None],
    MIT + " The Software shall be used for Good, not Evil.": ["JSON"],
    MIT + " Non-commercial use only.": [None],
    BSD_2: ["BSD-2-Clause"],
    BSD_3: ["BSD-3-Clause"],
    BSD_3 + " All advertising materials mentioning features or use of it must say so.": ["BSD-4-Clause"],
    BSD_START + "you are nice.": [None],
    ISC: ["ISC"],
    ISC.replace("provided that", "and").replace("appear in all copies", ""): ["0BSD"],
    "Permission is granted to anyone to use this software for any purpose. Altered source versions must be plainly marked.": ["Zlib"],
    "GNU GENERAL PUBLIC LICENSE\n   Version 2, June 1991": ["GPL-2.0-only"],
    "GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007": ["GPL-3.0-only"],
    "GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1, February 1999": ["LGPL-2.1-only"],
    "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007": ["AGPL-3.0-only"],
    "Apache License\n  Version 2.0, January 2004": ["Apache-2.0"],
    "Mozilla Public License Version 2.0": ["MPL-2.0"],
    "This is free and unencumbered software released into the public domain.": ["Unlicense"],
    "Boost: permission is hereby granted, free of charge, to any person or organization obtaining a copy of the software and "
    "accompanying documentation covered by this license": ["BSL-1.0"],
    "This file has been put into the public domain.": ["LicenseRef-scancode-public-domain"],
    "It has not been put into the public domain.": [],
    "Parts of this were put into the public domain.": [],
    f"{MIT}\n\n{BSD_3}": ["MIT", "BSD-3-Clause"],
    "Permission denied": [],
}  # fmt: skip


@pytest.mark.parametrize("text", CASES, ids=lambda text: text[-30:])
def test_terms_are_told_by_their_phrases(text):
    assert [known.expression for known in known_texts(text.encode())] == CASES[text]


@pytest.mark.parametrize(
    ("before", "line"),
    [("/*", " * "), ("", "// "), ("", "# "), ("", "dnl "), ("<!--", "  "), ("", ";; "), ("", "\r\n")],
)
def test_comment_signs_and_line_breaks_do_not_hide_terms(before, line):
    words = BSD_3.split()
    text = before + "\n" + "\n".join(line + " ".join(words[i : i + 7]) for i in range(0, len(words), 7))
    assert [known.expression for known in known_texts(text.encode())] == ["BSD-3-Clause"]


def test_a_hit_has_the_bytes_of_its_opening():
    (known,) = known_texts(b"\xff\xfe0123 " + MIT.encode())
    assert (known.start, known.expression) == (7, "MIT")


@settings(deadline=None)
@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([*CASES, "\n * ", "not "]), max_size=4).map("".join).map(str.encode)
)
def test_any_bytes_give_licences_that_have_a_class(data):
    for known in known_texts(data):
        assert known.expression is None or licence_class(known.expression) is not LicenceClass.UNKNOWN
        assert 0 <= known.start < known.end <= len(data)
