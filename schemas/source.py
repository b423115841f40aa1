"""The source card: who made a source, under which licence and terms, and whom to ask. One TOML file per source."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from schemas.errors import CardError
from schemas.rights import Mechanism, Usage


class SourceKind(StrEnum):
    """How a source was obtained: the vocabulary of the EU training-content summary."""

    WEB_CRAWL = "web_crawl"
    PUBLIC_DATASET = "public_dataset"
    LICENSED = "licensed"
    PRIVATE = "private"
    USER = "user"
    SYNTHETIC = "synthetic"
    OTHER = "other"


REQUIRED = {"name", "kind", "title", "provider", "contact"}
AGREEMENTS = {"terms": Mechanism.TOS, "contract": Mechanism.CONTRACT}  # keys of a card that may be tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What the terms of service or the contract of a source say of its use, as its card states it.

    `mechanism`: tos or contract. `party`: whose terms, or with whom. `allows`, `disallows`: usages; what is in neither was not
    stated. `until`: the last day (UTC) on which it holds, YYYY-MM-DD; null: no end is stated. `sha256`: of the file that holds its
    words, hex; null where the card names none.
    """

    mechanism: str
    reference: str
    party: str
    allows: tuple[str, ...] = ()
    disallows: tuple[str, ...] = ()
    until: str | None = None
    file: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCard:
    """Who, licence, terms, contact of one source.

    `name` is the stable short name that ids and the ledger use. `licence` is an SPDX expression for the whole data set,
    or None where each item speaks for itself (a web crawl). `contact` is whom to write to; a live crawl sends it in its
    User-Agent. `terms` and `contract` are references; what they allow is in `agreements`, which is never published.
    """

    name: str
    kind: SourceKind
    title: str
    provider: str
    contact: str
    url: str | None = None
    licence: str | None = None
    terms: str | None = None
    contract: str | None = None
    collected_from: str | None = None
    collected_to: str | None = None
    agreements: tuple[Agreement, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or not all(c.isascii() and (c.isalnum() or c in "-_") for c in self.name):
            raise CardError(f"source card: name {self.name!r} must be ASCII letters, digits, '-' or '_'")


def load_card(path: Path) -> SourceCard:
    """The card in a TOML file.

    Raises:
        CardError: the file is missing, is no TOML, or holds a missing, unknown or mistyped key.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise CardError(f"source card {path} does not exist; `headwater init DIR` writes one to start from") from None
    except OSError as error:
        raise CardError(f"source card {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"source card {path} is not valid TOML: {error}") from error
    return card_from(table, where=f"source card {path}", base=path.parent)


def card_from(table: Mapping[str, Any], *, where: str, base: Path) -> SourceCard:
    """The card in a TOML table; `where` opens every error text, files are named relative to `base`. Raises CardError."""
    known = {field.name for field in fields(SourceCard)} - {"agreements"}
    if unknown := sorted(table.keys() - known):
        raise CardError(f"{where}: unknown key {unknown[0]!r}; known keys: {', '.join(sorted(known))}")
    if missing := sorted(REQUIRED - table.keys()):
        raise CardError(f"{where}: {missing[0]!r} is missing; every source names who made it and whom to ask")
    found = dict(table)
    agreements = []
    for key, mechanism in AGREEMENTS.items():
        if key in table:
            stated = table[key] if isinstance(table[key], dict) else {"reference": table[key]}
            agreements.append(_agreement(stated, mechanism, table["provider"], f"{where}: {key}", base))
            found[key] = stated["reference"]
    for key, value in found.items():
        if not isinstance(value, str):
            raise CardError(f"{where}: {key} must be a string, is {type(value).__name__}")
    try:
        kind = SourceKind(table["kind"])
    except ValueError:
        raise CardError(f"{where}: kind {table['kind']!r} is not one of {', '.join(SourceKind)}") from None
    if kind is SourceKind.LICENSED and "contract" not in table:
        raise CardError(
            f"{where}: kind {kind.value!r} needs a [contract]: what allows the use, with `reference` and `allows`"
        )
    return SourceCard(**{**found, "kind": kind, "agreements": tuple(agreements)})


def _agreement(table: Mapping[str, Any], mechanism: Mechanism, provider: Any, where: str, base: Path) -> Agreement:
    known = [field.name for field in fields(Agreement) if field.name != "mechanism"]
    if unknown := sorted(table.keys() - {*known}):
        raise CardError(f"{where}: unknown key {unknown[0]!r}; known keys: {', '.join(known)}")
    if not table.get("reference"):
        raise CardError(f"{where}: 'reference' is missing: an address, or the name by which the paper is found")
    values = {name: _usages(table.get(name, ()), f"{where}.{name}") for name in ("allows", "disallows")}
    if both := sorted({*values["allows"]} & {*values["disallows"]}):
        raise CardError(f"{where}: {both[0]} is in allows and in disallows; leave it in one of them")
    texts = {name: table[name] for name in ("reference", "party", "file", "sha256") if name in table}
    for name, value in texts.items():
        if not isinstance(value, str) or not value:
            raise CardError(f"{where}.{name} must be a string that says something, is {value!r}")
    if "file" in texts:
        texts["sha256"] = _sha256(texts["file"], texts.get("sha256"), f"{where}.file", base)
    until = _day(table["until"], f"{where}.until") if "until" in table else None
    return Agreement(**{"mechanism": mechanism.value, "party": provider, "until": until, **texts, **values})


def _usages(stated: Any, where: str) -> tuple[str, ...]:
    found = [stated] if isinstance(stated, str) else list(stated) if isinstance(stated, list | tuple) else [stated]
    for one in found:
        if one not in [usage.value for usage in Usage]:
            raise CardError(f"{where}: {one!r} is no usage; known ones: {', '.join(Usage)}")
    return tuple(sorted(set(found)))


def _day(stated: Any, where: str) -> str:
    try:
        found = date.fromisoformat(stated) if isinstance(stated, str) else stated
    except ValueError:
        found = None
    if not isinstance(found, date) or isinstance(found, datetime):
        raise CardError(f"{where} must be a day, YYYY-MM-DD, is {stated!r}")
    return found.isoformat()


def _sha256(name: str, stated: str | None, where: str, base: Path) -> str:
    """The digest of the file; the stated one where the file is elsewhere, as when a recipe is read back from the ledger."""
    try:
        found = hashlib.sha256((base / name).read_bytes()).hexdigest()
    except OSError as error:
        if stated:
            return stated
        raise CardError(
            f"{where}: {base / name} cannot be read ({error.strerror}); state its `sha256`, or leave `file` out"
        ) from None
    if stated and stated != found:
        raise CardError(
            f"{where}: {base / name} has the sha256 {found}, not the one that the card states: it is another text"
        )
    return found
