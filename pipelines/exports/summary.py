"""The public summary of training content that the EU asks of providers of general-purpose AI models: what it says of a release.

    summary(facts(ledger, release), words(path)) -> Summary

Numbers come from the ledger alone; what only people know stands in a TOML file (`said.py`) and is marked as written by them. While an
input is unknown nothing is rendered: the error names it.

Source: European Commission, template for the public summary of training content, 24 July 2025 (AI Act, Article 53(1)(d)): its sections,
size bands and shares.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.audit.words import Row
from pipelines.exports.facts import NOTICE, Facts, days
from pipelines.exports.said import FIELDS, LARGE, Field, Form, Words, is_said, large_datasets, shown
from schemas.errors import ExportRefused
from schemas.source import SourceKind

TITLE = "Public summary of training content"
# Source: the template, 1.3: upper bound of each band but the last (tokens, images, hours), and their names.
BANDS: dict[str, tuple[tuple[float, float], tuple[str, str, str]]] = {
    "text": ((1e9, 1e13), ("less than 1 billion tokens", "1 billion to 10 trillion tokens", "more than 10 trillion tokens")),
    "image": ((1e6, 1e9), ("less than 1 million images", "1 million to 1 billion images", "more than 1 billion images")),
    "audio": ((1e4, 1e6), ("less than 10,000 hours", "10,000 hours to 1 million hours", "more than 1 million hours")),
    "video": ((1e4, 1e6), ("less than 10,000 hours", "10,000 hours to 1 million hours", "more than 1 million hours")),
}  # fmt: skip
# Source: the template, its parts and sections; 0 is ours.
PARTS = {"1": "General information", "2": "List of data sources", "3": "Data processing aspects"}
_TITLES = {
    "0": "This summary",
    "1.1": "Provider identification",
    "1.2": "Model identification",
    "1.3": "Modalities, overall training data size and other characteristics",
    "2.1": "Publicly available datasets",
    "2.2": "Private non-publicly available datasets obtained from third parties",
    "2.2.1": "Datasets commercially licensed by rightsholders or their representatives",
    "2.2.2": "Private datasets obtained from other third parties",
    "2.3": "Data crawled and scraped from online sources",
    "2.4": "User data",
    "2.5": "Synthetic data",
    "2.6": "Other sources of data",
    "3.1": "Respect of reservation of rights from text and data mining exception or limitation",
    "3.2": "Removal of illegal content",
    "3.3": "Other information",
}
_KINDS = {
    "2.1": SourceKind.PUBLIC_DATASET, "2.2.1": SourceKind.LICENSED, "2.2.2": SourceKind.PRIVATE, "2.3": SourceKind.WEB_CRAWL,
    "2.4": SourceKind.USER, "2.5": SourceKind.SYNTHETIC, "2.6": SourceKind.OTHER,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One statement. `by`: "ledger" for what was counted, "provider" for what people wrote. `value`: a text, or rows with a head."""

    label: str
    value: str | Sequence[Sequence[str]]
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the template with its number; `part`: the title of the part that it opens, or null."""

    number: str
    title: str
    entries: tuple[Entry, ...]
    part: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The whole paper, ready to be rendered."""

    title: str
    release: str
    commit: str
    notice: str
    sections: tuple[Section, ...]


def summary(facts: Facts, said: Words) -> Summary:
    """The summary of a release.

    Raises:
        ExportRefused: an input is unknown, or what people wrote cannot be; the text names every one.
    """
    if missing := [*_unsaid(facts, said), *_uncounted(facts)]:
        raise ExportRefused(
            f"eu-summary of {facts.name}: unknown: {'; '.join(missing)}. Nothing is written while an input is unknown"
        )
    _check_tokens(facts, said)
    counted = _counted(facts, said)
    seen: set[str] = set()
    sections = []
    for number, title in _TITLES.items():
        part = number.partition(".")[0]
        opened = None if part in seen else PARTS.get(part)
        seen.add(part)
        entries = (*counted.get(number, ()), *_spoken(number, facts, said))
        sections.append(Section(number=number, title=title, entries=entries, part=opened))
    commit = f"commit {facts.commit.seq}, {facts.commit.hash}"
    return Summary(title=TITLE, release=facts.name, commit=commit, notice=NOTICE, sections=tuple(sections))


def _unsaid(facts: Facts, said: Words) -> list[str]:
    """The fields that the release needs and nobody wrote."""
    found = []
    for field in FIELDS:
        for key in field.needed(facts):
            if not is_said(_value(said, field, key)):
                name = f"{field.name}.{key}" if key else field.name
                found.append(f"{name} ({_wanted(field, facts)})")
    return found


def _value(said: Words, field: Field, key: str) -> object:
    value = said.get(field.name)
    return value.get(key) if field.form is Form.EACH and isinstance(value, dict) else value


def _wanted(field: Field, facts: Facts) -> str:
    """What a missing field is, and where it is to be written."""
    if field.name not in ("latest_acquisition", "crawl_period"):
        return f"{field.label}; people write it"
    kinds = SourceKind if field.name == "latest_acquisition" else (SourceKind.WEB_CRAWL,)
    undated = [row["name"] for row in facts.of_kind(*kinds) if None in days([row])]
    return (
        f"{field.label}; not all captures of {', '.join(undated)} have a time: write it,"
        " or collected_from and collected_to on their cards"
    )


def _uncounted(facts: Facts) -> list[str]:
    """What the ledger should know and does not."""
    found = [] if facts.sizes else ["sizes (the release holds no item)"]
    for row in facts.sizes:
        if row["modality"] not in BANDS:
            found.append(f"size of modality {row['modality']} (the template has no band for it)")
    for row in facts.hours:
        if row["unmeasured"] or row["hours"] is None:
            found.append(
                f"hours of {row['modality']} (the ledger has no duration of {row['unmeasured']} of {row['items']} items)"
            )
    for row in facts.of_kind(SourceKind.WEB_CRAWL):
        if row["unplaced"]:
            found.append(f"domains of source {row['name']} (the ledger has no host of {row['unplaced']} items)")
    named = {row["name"] for row in facts.sources}
    unnamed = sorted({row["source"] for row in facts.shares} - named)
    return found + [f"source card {name} (no card is in the ledger)" for name in unnamed]


def _check_tokens(facts: Facts, said: Words) -> None:
    """A token is a byte or more, so there cannot be more tokens than bytes. Raises ExportRefused."""
    tokens = said.get("text_tokens")
    size = sum(row["bytes"] for row in facts.sizes if row["modality"] == "text")
    if isinstance(tokens, int) and tokens > size:
        raise ExportRefused(
            f"eu-summary of {facts.name}: text_tokens is {tokens:,}, and the release has {size:,} bytes of text:"
            " a token is at least one byte; count the tokens of this release"
        )


def _spoken(number: str, facts: Facts, said: Words) -> list[Entry]:
    found = []
    for field in FIELDS:
        if field.section == number:
            for key in field.needed(facts):
                label = f"{field.label}: {key}" if key else field.label
                found.append(Entry(label=label, value=shown(_value(said, field, key)), by="provider"))
    comments = said.get("comments")
    if isinstance(comments, dict) and is_said(comments.get(number)):
        found.append(Entry(label="Additional comments", value=shown(comments[number]), by="provider"))
    if number == "3.3":
        value = shown(said.get("other_information", "none given"))
        found.append(Entry(label="Other information", value=value, by="provider"))
    return found


def _entry(label: str, value: str | Sequence[Sequence[str]]) -> Entry:
    return Entry(label=label, value=value, by="ledger")


def _counted(facts: Facts, said: Words) -> dict[str, list[Entry]]:
    """What the ledger says, by section."""
    found = {number: _used(facts, kind) for number, kind in _KINDS.items()}
    found["0"] = [_entry("Release described", f"{facts.name}, root {facts.release['set_root'].hex()}")]
    found["1.3"] = _characteristics(facts, said)
    found["2.1"] += _datasets(facts)
    found["2.3"] += _crawled(facts, said)
    found["3.1"] = _rights(facts)
    found["3.2"] = _removed(facts)
    return found


def _used(facts: Facts, kind: SourceKind) -> list[Entry]:
    """Whether sources of a kind are in the release, and of what modalities. Who they are is said of public ones alone: contracts are private."""
    modalities = sorted({row["modality"] for row in facts.shares if row["kind"] == kind})
    used = _entry("Used in this release", "yes" if modalities else "no")
    return [used, _entry("Modalities covered", ", ".join(modalities))] if modalities else [used]


def _characteristics(facts: Facts, said: Words) -> list[Entry]:
    hours = {row["modality"]: row["hours"] for row in facts.hours}
    rows = [["Modality", "Training data size", "Items", "Bytes"]]
    for row in facts.sizes:
        kind = row["modality"]
        size = {"text": said.get("text_tokens", row["bytes"]), "image": row["items"]}.get(kind, hours.get(kind))
        rows.append([kind, _band(kind, float(str(size))), f"{row['items']:,}", f"{row['bytes']:,}"])
    entries = [
        _entry("Modalities and size", rows),
        _entry("Languages", ", ".join(facts.languages) or "none was measured"),
    ]
    last = facts.period[1]
    return [*entries, _entry("Latest date of data acquisition", _month(last))] if last else entries


def _band(modality: str, size: float) -> str:
    (low, high), names = BANDS[modality]
    return names[0] if size < low else names[1] if size <= high else names[2]


def _month(day: str) -> str:
    return f"{day[5:7]}/{day[:4]}"


def _datasets(facts: Facts) -> list[Entry]:
    """The public data sets by modality: each that is large in it by name, the rest together."""
    cards = {row["name"]: row for row in facts.sources}
    large = large_datasets(facts)
    if not large:
        return []
    rows = [["Modality", "Dataset", "Provider", "Address", "Collected", "Share", "Items"]]
    for row, share in large:
        card = cards[row["source"]]
        what = [row["modality"], card["title"], card["provider"], card["url"] or "described below", _period(card)]
        rows.append([*what, f"{share:.1%}", f"{row['items']:,}"])
    named = {(row["modality"], row["source"]) for row, _ in large}
    rest: dict[str, int] = {}
    for row in facts.shares:
        if row["kind"] == SourceKind.PUBLIC_DATASET and (row["modality"], row["source"]) not in named:
            rest[row["modality"]] = rest.get(row["modality"], 0) + row["items"]
    rows += [
        [modality, f"others of at most {LARGE:.0%} each", "", "", "", "", f"{n:,}"] for modality, n in rest.items()
    ]
    return [_entry("Large publicly available datasets", rows)]


def _period(card: Row) -> str:
    first, last = days([card])
    return f"{_month(first)} to {_month(last)}" if first and last else "not recorded"


def _crawled(facts: Facts, said: Words) -> list[Entry]:
    crawls = facts.of_kind(SourceKind.WEB_CRAWL)
    if not crawls:
        return []
    share = "5 %, at most 1,000" if said.get("is_sme") else "10 %"
    listed = [row for row in facts.domains if row["is_in_sme_list"] or not said.get("is_sme")]
    rows = [
        ["Host", "Bytes", "Items"],
        *([row["host"], f"{row['bytes']:,}", f"{row['items']:,}"] for row in listed),
    ]
    entries = [_entry(f"Domain names that give most (top {share} of hosts by bytes of published content)", rows)]
    first, last = days(crawls)
    if first and last:
        entries.insert(0, _entry("Period of data collection", f"{_month(first)} to {_month(last)}"))
    return entries


def _rights(facts: Facts) -> list[Entry]:
    rows = [
        ["What", "Reason", "How many"],
        *([row["what"], row["reason"], f"{row['items']:,}"] for row in facts.withheld),
    ]
    found = [_entry("Policy of the recipe", str(facts.run["policy"]))]
    return [*found, _entry("Not taken or not kept because of rights", rows if facts.withheld else "none")]


def _removed(facts: Facts) -> list[Entry]:
    stages = sorted({_stage(row) for row in facts.stages if row["stage"].startswith(("hate", "spam", "pii", "safety"))})
    return [_entry("Stages of the recipe about hate, spam and personal data", ", ".join(stages))] if stages else []


def _stage(row: Row) -> str:
    return f"{row['stage']} {row['stage_version']}"
