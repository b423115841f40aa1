"""Works of a notice: what is owed alike is said once, whatever the order of magnitude; statements and licences are read as they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.exports import credited
from pipelines.exports.credited import statements, works
from pipelines.exports.licences import licence_links
from pipelines.exports.notice import _text


def row(source, **more):
    return {
        "title": None, "author": None, "copyright": [], "source": source, "licence": "MIT", "licence_url": [], "owed": "attribution",
        "licence_is_of": "the item", "collection": "C", "collection_url": None, "provider": "P", "edited": [], "item_id": "ab",
    } | more  # fmt: skip


def test_files_of_one_package_are_one_work_with_what_they_say_and_what_was_edited():
    rows = [
        row("upload://x/a.tar!/six-1.0/LICENSE", copyright=["Copyright 2010 Ann"]),
        row("upload://x/a.tar!/six-1.0/src/six.py", copyright=["Copyright 2010 Ann"], edited=["pii.redact"]),
        row("upload://x/a.tar!/tool-2/a.py"),
        row("https://a.example/b/1.jpg", author="Bob"),
        row("https://a.example/b/2.jpg", author="Bob"),
        row("https://a.example/b/3.jpg", author="Eve"),
        row("https://a.example/c", title="C"),
        row(None),
    ]
    found = list(works(rows))
    assert [(one.items, one.place, one.files, one.author) for one in found] == [
        (2, "upload://x/a.tar!/six-1.0/", ("LICENSE", "src/six.py"), None),
        (1, "upload://x/a.tar!/tool-2/a.py", (), None),
        (2, "https://a.example/b/", ("1.jpg", "2.jpg"), "Bob"),
        (1, "https://a.example/b/3.jpg", (), "Eve"),
        (1, "https://a.example/c", (), None),
        (1, None, (), None),
    ]
    assert _text(found[0]) == (
        "- 2 files, author as stated below, upload://x/a.tar!/six-1.0/\n  Copyright 2010 Ann\n  edited by pii.redact\n    LICENSE, src/six.py\n"
    )
    assert _text(found[-1]) == "- title not recorded, author not recorded, address not recorded\n"


SOURCES = st.one_of(st.none(), st.text("ab/!:.", min_size=1, max_size=12))
ROWS = st.lists(
    st.builds(row, SOURCES, title=st.sampled_from([None, "T"]), licence=st.sampled_from(["MIT", "CC-BY-4.0"])),
    max_size=12,
)


@given(rows=ROWS)
def test_no_item_and_no_address_is_lost_in_works(rows):
    found = list(works(rows))
    assert sum(one.items for one in found) == len(rows)
    told = {f"{one.place}{name}" for one in found for name in one.files or ("",)} - {"None"}
    assert {one["source"] for one in rows if one["source"]} <= told


def test_a_folder_of_any_size_is_held_in_pieces(monkeypatch):
    monkeypatch.setattr(credited, "MOST_FILES", 3)
    assert [one.items for one in works(row(f"https://a.example/{n}") for n in range(7))] == [3, 3, 1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("// Copyright (c) 2015, Ann Author. */\nint x;", ["Copyright (c) 2015, Ann Author."]),
        ("/* (C) 1999-2002 by Jutta */", ["(C) 1999-2002 by Jutta"]),
        ("    :copyright: (c) 2017 by Kenneth.\n    :copyright: (c) 2017 by Kenneth.", ["copyright: (c) 2017 by Kenneth."]),
        ("# © 2020 Zoë\n", ["© 2020 Zoë"]),
        ("copyright = load(2015)\nThe copyright of 2015 was long.\n(c) see above\nCopyright Ann", []),
        ("\n".join(f"Copyright {2000 + n} A" for n in range(9)), [f"Copyright {2000 + n} A" for n in range(5)]),
    ],
)  # fmt: skip
def test_a_statement_of_copyright_has_its_word_or_sign_and_a_year(text, found):
    assert statements(text) == found


@pytest.mark.parametrize(
    ("expression", "links"),
    [
        ("CC-BY-SA-3.0-DE", ["https://creativecommons.org/licenses/by-sa/3.0/de/"]),
        ("CC-BY-NC-ND-4.0", ["https://creativecommons.org/licenses/by-nc-nd/4.0/"]),
        ("CC0-1.0 OR MIT", ["https://creativecommons.org/publicdomain/zero/1.0/", "https://spdx.org/licenses/MIT.html"]),
        ("GPL-3.0-or-later WITH Bison-exception-2.2",
         ["https://spdx.org/licenses/GPL-3.0-or-later.html", "https://spdx.org/licenses/Bison-exception-2.2.html"]),
        ("LicenseRef-headwater-cc-by-sa", []),
        ("unknown", []),
        ("<script>", []),
    ],
)  # fmt: skip
def test_a_licence_leads_to_where_its_text_stands(expression, links):
    assert [address for _, address in licence_links(expression)] == links
