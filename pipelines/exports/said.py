"""What only people can say in the EU's summary: which fields the template has for it, when a release needs each, and how each is written.

    words(path) -> Words

Source: European Commission, template for the public summary of training content (AI Act, Article 53(1)(d)), 24 July 2025, its fields.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from pipelines.audit.words import Row
from pipelines.exports.facts import Facts, days
from schemas.errors import InputError
from schemas.source import SourceKind

Words = Mapping[str, object]
TOKENS_NEEDED_FROM = 10**9  # Source: the template, 1.3: the first bound of text, in tokens
LARGE = 0.03  # Source: the template, 2.1: a public data set above this share of those of its modality is large
COMMENTED = ("1.3", "2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6", "3.1")  # Source: the template: where it takes comments
# Chosen: what a person leaves behind who means to come back; it is no answer.
NO_ANSWERS = frozenset(("", "?", "-", "tbd", "todo", "unknown"))


class Form(StrEnum):
    """How a field is written. Its text says what it must be, in an error."""

    TEXT = "a text, or a list of texts"
    YES_NO = "true or false"
    DATE = "a date, as 2026-11-26"
    MONTH = "a month, as 11/2026"
    PERIOD = "two months, as 01/2025 to 11/2026"
    NUMBER = "a whole number above 0"
    EACH = "a table, with a text for each"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Something that only people can say. `needed`: of what the release needs it; for EACH the keys, else one empty text, or nothing."""

    section: str
    name: str
    label: str
    form: Form = Form.TEXT
    needed: Callable[[Facts], tuple[str, ...]] = lambda _: ("",)


def has(*kinds: SourceKind) -> Callable[[Facts], tuple[str, ...]]:
    """Whether the release has items of sources of these kinds."""
    return lambda facts: ("",) if facts.of_kind(*kinds) else ()


def large_datasets(facts: Facts) -> list[tuple[Row, float]]:
    """Public data sets that are large in a modality, as (row of source-shares, share of all public ones in it, 0..1)."""
    mine = [row for row in facts.shares if row["kind"] == SourceKind.PUBLIC_DATASET]
    totals: dict[str, int] = {}
    for row in mine:
        totals[row["modality"]] = totals.get(row["modality"], 0) + row["bytes"]
    shares = [(row, row["bytes"] / totals[row["modality"]] if totals[row["modality"]] else 1.0) for row in mine]
    return [(row, share) for row, share in shares if share > LARGE]


def _modalities(facts: Facts) -> tuple[str, ...]:
    return tuple(row["modality"] for row in facts.sizes)


def _without_address(facts: Facts) -> tuple[str, ...]:
    """Large public data sets that nobody can look up: of these the template asks for a description."""
    addressless = {row["name"] for row in facts.sources if not row["url"]}
    return tuple(sorted({row["source"] for row, _ in large_datasets(facts)} & addressless))


def _is_undated(facts: Facts) -> tuple[str, ...]:
    return ("",) if facts.period[1] is None else ()


def _is_crawl_undated(facts: Facts) -> tuple[str, ...]:
    crawls = facts.of_kind(SourceKind.WEB_CRAWL)
    return ("",) if crawls and None in days(crawls) else ()


def _has_uncounted_text(facts: Facts) -> tuple[str, ...]:
    # A token of a text is at least one byte, so fewer bytes than the first bound are fewer tokens too.
    return ("",) if any(row["modality"] == "text" and row["bytes"] >= TOKENS_NEEDED_FROM for row in facts.sizes) else ()


_CRAWL = has(SourceKind.WEB_CRAWL)
FIELDS = (
    Field(section="0", name="version", label="Version of the summary"),
    Field(section="0", name="last_update", label="Last update", form=Form.DATE),
    Field(section="0", name="other_training_data", label="Training data beside this release"),
    Field(section="1.1", name="provider_name", label="Provider name"),
    Field(section="1.1", name="provider_contact", label="Contact details of the provider"),
    Field(section="1.1", name="authorised_representative", label="Authorised representative, name and contact details"),
    Field(section="1.2", name="model_names", label="Versioned model names"),
    Field(section="1.2", name="model_dependencies", label="Model dependencies"),
    Field(section="1.2", name="placed_on_market", label="Date of placement of the model on the Union market"),
    Field(section="1.3", name="types_of_content", label="Types of content", form=Form.EACH, needed=_modalities),
    Field(section="1.3", name="text_tokens", label="Tokens of text", form=Form.NUMBER, needed=_has_uncounted_text),
    Field(section="1.3", name="latest_acquisition", label="Latest date of data acquisition", form=Form.MONTH, needed=_is_undated),
    Field(section="1.3", name="continuously_trained", label="Continuously trained on new data after that date", form=Form.YES_NO),
    Field(section="1.3", name="linguistic_characteristics", label="Linguistic characteristics"),
    Field(section="1.3", name="other_characteristics", label="Other relevant characteristics"),
    Field(section="2.1", name="dataset_descriptions", label="Description of a large data set without an address", form=Form.EACH,
          needed=_without_address),
    Field(section="2.1", name="public_datasets", label="Other publicly available data sets", needed=has(SourceKind.PUBLIC_DATASET)),
    Field(section="2.2.2", name="known_private_datasets", label="Private data sets that are publicly known", needed=has(SourceKind.PRIVATE)),
    Field(section="2.2.2", name="private_datasets", label="Private data sets that are not publicly known", needed=has(SourceKind.PRIVATE)),
    Field(section="2.3", name="crawler_names", label="Names or identifiers of the crawlers", needed=_CRAWL),
    Field(section="2.3", name="crawler_purpose", label="Purposes of the crawlers", needed=_CRAWL),
    Field(section="2.3", name="crawler_behaviour", label="Behaviour of the crawlers", needed=_CRAWL),
    Field(section="2.3", name="crawl_period", label="Period of data collection", form=Form.PERIOD, needed=_is_crawl_undated),
    Field(section="2.3", name="crawled_content", label="Types of content and of online sources crawled", needed=_CRAWL),
    Field(section="2.4", name="user_interactions", label="Data from interactions with the AI model", form=Form.YES_NO, needed=has(SourceKind.USER)),
    Field(section="2.4", name="other_services", label="Data from interactions with other services or products", form=Form.YES_NO,
          needed=has(SourceKind.USER)),
    Field(section="2.4", name="user_data", label="Services or products that gave user data", needed=has(SourceKind.USER)),
    Field(section="2.5", name="synthetic_models", label="Models on the market that generated data", needed=has(SourceKind.SYNTHETIC)),
    Field(section="2.5", name="other_synthetic_models", label="Other models that generated data", needed=has(SourceKind.SYNTHETIC)),
    Field(section="2.6", name="other_sources", label="Other sources of data", needed=has(SourceKind.OTHER)),
    Field(section="3.1", name="code_of_practice", label="Signatory to the Code of Practice", form=Form.YES_NO),
    Field(section="3.1", name="rights_measures", label="Measures to respect reservations of rights"),
    Field(section="3.2", name="illegal_content_measures", label="Measures to avoid or remove illegal content"),
)  # fmt: skip
OPTIONAL = ("is_sme", "comments", "other_information")
_MONTH = r"(0[1-9]|1[0-2])/\d{4}"


def words(path: Path) -> Words:
    """What people wrote, from a TOML file. What is empty, or says that it is unknown, counts as not written.

    Raises:
        InputError: the file is missing or no TOML, or holds an unknown key or a value of another form than its field has.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}; it holds what only people can say: docs/exports.md has one"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from error
    forms = {field.name: field.form for field in FIELDS}
    forms |= {"is_sme": Form.YES_NO, "comments": Form.EACH, "other_information": Form.TEXT}
    if unknown := sorted(table.keys() - forms.keys()):
        raise InputError(f"{path}: unknown key {unknown[0]!r}; known keys: {', '.join(sorted(forms))}")
    for name, value in table.items():
        if is_said(value) and not _is_of(forms[name], value):
            raise InputError(f"{path}: {name} must be {forms[name]}; it is {value!r}")
    if unknown := sorted(table.get("comments", {}).keys() - set(COMMENTED)):
        raise InputError(f"{path}: comments has no section {unknown[0]!r}; sections: {', '.join(COMMENTED)}")
    return {name: value for name, value in table.items() if is_said(value)}


def is_said(value: object) -> bool:
    """Whether it is an answer; "unknown", "todo" and the like are none."""
    return value is not None and value != [] and not (isinstance(value, str) and value.strip().lower() in NO_ANSWERS)


def _is_of(form: Form, value: object) -> bool:
    match form:
        case Form.YES_NO:
            return isinstance(value, bool)
        case Form.NUMBER:
            return isinstance(value, int) and not isinstance(value, bool) and value > 0
        case Form.DATE:
            return type(value) is date or (isinstance(value, str) and _is_date(value))
        case Form.MONTH:
            return isinstance(value, str) and bool(re.fullmatch(_MONTH, value))
        case Form.PERIOD:
            return isinstance(value, str) and bool(re.fullmatch(f"{_MONTH} to {_MONTH}", value))
        case Form.EACH:
            return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
        case _:
            return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-11-26")


def shown(value: object) -> str:
    """A value as the summary prints it: yes or no, DD/MM/YYYY, lists with commas."""
    match value:
        case bool():
            return "yes" if value else "no"
        case date():
            return f"{value:%d/%m/%Y}"
        case int():
            return f"{value:,}"
        case list():
            return ", ".join(map(str, value))
        case str() if _is_date(value):
            return f"{date.fromisoformat(value):%d/%m/%Y}"
        case _:
            return str(value)
