import io
from datetime import UTC, datetime

from fastwarc.warc import ArchiveIterator as FastIterator
from fastwarc.warc import WarcRecordType
from warcio.archiveiterator import ArchiveIterator

from pipelines.capture.fetch import Fetched
from pipelines.capture.warc import Record, records
from pipelines.capture.warc_write import write_exchange, write_warcinfo
from schemas.capture import Outcome

AT = datetime(2026, 11, 23, 4, 5, 6, 789, tzinfo=UTC)
EXCHANGE = Fetched(
    url="http://river.example/caf%C3%A9",
    outcome=Outcome.FETCHED,
    fetched_at=AT,
    status=200,
    request=b"GET /caf%C3%A9 HTTP/1.1\r\nHost: river.example\r\n\r\n",
    header_block=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n",
    body=b"<p>hi",
    ip="93.184.215.14",
)


def archive(*exchanges):
    out = io.BytesIO()
    info = write_warcinfo(out, [("software", "Headwater"), ("robots", "obeyed")], AT)
    for one in exchanges:
        write_exchange(out, one, info)
    return out.getvalue()


def test_warcio_reads_every_record_and_its_digests_hold():
    found = []
    for record in ArchiveIterator(io.BytesIO(archive(EXCHANGE)), check_digests="raise"):
        body = record.content_stream().read()
        found.append((record.rec_type, record.rec_headers.get_header("WARC-Target-URI"), body))
    assert found == [
        ("warcinfo", None, b"software: Headwater\r\nrobots: obeyed\r\n"),
        ("request", EXCHANGE.url, b""),
        ("response", EXCHANGE.url, b"<p>hi"),
    ]


def test_fastwarc_reads_every_record_and_its_digests_hold():
    found = []
    for record in FastIterator(io.BytesIO(archive(EXCHANGE)), parse_http=False):
        assert record.verify_block_digest()
        record.parse_http()
        found.append((record.record_type, record.reader.read()))
    assert [kind for kind, _ in found] == [WarcRecordType.warcinfo, WarcRecordType.request, WarcRecordType.response]
    assert found[2][1] == b"<p>hi"


def test_a_response_says_when_where_and_from_whom(tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(archive(EXCHANGE))
    info, request, response = records(path)
    assert isinstance(response, Record)
    assert (response.uri, response.fetched_at, response.status) == (EXCHANGE.url, AT, 200)
    assert (response.header_block, response.payload) == (EXCHANGE.header_block, b"<p>hi")
    assert (response.truncated, response.problem) == (None, None)
    headers = [record.rec_headers for record in ArchiveIterator(io.BytesIO(path.read_bytes()))]
    assert headers[2].get_header("WARC-IP-Address") == "93.184.215.14"
    assert headers[1].get_header("WARC-Concurrent-To") == response.record_id.join("<>")
    assert headers[2].get_header("WARC-Concurrent-To") == request.record_id.join("<>")
    assert headers[2].get_header("WARC-Warcinfo-ID") == info.record_id.join("<>")
    assert headers[2].get_header("WARC-Date") == "2026-11-23T04:05:06.000789Z"


def test_a_cut_body_says_so(tmp_path):
    import dataclasses

    path = tmp_path / "a.warc.gz"
    path.write_bytes(archive(dataclasses.replace(EXCHANGE, truncated="time")))
    assert [record.truncated for record in records(path)] == [None, None, "time"]


def test_no_member_holds_a_time_of_its_own():
    assert archive(EXCHANGE)[4:8] == bytes(4)


def test_record_ids_follow_from_the_content():
    import dataclasses

    later = dataclasses.replace(EXCHANGE, fetched_at=AT.replace(second=7))
    assert archive(EXCHANGE) == archive(EXCHANGE)
    ids = [
        record.rec_headers.get_header("WARC-Record-ID")
        for record in ArchiveIterator(io.BytesIO(archive(EXCHANGE, later)))
    ]
    assert len(set(ids)) == 5


def test_a_record_id_is_a_uuid_of_version_8():
    import uuid

    for record in ArchiveIterator(io.BytesIO(archive(EXCHANGE))):
        name = uuid.UUID(record.rec_headers.get_header("WARC-Record-ID")[10:-1])
        assert (name.version, name.variant) == (8, uuid.RFC_4122)
