"""The public summary of training content that the EU asks of providers of general-purpose AI models: what it says of a release.

    summary(facts(ledger, release), words(path)) -> Summary

Numbers come from the ledger alone; what only people know stands in a TOML file and is marked as written by them. While an input is
unknown nothing is rendered: the error names it.

Source: European Commission, template for the public summary of training content, 24 July 2025 (AI Act, Article 53(1)(d)): its sections,
size bands and shares.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from pipelines.audit.words import Row
from pipelines.exports.facts import NOTICE, Facts
from schemas.errors import ExportRefused, InputError
from schemas.source import SourceKind

Words = Mapping[str, object]
TITLE = "Public summary of training content"
# Source: the template, 1.3: upper bound of each band but the last (tokens, images, hours), and their names.
BANDS: dict[str, tuple[tuple[float, float], tuple[str, str, str]]] = {
    "text": ((1e9, 1e13), ("less than 1 billion tokens", "1 billion to 10 trillion tokens", "more than 10 trillion tokens")),
    "image": ((1e6, 1e9), ("less than 1 million images", "1 million to 1 billion images", "more than 1 billion images")),
    "audio": ((1e4, 1e6), ("less than 10,000 hours", "10,000 hours to 1 million hours", "more than 1 million hours")),
    "video": ((1e4, 1e6), ("less than 10,000 hours", "10,000 hours to 1 million hours", "more than 1 million hours")),
}  # fmt: skip
LARGE = 0.03  # Source: the template, 2.1: above this share of a modality's public data sets one is named
SME_DOMAINS = 1000  # Source: the template, 2.3: small providers list 5 %, or this many, whichever is less


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One statement. `by`: "ledger" for what was counted, "provider" for what people wrote. `value`: a text, or rows with a head."""

    label: str
    value: str | Sequence[Sequence[str]]
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the template with its number."""

    number: str
    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The whole paper, ready to be rendered."""

    title: str
    release: str
    commit: str
    notice: str
    sections: tuple[Section, ...]


def _always(_: Facts) -> bool:
    return True


def _has(*kinds: SourceKind) -> Callable[[Facts], bool]:
    return lambda facts: any(row["kind"] in kinds for row in facts.sources)


def _is_undated(facts: Facts) -> bool:
    return facts.period[1] is None


def _has_uncounted_text(facts: Facts) -> bool:
    # A token of a text is at least one byte, so fewer bytes than the first bound are fewer tokens too.
    return any(row["modality"] == "text" and row["bytes"] >= BANDS["text"][0][0] for row in facts.sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Something that only people can say. `when`: whether the release needs it."""

    section: str
    name: str
    label: str
    when: Callable[[Facts], bool] = _always


FIELDS = (
    Field(section="0", name="version", label="Version of the summary"),
    Field(section="0", name="last_update", label="Last update"),
    Field(section="1.1", name="provider_name", label="Provider"),
    Field(section="1.1", name="provider_contact", label="Contact of the provider"),
    Field(section="1.1", name="authorised_representative", label="Authorised representative"),
    Field(section="1.2", name="model_names", label="Versioned model names"),
    Field(section="1.2", name="model_dependencies", label="Model dependencies"),
    Field(section="1.2", name="placed_on_market", label="Date of placement on the Union market"),
    Field(section="1.3", name="types_of_content", label="Types of content"),
    Field(section="1.3", name="linguistic_characteristics", label="Linguistic characteristics"),
    Field(section="1.3", name="other_training_data", label="Training data beside this release"),
    Field(section="1.3", name="text_tokens", label="Tokens of text", when=_has_uncounted_text),
    Field(section="1.3", name="latest_acquisition", label="Latest date of acquisition", when=_is_undated),
    Field(section="2.1", name="public_datasets", label="Other publicly available data sets", when=_has(SourceKind.PUBLIC_DATASET)),
    Field(section="2.2", name="private_datasets", label="Licensed and private data sets", when=_has(SourceKind.LICENSED, SourceKind.PRIVATE)),
    Field(section="2.3", name="crawler_names", label="Names of the crawlers", when=_has(SourceKind.WEB_CRAWL)),
    Field(section="2.3", name="crawler_purpose", label="Purpose of the crawlers", when=_has(SourceKind.WEB_CRAWL)),
    Field(section="2.3", name="crawler_behaviour", label="Behaviour of the crawlers", when=_has(SourceKind.WEB_CRAWL)),
    Field(section="2.3", name="crawled_content", label="Kinds of content and sources crawled", when=_has(SourceKind.WEB_CRAWL)),
    Field(section="2.4", name="user_data", label="Data of users", when=_has(SourceKind.USER)),
    Field(section="2.5", name="synthetic_models", label="Models that generated data", when=_has(SourceKind.SYNTHETIC)),
    Field(section="2.6", name="other_sources", label="Other sources", when=_has(SourceKind.OTHER)),
    Field(section="3.1", name="code_of_practice", label="Signatory to the Code of Practice"),
    Field(section="3.1", name="rights_measures", label="Measures to respect reservations of rights"),
    Field(section="3.2", name="illegal_content_measures", label="Measures to remove illegal content"),
)  # fmt: skip
OPTIONAL = ("is_sme", "comments")


def words(path: Path) -> Words:
    """What people wrote, from a TOML file.

    Raises:
        InputError: the file is missing, is no TOML, or holds an unknown key.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}; it holds what only people can say: docs/exports.md has one"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from error
    known = {*(field.name for field in FIELDS), *OPTIONAL}
    if unknown := sorted(table.keys() - known):
        raise InputError(f"{path}: unknown key {unknown[0]!r}; known keys: {', '.join(sorted(known))}")
    return table


def summary(facts: Facts, said: Words) -> Summary:
    """The summary of a release.

    Raises:
        ExportRefused: an input is unknown; the text names every one.
    """
    if missing := _missing(facts, said):
        raise ExportRefused(
            f"eu-summary of {facts.name}: unknown: {'; '.join(missing)}. Nothing is written while an input is unknown"
        )
    counted = _counted(facts, said)
    sections = tuple(
        Section(number=number, title=title, entries=(*counted.get(number, ()), *_spoken(number, facts, said)))
        for number, title in _TITLES.items()
    )
    commit = f"commit {facts.commit.seq}, {facts.commit.hash}"
    return Summary(title=TITLE, release=facts.name, commit=commit, notice=NOTICE, sections=sections)


_TITLES = {
    "0": "This summary",
    "1.1": "Provider", "1.2": "Model", "1.3": "Modalities, size and other characteristics",
    "2.1": "Publicly available data sets", "2.2": "Private data sets obtained from third parties",
    "2.3": "Data crawled and scraped from online sources", "2.4": "User data", "2.5": "Synthetic data", "2.6": "Other sources",
    "3.1": "Respect of reservations of rights", "3.2": "Removal of illegal content", "3.3": "Other information",
}  # fmt: skip


def _missing(facts: Facts, said: Words) -> list[str]:
    found = [
        f"{field.name} ({_wanted(field, facts)})"
        for field in FIELDS
        if field.when(facts) and not _is_said(said.get(field.name))
    ]
    if not facts.sizes:
        found.append("sizes (the release holds no item)")
    for row in facts.sizes:
        if row["modality"] not in BANDS:
            found.append(f"size of modality {row['modality']} (the template has no band for it)")
    for row in facts.hours:
        if row["unmeasured"] or row["hours"] is None:
            found.append(
                f"hours of {row['modality']} (the ledger has no duration of {row['unmeasured']} of {row['items']} items)"
            )
    for row in facts.sources:
        if row["kind"] == SourceKind.WEB_CRAWL and row["unplaced"]:
            found.append(f"domains of source {row['name']} (the ledger has no host of {row['unplaced']} items)")
    named = {row["name"] for row in facts.sources}
    found += [
        f"source card {row['source']} (no card is in the ledger)" for row in facts.shares if row["source"] not in named
    ]
    return found


def _wanted(field: Field, facts: Facts) -> str:
    """What a missing field is, and where it is to be written."""
    if field.name != "latest_acquisition":
        return f"{field.label}; people write it"
    undated = [row["name"] for row in facts.sources if row["undated"] and row["collected_to"] is None]
    return (
        f"{field.label}; not all captures of {', '.join(undated)} have a time: write it, or collected_to on their cards"
    )


def _is_said(value: object) -> bool:
    return value is not None and value != [] and (not isinstance(value, str) or bool(value.strip()))


def _spoken(number: str, facts: Facts, said: Words) -> list[Entry]:
    found = [
        Entry(label=field.label, value=_text(said[field.name]), by="provider")
        for field in FIELDS
        if field.section == number and field.when(facts)
    ]
    if number == "3.3" and _is_said(said.get("comments")):
        found.append(Entry(label="Comments", value=_text(said["comments"]), by="provider"))
    return found


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _counted(facts: Facts, said: Words) -> dict[str, list[Entry]]:
    """What the ledger says, by section."""
    found = {
        "1.3": _characteristics(facts, said),
        "2.3": _crawled(facts, said),
        "3.1": _rights(facts),
        "3.2": _removed(facts),
    }
    found["0"] = [_entry("Release described", f"{facts.name}, root {facts.release['set_root'].hex()}")]
    for number, kinds in _KINDS.items():
        found[number] = [
            _entry("Used", "yes" if _has(*kinds)(facts) else "no"),
            *_shares(facts, kinds),
            *found.get(number, []),
        ]
    return found


_KINDS = {
    "2.1": (SourceKind.PUBLIC_DATASET,), "2.2": (SourceKind.LICENSED, SourceKind.PRIVATE), "2.3": (SourceKind.WEB_CRAWL,),
    "2.4": (SourceKind.USER,), "2.5": (SourceKind.SYNTHETIC,), "2.6": (SourceKind.OTHER,),
}  # fmt: skip


def _entry(label: str, value: str | Sequence[Sequence[str]]) -> Entry:
    return Entry(label=label, value=value, by="ledger")


def _characteristics(facts: Facts, said: Words) -> list[Entry]:
    hours = {row["modality"]: row["hours"] for row in facts.hours}
    rows = [["Modality", "Size", "Items", "Bytes"]]
    for row in facts.sizes:
        kind = row["modality"]
        size = {"text": said.get("text_tokens", row["bytes"]), "image": row["items"]}.get(kind, hours.get(kind))
        rows.append([kind, _band(kind, float(str(size))), f"{row['items']:,}", f"{row['bytes']:,}"])
    entries = [
        _entry("Modalities and size", rows),
        _entry("Languages", ", ".join(facts.languages) or "none was measured"),
    ]
    last = facts.period[1]
    return [*entries, _entry("Latest date of acquisition", f"{last[5:7]}/{last[:4]}")] if last else entries


def _band(modality: str, size: float) -> str:
    (low, high), names = BANDS[modality]
    return names[0] if size < low else names[1] if size <= high else names[2]


def _shares(facts: Facts, kinds: Sequence[SourceKind]) -> list[Entry]:
    """The sources of these kinds by modality: each that is more than 3 % of them by name, the rest together."""
    mine = [row for row in facts.shares if row["kind"] in kinds]
    if not mine:
        return []
    cards = {row["name"]: row for row in facts.sources}
    rows = [["Modality", "Source", "Provider", "Address", "Share of these sources", "Items"]]
    for modality in sorted({row["modality"] for row in mine}):
        here = [row for row in mine if row["modality"] == modality]
        total = sum(row["bytes"] for row in here)
        rest = 0
        for row in here:
            share = row["bytes"] / total if total else 1.0
            if share <= LARGE:
                rest += row["items"]
                continue
            card = cards[row["source"]]
            rows.append(
                [modality, card["title"], card["provider"], card["url"] or "", f"{share:.1%}", f"{row['items']:,}"]
            )
        if rest:
            rows.append([modality, f"others of at most {LARGE:.0%} each", "", "", "", f"{rest:,}"])
    return [_entry("Sources", rows)]


def _crawled(facts: Facts, said: Words) -> list[Entry]:
    crawls = [row for row in facts.sources if row["kind"] == SourceKind.WEB_CRAWL]
    if not crawls:
        return []
    share = "5 %, at most 1,000" if said.get("is_sme") else "10 %"
    n = min(ceil(len(facts.domains) / 2), SME_DOMAINS) if said.get("is_sme") else len(facts.domains)
    rows = [
        ["Host", "Bytes", "Items"],
        *([row["host"], f"{row['bytes']:,}", f"{row['items']:,}"] for row in facts.domains[:n]),
    ]
    entries = [_entry(f"Hosts that give most (top {share} by bytes of published text, pictures and sound)", rows)]
    if all(row["obtained_from"] for row in crawls):
        first = min(row["obtained_from"] for row in crawls)
        last = max(row["obtained_until"] for row in crawls)
        entries.append(_entry("Period of collection", f"{first:%m/%Y} to {last:%m/%Y}"))
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
    return [_entry("Stages that looked at every item", ", ".join(stages))] if stages else []


def _stage(row: Row) -> str:
    return f"{row['stage']} {row['stage_version']}"
