"""The id of a capture, written out by hand, is the one of the general encoder."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.capture import capture_id
from schemas.digest import digest

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]))


@settings(max_examples=100, derandomize=True, database=None)
@given(uri=texts, record_id=texts, fetched_at=st.none() | st.just(datetime(2024, 5, 3, 10, tzinfo=UTC)))
def test_the_id_of_a_capture_is_the_digest_of_its_fields(uri, record_id, fetched_at):
    fields = {
        "source": "s", "uri": uri, "fetched_at": fetched_at, "record_type": "file", "record_id": record_id,
        "payload_sha256": b"\x01" * 32,
    }  # fmt: skip
    assert capture_id(**fields) == digest("capture", fields)
