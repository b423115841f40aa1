"""The files of a lane that people read: the dataset card (README.md), LICENSES.csv and OPTOUT.json; content by path."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipelines.shard.files import side_json, yaml
from pipelines.shard.writer import ShardReceipt
from schemas.digest import Json
from schemas.sample import SampleConfig
from schemas.shard import Split
from schemas.source import SourceCard

NOTICE = "The rights and licence statements here are evidence of what was found, as of the capture. Not legal advice."
# Source: huggingface.co/docs/hub/datasets-cards, `size_categories`: upper bound in samples -> name.
SIZE_CATEGORIES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"),
)  # fmt: skip
# Source: huggingface.co/docs/hub/repositories-licenses: the SPDX ids it knows, in its lower-case spelling.
HUB_LICENCES = frozenset(
    {
        "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "mpl-2.0", "unlicense", "zlib", "cc0-1.0",
        "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0",
        "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0",
    }
)  # fmt: skip
# Source: datasets 5.2, features/audio.py: `encode_example` imports torchcodec whatever it is given.
_AUDIO_READING = """
`datasets` needs `torchcodec` to load a column of audio. Without it give `features` in which `flac` is `Value("binary")`.
"""
_MEDIA = {"jpg": "image", "flac": "audio", "txt": "string"}
Licences = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What only people can say of a lane: a title, a summary, whom to ask to be taken out, and its sources."""

    title: str
    summary: str
    contact: str
    sources: tuple[SourceCard, ...]


def licences(metas: Iterable[pa.Table]) -> dict[tuple[str, str], int]:
    """Samples by (SPDX expression, source); "unknown" where no licence was found. Sorted."""
    counts = Counter[tuple[str, str]]()
    for meta in metas:
        expressions = meta.column("license").fill_null("unknown").to_pylist()
        counts.update(zip(expressions, meta.column("source").to_pylist(), strict=True))
    return dict(sorted(counts.items()))


def card_files(
    lane: str, config: SampleConfig, card: Card, receipts: Sequence[ShardReceipt], found: Licences
) -> dict[str, bytes]:
    """README.md, LICENSES.csv and OPTOUT.json."""
    return {
        "README.md": dataset_card(lane, config, card, receipts, found).encode(),
        "LICENSES.csv": _licences_csv(found),
        "OPTOUT.json": _opt_out(card),
    }


def dataset_card(lane: str, config: SampleConfig, card: Card, receipts: Sequence[ShardReceipt], found: Licences) -> str:
    """The README of a lane: YAML that Hugging Face needs to read the tars right, then what a person asks first."""
    languages = _total(receipts, "language")
    samples = sum(receipt.nsamples for receipt in receipts)
    front: dict[str, Json] = {
        "pretty_name": card.title,
        "license": hub_licences(licence for licence, _ in found),
        "language": [code for code in languages if code not in ("unknown", "und")],
        "size_categories": [size_category(samples)],
        "configs": [{"config_name": "default", "data_files": _data_files(receipts)}],
        "dataset_info": {"features": features(config)},
        "opt_out_contact": card.contact,
    }
    splits = {split.value: sum(r.nsamples for r in receipts if r.split == split) for split in Split}
    by_licence = Counter[str]()
    for (licence, _), count in found.items():
        by_licence[licence] += count
    return f"""---
{yaml(front)}---
# {card.title}

{card.summary}

{samples:,} samples of lane `{lane}`, config `{config.name}`: each is {_listed(config.parts)} in a WebDataset tar.

{_table(("split", "samples"), splits)}
## Reading

`webdataset`, Hugging Face `datasets`, `wids` and `energon` read `data/*.tar` as they are; `meta/*.parquet` has one row
a sample with its place, digest, source and licence. A sample's key is the first 32 hex digits of its item id and stays
the same in every release. `sha256sum -c SHA256SUMS` checks the files, `headwater verify` also what is in them.
{_AUDIO_READING if "flac" in config.parts else ""}
## Licences

{NOTICE} `LICENSES.csv` has the counts by licence and source; each sample's JSON has its own.

{_table(("licence", "samples"), dict(sorted(by_licence.items())))}
## Languages

{_table(("language", "samples"), languages)}
## Sources

{_sources(card.sources)}
## Opt-out and takedown

Write to {card.contact} with a URL, a domain, a sample key or the SHA-256 of a file. `OPTOUT.json` says the same for
machines. What is taken out is also barred from later releases.
"""


def features(config: SampleConfig) -> list[Json]:
    """The columns a sample has for Hugging Face `datasets`, as its README declares them.

    Without them mixed columns are guessed from the first samples and corrupted in silence.
    """
    columns: list[Json] = [
        {"name": part, "struct": [_feature(field) for field in config.json]}
        if part == "json"
        else {"name": part, "dtype": _MEDIA[part]}
        for part in config.parts
    ]
    return [*columns, {"name": "__key__", "dtype": "string"}, {"name": "__url__", "dtype": "string"}]


def _feature(field: pa.Field) -> dict[str, Json]:
    if pa.types.is_struct(field.type):
        return {"name": field.name, "struct": [_feature(child) for child in field.type]}
    if pa.types.is_list(field.type):
        of = field.type.value_type
        return {"name": field.name, "list": [_feature(child) for child in of] if pa.types.is_struct(of) else str(of)}
    return {"name": field.name, "dtype": {"double": "float64"}.get(str(field.type), str(field.type))}


def _data_files(receipts: Sequence[ShardReceipt]) -> list[Json]:
    present = {receipt.split for receipt in receipts}
    return [{"split": split.value, "path": f"data/{split}-*.tar"} for split in Split if split in present]


def hub_licences(found: Iterable[str]) -> list[Json]:
    """SPDX expressions as Hugging Face spells them, sorted; "other" for what it does not know."""
    names = {licence.lower().removesuffix("-only").removesuffix("-or-later") for licence in found}
    return sorted({name if name in HUB_LICENCES else "other" for name in names})  # type: ignore[return-value]


def size_category(samples: int) -> str:
    """What Hugging Face calls a set of this many samples."""
    return next((name for bound, name in SIZE_CATEGORIES if samples < bound), "n>1T")


def _total(receipts: Iterable[ShardReceipt], histogram: str) -> dict[str, int]:
    total = Counter[str]()
    for receipt in receipts:
        total.update(receipt.histograms[histogram])
    return dict(sorted(total.items()))


def _licences_csv(found: Licences) -> bytes:
    buffer = io.StringIO()
    rows = csv.writer(buffer, lineterminator="\n")
    rows.writerow(["license", "source", "samples"])
    rows.writerows([licence, source, count] for (licence, source), count in found.items())
    return buffer.getvalue().encode()


def _opt_out(card: Card) -> bytes:
    return side_json(
        {
            "contact": card.contact,
            "identify_by": ["url", "domain", "sample key", "sha256 of the file"],
            "notice": NOTICE,
            "effect": "removed from the shards of the next release and barred from being taken in again",
        }
    )


def _table(head: tuple[str, str], rows: Mapping[str, int]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "| --- | ---: |"]
    return "\n".join(lines + [f"| {_cell(name)} | {count:,} |" for name, count in rows.items()]) + "\n"


def _sources(sources: Iterable[SourceCard]) -> str:
    lines = ["| source | provider | licence | terms | contact |", "| --- | --- | --- | --- | --- |"]
    for source in sorted(sources, key=lambda source: source.name):
        title = f"[{source.title}]({source.url})" if source.url else source.title
        cells = (title, source.provider, source.licence or "per item", source.terms or "", source.contact)
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _listed(parts: Sequence[str]) -> str:
    return " + ".join(f"`{part}`" for part in parts)
