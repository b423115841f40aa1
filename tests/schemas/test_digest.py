from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.digest import canonical, digest, merkle_root, sha256
from schemas.item import child_id, root_id, text_sha256

IDS = st.binary(min_size=32, max_size=32)


def test_bytes_are_hex_times_are_utc_and_keys_are_sorted():
    value = {"b": b"\x00\xff", "a": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "c": 2**53, "d": 1.0}
    assert canonical(value) == b'{"a":"2026-01-02T03:04:05.000000Z","b":"00ff","c":"9007199254740992","d":1}'


@pytest.mark.parametrize("value", [{1, 2}, datetime(2026, 1, 1), object()])
def test_a_value_without_one_form_is_refused(value):
    with pytest.raises(TypeError, match="canonical form"):
        canonical(value)


def test_domains_keep_equal_parts_apart():
    assert digest("item", "x") != digest("capture", "x")


@given(IDS, IDS, st.text(alphabet="abcdefghij_", min_size=1))
def test_the_fast_root_id_is_the_canonical_one(capture, content, lane):
    assert root_id(capture, lane, content) == digest(
        "item", {"capture_id": capture, "lane": lane, "content_sha256": content}
    )


@given(IDS, IDS, IDS, st.integers(0, 2**31))
def test_the_fast_child_id_is_the_canonical_one(parent, split, content, ordinal):
    fields = {"parent_id": parent, "split": split, "ordinal": ordinal, "content_sha256": content}
    assert child_id(parent, split, ordinal, content) == digest("item", fields)


def test_a_text_has_the_digest_of_its_composed_form():
    assert text_sha256("e\u0301") == text_sha256("\u00e9") == sha256("\u00e9".encode())


def _tree(leaves):
    """RFC 6962 as it is written: split at the largest power of two below the size."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0])
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + _tree(leaves[:half]) + _tree(leaves[half:]))


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=33))
def test_the_merkle_root_is_that_of_rfc_6962(leaves):
    assert merkle_root(leaves) == _tree(leaves)
