"""The EU's summary: numbers from the ledger, words from people, and nothing at all while one of them is missing."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from pipelines.exports.render import as_html, as_json, as_markdown
from pipelines.exports.said import FIELDS, Form, words
from pipelines.exports.summary import Summary, _band, summary
from schemas.errors import ExportRefused, InputError
from schemas.source import SourceKind


@pytest.fixture
def paper(known, said) -> Summary:
    return summary(known, said)


def entry(paper, number, label):
    (section,) = [one for one in paper.sections if one.number == number]
    return next(one for one in section.entries if one.label == label)


# A source card and what people say where a release needs every field at once.
CARD = {
    "title": "T", "provider": "P", "contact": "c", "url": None, "licence": None, "terms": None, "contract": None, "collected_from": None,
    "collected_to": None, "items": 1, "bytes": 9, "undated": 1, "unplaced": 0, "obtained_from": None, "obtained_until": None,
}  # fmt: skip
EVERYTHING = {
    "version": "1.0", "last_update": "2026-11-26", "latest_acquisition": "11/2026", "crawl_period": "01/2025 to 11/2026",
    "continuously_trained": False, "code_of_practice": True, "user_interactions": False, "other_services": True, "text_tokens": 2 * 10**9,
    "types_of_content": {"text": "t", "image": "i"}, "dataset_descriptions": {"public_dataset": "d"},
    "known_private_datasets": ["A", "B"], "other_information": "o", "comments": {"2.3": "c"},
}  # fmt: skip


@pytest.fixture(scope="module")
def demanding(known):
    """Facts of a release with undated sources of every kind and more than a billion bytes of text, and all that people say of it."""
    kinds = [kind.value for kind in SourceKind]
    shares = [
        {"modality": "text", "kind": kind, "source": kind, "items": 1, "bytes": 9, "share": 0.1} for kind in kinds
    ]
    sizes = [
        {"modality": "image", "items": 3, "bytes": 1, "languages": []},
        {"modality": "text", "items": 3, "bytes": 3 * 10**9, "languages": ["en"]},
    ]
    cards = [CARD | {"name": kind, "kind": kind} for kind in kinds]
    said = {field.name: "x" for field in FIELDS} | EVERYTHING
    return replace(known, sources=cards, shares=shares, sizes=sizes, hours=[]), said


@pytest.mark.parametrize("missing", [field.name for field in FIELDS])
def test_without_one_needed_field_it_refuses_and_names_it(missing, demanding):
    facts, said = demanding
    without = {name: value for name, value in said.items() if name != missing}
    with pytest.raises(ExportRefused, match=rf"unknown: {missing}[ .]"):
        summary(facts, without)


def test_every_section_of_the_template_is_there_with_every_field(demanding):
    found = summary(*demanding)
    assert [section.number for section in found.sections] == [
        "0", "1.1", "1.2", "1.3", "2.1", "2.2", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2", "3.3",
    ]  # fmt: skip
    assert [section.part for section in found.sections if section.part] == [
        "General information", "List of data sources", "Data processing aspects",
    ]  # fmt: skip
    spoken = {one.label for section in found.sections for one in section.entries if one.by == "provider"}
    assert {field.label for field in FIELDS if field.form is not Form.EACH} <= spoken
    assert entry(found, "1.3", "Types of content: image").value == "i"
    assert entry(found, "2.1", "Description of a large data set without an address: public_dataset").value == "d"
    assert entry(found, "2.2.2", "Private data sets that are publicly known").value == "A, B"
    assert entry(found, "2.3", "Additional comments").value == "c"
    assert entry(found, "2.4", "Data from interactions with other services or products").value == "yes"
    assert entry(found, "0", "Last update").value == "26/11/2026"


def test_who_sold_or_gave_private_data_is_not_told(demanding):
    facts, said = demanding
    cards = [row | ({"title": "SECRET", "provider": "SECRET"} if row["kind"] in ("licensed", "private", "user") else {})
             for row in facts.sources]  # fmt: skip
    found = summary(replace(facts, sources=cards), said)
    assert "SECRET" not in as_json(found).decode()
    assert (entry(found, "2.2.1", "Used in this release").value, entry(found, "2.2.1", "Modalities covered").value) == (
        "yes", "text",
    )  # fmt: skip


def test_a_modality_without_its_types_of_content_is_named(demanding):
    facts, said = demanding
    with pytest.raises(ExportRefused, match=r"unknown: types_of_content\.image \(Types of content; people write it\)"):
        summary(facts, {**said, "types_of_content": {"text": "t", "image": " "}})


def test_more_tokens_than_bytes_cannot_be(demanding):
    facts, said = demanding
    with pytest.raises(ExportRefused, match=r"text_tokens is 3,000,000,001, and the release has 3,000,000,000 bytes"):
        summary(facts, {**said, "text_tokens": 3 * 10**9 + 1})


def test_undated_sources_are_named(demanding):
    facts, said = demanding
    cards = [row | {"collected_from": "2025-01", "collected_to": "2025-03"} for row in facts.sources[1:]]
    vague = facts.sources[0] | {"collected_from": "spring", "collected_to": "spring 2024"}
    with pytest.raises(ExportRefused, match=r"latest_acquisition \(.*; not all captures of web_crawl have a time"):
        summary(replace(facts, sources=[vague, *cards]), {**said, "latest_acquisition": None})
    dated = [row | {"kind": "web_crawl"} for row in cards]
    found = summary(replace(facts, sources=dated, shares=[]), said)
    assert entry(found, "2.3", "Period of data collection").value == "01/2025 to 03/2025"
    assert entry(found, "1.3", "Latest date of data acquisition").value == "03/2025"


@pytest.mark.parametrize("word", ["  ", "unknown", "TODO", "?", []])
def test_what_says_nothing_is_no_word(word, known, said):
    with pytest.raises(ExportRefused, match="unknown: provider_name "):
        summary(known, {**said, "provider_name": word})


def test_without_a_duration_it_refuses(known, said):
    hours = [{"modality": "audio", "items": 25, "hours": 0.1, "unmeasured": 3}]
    with pytest.raises(ExportRefused, match=r"hours of audio \(the ledger has no duration of 3 of 25 items\)"):
        summary(replace(known, hours=hours), said)


def test_without_the_host_of_a_crawled_item_it_refuses(known, said):
    crawl = {**known.sources[0], "kind": "web_crawl", "unplaced": 2}
    words = dict.fromkeys(
        ("crawler_names", "crawler_purpose", "crawler_behaviour", "crawl_period", "crawled_content"), "x"
    )
    with pytest.raises(
        ExportRefused, match=rf"domains of source {crawl['name']} \(the ledger has no host of 2 items\)"
    ):
        summary(replace(known, sources=[crawl, *known.sources[1:]]), {**said, **words})


def test_without_a_source_card_it_refuses(known, said):
    gone, *rest = known.sources
    with pytest.raises(ExportRefused, match=rf"source card {gone['name']} "):
        summary(replace(known, sources=rest), said)


def test_a_billion_bytes_of_text_need_a_count_of_tokens(known, said):
    sizes = [row | {"bytes": 2 * 10**9} if row["modality"] == "text" else row for row in known.sizes]
    with pytest.raises(ExportRefused, match="unknown: text_tokens "):
        summary(replace(known, sizes=sizes), said)
    found = summary(replace(known, sizes=sizes), {**said, "text_tokens": 10**9})
    assert "1 billion to 10 trillion tokens" in {row[1] for row in entry(found, "1.3", "Modalities and size").value}


@pytest.mark.parametrize(
    ("modality", "size", "band"),
    [
        ("text", 1e9 - 1, "less than 1 billion tokens"),
        ("text", 1e9, "1 billion to 10 trillion tokens"),
        ("text", 1e13 + 1, "more than 10 trillion tokens"),
        ("image", 1e6, "1 million to 1 billion images"),
        ("audio", 0.0, "less than 10,000 hours"),
    ],
)
def test_bands_are_those_of_the_template(modality, size, band):
    assert _band(modality, size) == band


def test_numbers_are_those_of_the_ledger_and_words_are_marked(paper, known):
    sizes = entry(paper, "1.3", "Modalities and size")
    assert sizes.by == "ledger"
    assert sizes.value[1:] == [
        [row["modality"], _band(row["modality"], 0), f"{row['items']:,}", f"{row['bytes']:,}"] for row in known.sizes
    ]
    assert entry(paper, "1.1", "Provider name").by == "provider"


def test_a_source_of_more_than_three_per_cent_is_named_and_the_rest_are_counted(known, said):
    shares = [
        {
            "modality": "text",
            "kind": "public_dataset",
            "source": known.sources[0]["name"],
            "items": 9,
            "bytes": 970,
            "share": 0.9,
        },
        {
            "modality": "text",
            "kind": "public_dataset",
            "source": known.sources[1]["name"],
            "items": 2,
            "bytes": 30,
            "share": 0.1,
        },
    ]
    cards = [row | {"kind": "public_dataset", "url": "https://a.example/"} for row in known.sources]
    found = summary(replace(known, shares=shares, sources=cards), {**said, "public_datasets": "small ones"})
    first, *rest = entry(found, "2.1", "Large publicly available datasets").value[1:]
    assert (first[1], first[3], first[5], rest) == (
        known.sources[0]["title"],
        "https://a.example/",
        "97.0%",
        [["text", "others of at most 3% each", "", "", "", "", "2"]],
    )


@pytest.mark.parametrize(("is_sme", "n"), [(False, 3), (True, 2)])
def test_small_providers_list_half_as_many_hosts(is_sme, n, known, said):
    crawl = {**known.sources[0], "kind": "web_crawl", "unplaced": 0}
    domains = [{"host": f"{c}.example", "bytes": 9, "items": 1, "is_in_sme_list": c != "c"} for c in "abc"]
    words = dict.fromkeys(
        ("crawler_names", "crawler_purpose", "crawler_behaviour", "crawl_period", "crawled_content"), "x"
    )
    facts = replace(known, sources=[crawl, *known.sources[1:]], domains=domains)
    found = summary(facts, {**said, **words, "is_sme": is_sme})
    (hosts,) = [one for section in found.sections for one in section.entries if one.label.startswith("Domain names")]
    assert [row[0] for row in hosts.value[1:]] == ["a.example", "b.example", "c.example"][:n]


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_words_do_not_become_markup(known, said):
    paper = summary(known, {**said, "provider_name": "<script>x</script> | *a*"})
    page = Cells()
    page.feed(as_html(paper).decode())
    assert "script" not in page.tags
    assert "<script>x</script> | *a*" in page.texts
    assert r"\<script\>x\</script\> \| \*a\*" in as_markdown(paper).decode()


def test_all_three_forms_say_every_label(paper):
    html, markdown, parsed = as_html(paper).decode(), as_markdown(paper).decode(), json.loads(as_json(paper))
    labels = [one.label for section in paper.sections for one in section.entries]
    assert [one["label"] for section in parsed["sections"] for one in section["entries"]] == labels
    assert all(label in html and label in markdown for label in labels)
    assert all("not legal advice" in text for text in (html, markdown, parsed["notice"]))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('provider_nam = "x"', "unknown key 'provider_nam'; known keys: "),
        ('text_tokens = "many"', "text_tokens must be a whole number above 0; it is 'many'"),
        ("text_tokens = true", "text_tokens must be a whole number above 0; it is True"),
        ('code_of_practice = "no"', "code_of_practice must be true or false; it is 'no'"),
        ('is_sme = "yes"', "is_sme must be true or false"),
        ('last_update = "26/11/26"', "last_update must be a date, as 2026-11-26"),
        ('latest_acquisition = "13/2026"', "latest_acquisition must be a month, as 11/2026"),
        ('crawl_period = "2025"', "crawl_period must be two months"),
        ('types_of_content = "pages"', "types_of_content must be a table, with a text for each"),
        ("provider_name = 3", "provider_name must be a text, or a list of texts; it is 3"),
        ('[comments]\n"9.9" = "x"', "comments has no section '9.9'; sections: 1.3, "),
        ("x", "is not valid TOML"),
    ],
)
def test_what_cannot_be_used_is_an_error(text, error, tmp_path):
    (tmp_path / "w.toml").write_text(text)
    with pytest.raises(InputError, match=error):
        words(tmp_path / "w.toml")


def test_what_is_written_and_says_nothing_counts_as_not_written(tmp_path):
    (tmp_path / "w.toml").write_text('text_tokens = "todo"\nis_sme = ""\nversion = "1.0"')
    assert words(tmp_path / "w.toml") == {"version": "1.0"}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: No such file"):
        words(tmp_path / "none.toml")
