"""What pictures say of rights in their own metadata, in every format that holds it; hostile bytes say nothing."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from pipelines.capture.archive import capture_archive
from pipelines.capture.layout import Wanted
from pipelines.rights.picture import picture_licence_rows, picture_licences, picture_statements
from tests.capture.archives import http, warc
from tests.capture.uploads import captured
from tests.split.pictures import encoded, scene

NS = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" '
    'xmlns:cc="http://creativecommons.org/ns#" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"'
)
DMI = "http://ns.useplus.org/ldf/vocab/DMI-"
BY = "https://creativecommons.org/licenses/by/4.0/"


def xmp(attributes="", elements=""):
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        f'rdf:about="" {NS} {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def jpeg(packet=b"", **options):
    return encoded(scene(), "JPEG", **({"xmp": packet} if packet else {}), **options)


def mining(data):
    return [(one.usage, one.verdict) for one in picture_statements(data) if one.mechanism == "xmp_plus_datamining"]


NO, YES, BAD = "disallow", "allow", "error"


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("UNSPECIFIED", [("tdm", "unknown")]),
        ("ALLOWED", [("train-ai", YES), ("tdm", YES)]),
        ("PROHIBITED", [("train-ai", NO), ("tdm", NO)]),
        ("PROHIBITED-AIMLTRAINING", [("train-ai", NO)]),
        ("PROHIBITED-GENAIMLTRAINING", [("train-ai", NO)]),
        ("PROHIBITED-EXCEPTSEARCHENGINEINDEXING", [("train-ai", NO), ("tdm", NO)]),
        ("PROHIBITED-SEECONSTRAINT", [("train-ai", NO), ("tdm", NO)]),
        ("PROHIBITED-SEELINKEDRIGHTSEXPR", [("train-ai", NO), ("tdm", NO)]),
        ("prohibited", [("train-ai", NO), ("tdm", NO)]),
        ("MAYBE", [("train-ai", BAD), ("tdm", BAD)]),
    ],
)
def test_data_mining_is_read_from_attribute_and_element_and_fails_closed(term, expected):
    assert mining(jpeg(xmp(f'plus:DataMining="{DMI}{term}"'))) == expected
    assert mining(jpeg(xmp(elements=f"<plus:DataMining>DMI-{term}</plus:DataMining>"))) == expected
    assert mining(jpeg(xmp(elements=f'<plus:DataMining rdf:resource="{DMI}{term}"/>'))) == expected


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_xmp_is_found_in_every_format(kind):
    packet = xmp(f'plus:DataMining="{DMI}PROHIBITED"')
    if kind == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        data = encoded(scene(), kind, pnginfo=info)
    elif kind == "TIFF":
        data = encoded(scene(), kind, tiffinfo={700: packet})
    else:
        data = encoded(scene(), kind, xmp=packet)
    assert mining(data) == [("train-ai", NO), ("tdm", NO)]


def test_copyright_creator_and_terms_are_evidence_that_decides_nothing():
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Jorg"
    exif[ExifTags.Base.Copyright] = "(c) 2020 Jorg. All rights reserved."
    packet = xmp(
        'xmpRights:WebStatement="https://joerg.example/terms"',
        "<dc:creator><rdf:Seq><rdf:li>J&amp;K</rdf:li><rdf:li>L</rdf:li></rdf:Seq></dc:creator>"
        "<xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang='x-default'>Ask first</rdf:li></rdf:Alt></xmpRights:UsageTerms>",
    )
    found = picture_statements(jpeg(packet, exif=exif))
    assert {(one.mechanism, one.usage, one.verdict) for one in found} == {("file_metadata", "all", "unknown")}
    assert [(one.locator.partition(",")[0], one.excerpt) for one in found] == [
        ("xmp UsageTerms", "Ask first"),
        ("xmp creator", "J&K"),
        ("xmp creator", "L"),
        ("xmp WebStatement", "https://joerg.example/terms"),
        ("exif Artist", "Jorg"),
        ("exif Copyright", "(c) 2020 Jorg. All rights reserved."),
    ]
    assert [(hit.location, hit.expression, hit.raw) for hit in picture_licences(jpeg(packet, exif=exif))] == [
        ("file_metadata", None, "Ask first")
    ]


@pytest.mark.parametrize(
    ("packet", "expression"),
    [
        (xmp(elements=f'<cc:license rdf:resource="{BY}"/>'), "CC-BY-4.0"),
        (xmp(f'xmpRights:WebStatement="{BY}"'), "CC-BY-4.0"),
        (xmp(f"xmpRights:UsageTerms='This work is licensed under {BY}'"), "CC-BY-4.0"),
        (xmp(elements='<cc:license rdf:resource="https://house.example/own"/>'), None),
    ],
)
def test_a_licence_is_read_and_one_that_cannot_be_read_is_a_hit_without_expression(packet, expression):
    (hit,) = picture_licences(jpeg(packet))
    assert (hit.location, hit.expression) == ("file_metadata", expression)
    assert picture_licences(jpeg(xmp('xmpRights:WebStatement="https://joerg.example"'))) == []


def iptc(**sets):
    body = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text for number, text in sets.values()
    )
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(body)) + body + b"\0" * (len(body) % 2)
    return b"\xff\xed" + struct.pack(">H", len(block) + 2) + block


def test_iptc_and_exif_of_webp_are_read():
    plain = jpeg()
    data = (
        plain[:2]
        + iptc(by=(80, b"Ann"), city=(90, b"Rome"), notice=(116, "© Ann, CC BY 4.0".encode("latin-1")))
        + plain[2:]
    )
    assert [(one.locator.partition(",")[0], one.excerpt) for one in picture_statements(data)] == [
        ("iptc by-line", "Ann"),
        ("iptc copyright notice", "© Ann, CC BY 4.0"),
    ]
    assert [hit.expression for hit in picture_licences(data)] == ["CC-BY-4.0"]
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "Ann"
    for kind in ("WEBP", "PNG", "TIFF"):
        assert [one.excerpt for one in picture_statements(encoded(scene(), kind, exif=exif))] == ["Ann"]


WHOLE = jpeg(xmp(f'plus:DataMining="{DMI}PROHIBITED"'), exif=Image.Exif()) + iptc(by=(80, b"Ann"))


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, len(WHOLE) - 1), junk=st.binary(max_size=30), cut=st.integers(0, len(WHOLE)))
def test_no_bytes_raise(at, junk, cut):
    found = picture_statements((WHOLE[:at] + junk + WHOLE[at + len(junk) :])[:cut])
    assert all(len(one.excerpt) <= 200 for one in found)
    assert list(picture_licences(junk)) == []  # 30 bytes hold no packet that names one


def test_a_long_packet_without_ends_takes_little_time():
    hostile = jpeg() + b"<rdf:RDF" + b"<plus:DataMining><dc:creator " * 30_000 + b"</rdf:RDF>"
    assert mining(hostile) == [("train-ai", BAD), ("tdm", BAD)]  # named, and nobody knows how


def test_uploads_and_archives_keep_it_as_evidence(tmp_path):
    data = jpeg(xmp(f'plus:DataMining="{DMI}PROHIBITED"', f'<cc:license rdf:resource="{BY}"/>'))
    wanted = Wanted(files=True, words=True, texts=False, evidence={"image_caption": picture_licence_rows})
    found = captured(tmp_path, {"a.jpg": data}, wanted=wanted)
    assert [row["expression"] for row in found.licences] == ["CC-BY-4.0"]
    assert [(row["mechanism"], row["verdict"]) for row in found.rights] == [("file_metadata", "unknown")] + [
        ("xmp_plus_datamining", "disallow")
    ] * 2
    path = tmp_path / "a.warc"
    path.write_bytes(warc("response", http(data, "Content-Type: image/jpeg")))
    (batch,) = capture_archive(path, source="s", stored_uri="a.warc")
    assert batch.rights.column("verdict").to_pylist() == ["unknown", "disallow", "disallow"]
    assert batch.licences.column("expression").to_pylist() == ["CC-BY-4.0"]
