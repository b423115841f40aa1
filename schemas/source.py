"""The source card: who made a source, under which licence and terms, and whom to ask. One TOML file per source."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from schemas.errors import CardError


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCard:
    """Who, licence, terms, contact of one source.

    `name` is the stable short name that ids and the ledger use. `licence` is an SPDX expression for the whole data set,
    or None where each item speaks for itself (a web crawl). `contact` is whom to write to; a live crawl sends it in its
    User-Agent.
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
    return card_from(table, where=f"source card {path}")


def card_from(table: Mapping[str, Any], *, where: str) -> SourceCard:
    """The card in a TOML table; `where` opens every error text. Raises CardError."""
    known = {field.name for field in fields(SourceCard)}
    if unknown := sorted(table.keys() - known):
        raise CardError(f"{where}: unknown key {unknown[0]!r}; known keys: {', '.join(sorted(known))}")
    if missing := sorted(REQUIRED - table.keys()):
        raise CardError(f"{where}: {missing[0]!r} is missing; every source names who made it and whom to ask")
    for key, value in table.items():
        if not isinstance(value, str):
            raise CardError(f"{where}: {key} must be a string, is {type(value).__name__}")
    try:
        kind = SourceKind(table["kind"])
    except ValueError:
        raise CardError(f"{where}: kind {table['kind']!r} is not one of {', '.join(SourceKind)}") from None
    return SourceCard(**{**table, "kind": kind})
