"""The EU's summary: numbers from the ledger, words from people, and nothing at all while one of them is missing."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from pipelines.exports.render import as_html, as_json, as_markdown
from pipelines.exports.summary import FIELDS, Summary, _band, summary, words
from schemas.errors import ExportRefused, InputError


@pytest.fixture
def paper(known, said) -> Summary:
    return summary(known, said)


def entry(paper, number, label):
    (section,) = [one for one in paper.sections if one.number == number]
    return next(one for one in section.entries if one.label == label)


@pytest.mark.parametrize("missing", [field.name for field in FIELDS if field.name not in ("text_tokens",)])
def test_without_one_needed_field_it_refuses_and_names_it(missing, known, said):
    needed = {field.name for field in FIELDS if field.when(known)}
    without = {name: value for name, value in said.items() if name != missing}
    if missing not in needed:
        kind = {
            "public_datasets": "public_dataset",
            "private_datasets": "licensed",
            "user_data": "user",
            "other_sources": "other",
        }
        known = replace(known, sources=[{**known.sources[0], "kind": kind.get(missing, "web_crawl")}, *known.sources])
    with pytest.raises(ExportRefused, match=rf"unknown: (.*; )?{missing} \("):
        summary(known, without)


def test_an_empty_word_is_no_word(known, said):
    with pytest.raises(ExportRefused, match="unknown: provider_name "):
        summary(known, {**said, "provider_name": "  "})


def test_without_a_duration_it_refuses(known, said):
    hours = [{"modality": "audio", "items": 25, "hours": 0.1, "unmeasured": 3}]
    with pytest.raises(ExportRefused, match=r"hours of audio \(the ledger has no duration of 3 of 25 items\)"):
        summary(replace(known, hours=hours), said)


def test_without_the_host_of_a_crawled_item_it_refuses(known, said):
    crawl = {**known.sources[0], "kind": "web_crawl", "unplaced": 2}
    words = dict.fromkeys(("crawler_names", "crawler_purpose", "crawler_behaviour", "crawled_content"), "x")
    with pytest.raises(
        ExportRefused, match=rf"domains of source {crawl['name']} \(the ledger has no host of 2 items\)"
    ):
        summary(replace(known, sources=[crawl, *known.sources[1:]]), {**said, **words})


def test_without_a_source_card_it_refuses(known, said):
    gone, *rest = known.sources
    with pytest.raises(ExportRefused, match=rf"source card {gone['name']} "):
        summary(replace(known, sources=rest), said)


def test_a_billion_bytes_of_text_need_a_count_of_tokens(known, said):
    sizes = [row | {"bytes": 10**9} if row["modality"] == "text" else row for row in known.sizes]
    with pytest.raises(ExportRefused, match="unknown: text_tokens "):
        summary(replace(known, sizes=sizes), said)
    found = summary(replace(known, sizes=sizes), {**said, "text_tokens": 2 * 10**9})
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
    assert entry(paper, "1.1", "Provider").by == "provider"


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
    found = summary(replace(known, shares=shares), {**said, "public_datasets": "small ones"})
    first, *rest = entry(found, "2.1", "Sources").value[1:]
    assert (first[1], first[4], rest) == (
        known.sources[0]["title"],
        "97.0%",
        [["text", "others of at most 3% each", "", "", "", "2"]],
    )


@pytest.mark.parametrize(("is_sme", "n"), [(False, 3), (True, 2)])
def test_small_providers_list_half_as_many_hosts(is_sme, n, known, said):
    crawl = {**known.sources[0], "kind": "web_crawl", "unplaced": 0}
    domains = [{"host": f"{c}.example", "bytes": 9, "items": 1} for c in "abc"]
    words = dict.fromkeys(("crawler_names", "crawler_purpose", "crawler_behaviour", "crawled_content"), "x")
    facts = replace(known, sources=[crawl, *known.sources[1:]], domains=domains)
    found = summary(facts, {**said, **words, "is_sme": is_sme})
    (hosts,) = [one for section in found.sections for one in section.entries if one.label.startswith("Hosts")]
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


def test_an_unknown_key_is_an_error(tmp_path):
    (tmp_path / "w.toml").write_text('provider_nam = "x"')
    with pytest.raises(InputError, match="unknown key 'provider_nam'; known keys: "):
        words(tmp_path / "w.toml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: No such file"):
        words(tmp_path / "none.toml")
