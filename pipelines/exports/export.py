"""One export by its name: which paper of a release is written, into an open file."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipelines.audit.open import Ledger
from pipelines.exports import card, croissant, notice, openlineage, render, rows, spdx
from pipelines.exports.facts import Facts, facts
from pipelines.exports.said import words
from pipelines.exports.summary import Summary, summary
from schemas.errors import InputError

Write = Callable[[Ledger, str, BinaryIO], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One paper. `forms`: file suffix -> what writes it, giving the number of items where it writes one by one; the first is the default.

    `needs_words`: whether people must say something in it, in a file of their own.
    """

    name: str
    says: str
    forms: dict[str, Write]
    needs_words: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A paper in a file. `export`: its name; `out`: the file; `bytes`, `sha256`: of the file; `items`: how many it tells one by one, null: it is about all."""

    export: str
    release: str
    out: str
    bytes: int
    sha256: str
    items: int | None


def _paper(render_: Callable[[Facts], bytes]) -> Write:
    def write(ledger: Ledger, release: str, out: BinaryIO) -> None:
        out.write(render_(facts(ledger, release)))

    return write


def exports(said: Path | None = None) -> tuple[Export, ...]:
    """Every export. `said`: the file with what only people know, for the summary."""

    def paper(form: Callable[[Summary], bytes]) -> Write:
        def render_(found: Facts) -> bytes:
            if said is None:
                raise InputError(
                    "eu-summary needs --words FILE.toml, which holds what only people can say: docs/exports.md has one"
                )
            return form(summary(found, words(said)))

        return _paper(render_)

    return (
        Export(name="croissant", says="Croissant 1.1 with RAI and PROV terms", forms={".json": _paper(croissant.croissant)}),
        Export(name="eu-summary", says="the EU's summary of training content; refuses while an input is unknown",
               forms={".md": paper(render.as_markdown), ".html": paper(render.as_html), ".json": paper(render.as_json)}, needs_words=True),
        Export(name="notice", says="title, author, source and licence of each item that is owed an attribution",
               forms={".txt": notice.write_notice, ".html": notice.write_html, ".jsonl": notice.notice_rows}),
        Export(name="card", says="dataset card of the whole release, as Hugging Face reads it", forms={".md": _paper(card.card)}),
        Export(name="parquet", says="texts and the places of pictures and sounds, a row an item", forms={".parquet": rows.write_parquet}),
        Export(name="jsonl", says="the same as lines of JSON", forms={".jsonl": rows.write_jsonl}),
        Export(name="spdx", says="SPDX 3.0.1 dataset package", forms={".json": _paper(spdx.spdx)}),
        Export(name="openlineage", says="the run as an OpenLineage event", forms={".json": _paper(openlineage.openlineage)}),
    )  # fmt: skip


def export(
    ledger: Ledger, name: str, release: str, out: BinaryIO, *, suffix: str = "", said: Path | None = None
) -> int | None:
    """Write one export; how many items it wrote one by one, None for a paper about all. `suffix`: the form; empty or unknown: the first.

    Raises:
        NotFound: no commit holds that release.
        ExportRefused: an input of the summary is unknown.
    """
    (one,) = [one for one in exports(said) if one.name == name]
    write = one.forms.get(suffix, next(iter(one.forms.values())))
    return write(ledger, release, out)


def content(ledger: Ledger, name: str, release: str, *, suffix: str = "", said: Path | None = None) -> bytes:
    """One export in memory. Raises like `export`."""
    out = io.BytesIO()
    export(ledger, name, release, out, suffix=suffix, said=said)
    return out.getvalue()
