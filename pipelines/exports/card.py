"""The dataset card of a whole release: the front matter Hugging Face reads, a config a lane, then what a person asks first."""

from collections import Counter
from collections.abc import Sequence

from pipelines.exports.facts import NOTICE, Facts
from pipelines.shard.card import features, hub_licences, size_category
from pipelines.shard.files import yaml
from schemas.digest import Json
from schemas.sample import CONFIGS
from schemas.shard import Split


def card(facts: Facts) -> bytes:
    """README.md of the release's folder."""
    lanes = sorted({row["lane"] for row in facts.splits})
    items = sum(row["items"] for row in facts.splits)
    front: dict[str, Json] = {
        "pretty_name": facts.name,
        "license": hub_licences(row["licence"] for row in facts.licences),
        "language": [*facts.languages],
        "size_categories": [size_category(items)],
        "configs": [{"config_name": lane, "data_files": _files(facts, lane)} for lane in lanes],
        "dataset_info": [{"config_name": lane, "features": features(CONFIGS[facts.configs[lane]])} for lane in lanes],
    }
    licences = Counter[str]()
    for row in facts.licences:
        licences[row["licence"]] += row["items"]
    edited = [[row["kind"], row["items"], row["places"]] for row in facts.edited if row["kind"]]
    first, last = facts.period
    text = f"""---
{yaml({key: value for key, value in front.items() if value})}---
# {facts.name}

{items:,} items of the corpus {facts.run["recipe"]}, made by Headwater {facts.run["version"]} under the policy {facts.run["policy"]}.
Root `{facts.release["set_root"].hex()}`, recipe `{facts.run["recipe_digest"].hex()}`, commit {facts.commit.seq} of its ledger
`{facts.commit.hash}`. Obtained from {first or "unknown"} to {last or "unknown"}.

> {NOTICE}

## What is in it

{_table(("lane", "split", "items"), [[row["lane"], row["split"], row["items"]] for row in facts.splits])}
{_table(("modality", "items", "bytes", "languages"), [[row["modality"], row["items"], row["bytes"], ", ".join(row["languages"] or ())] for row in facts.sizes])}
## Licences

{_table(("licence", "items"), [[name, n] for name, n in sorted(licences.items())])}
## Sources

{_table(("source", "kind", "provider", "licence", "contact", "items"), [[row["title"], row["kind"], row["provider"], row["licence"] or "per item", row["contact"], row["items"]] for row in facts.sources])}
## Not taken or not kept because of rights

{_table(("what", "reason", "how many"), [[row["what"], row["reason"], row["items"]] for row in facts.withheld])}
## Personal data and secrets replaced

{_table(("kind", "items", "places"), edited)}"""
    return text.encode()


def _files(facts: Facts, lane: str) -> list[Json]:
    present = {row["split"] for row in facts.splits if row["lane"] == lane}
    return [{"split": split.value, "path": f"{lane}/data/{split}-*.tar"} for split in Split if split in present]


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return "None.\n"
    lines = [_line(head), _line(["---:" if isinstance(cell, int) else "---" for cell in rows[0]])]
    return "\n".join([*lines, *map(_line, rows)]) + "\n"


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else _cell(str(cell)) for cell in cells) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
