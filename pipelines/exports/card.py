"""The dataset card of a whole release: the front matter Hugging Face reads, a config a lane, then what a person asks first."""

from collections import Counter
from collections.abc import Sequence

from pipelines.exports.credited import OWED
from pipelines.exports.facts import NOTICE, Facts, days
from pipelines.rights.spdx import LicenceClass
from pipelines.shard.card import features, hub_licences, size_category
from pipelines.shard.files import yaml
from schemas.digest import Json
from schemas.reasons import Reason
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
    text = f"---\n{yaml({key: value for key, value in front.items() if value})}---\n{body(facts)}"
    return text.encode()


def body(facts: Facts) -> str:
    """What people read of the card, as Markdown."""
    return f"""# {facts.name}

{sum(row["items"] for row in facts.splits):,} items of the corpus {facts.run["recipe"]}, made by Headwater {facts.run["version"]} under the policy {facts.run["policy"]}.

> {NOTICE}

{_table(("at a glance", ""), _glance(facts))}
## What is in it

{_table(("lane", *(split.value for split in Split)), _lanes(facts))}
{_table(("modality", "items", "bytes", "hours", "languages"), _modalities(facts))}
## What became of the rest

{_table(("lane", *_STATES), _fates(facts))}
{_table(("lane", "state", "reason", "items", "means"), _reasons(facts))}
## Licences

{_table(("licence", "asks for", "items", "bytes", "of which the source's card says it"), _licences(facts))}
## Sources

{_table(("source", "kind", "provider", "licence", "address", "contact", "items"), [[row["title"], row["kind"], row["provider"], row["licence"] or "per item", row["url"] or "", row["contact"], row["items"]] for row in facts.sources])}
## Not taken or not kept because of rights

{_table(("what", "reason", "how many", "means"), [[row["what"], row["reason"], row["items"], _meaning(row["reason"])] for row in facts.withheld])}
## Personal data and secrets replaced

{_table(("kind", "items", "places"), [[row["kind"], row["items"], row["places"]] for row in facts.edited if row["kind"]])}
## Being taken out

Whoever wants something taken out writes to {"; ".join(sorted({_cell(row["contact"]) for row in facts.sources}))}. A release never changes; the next one lacks it.
"""


_STATES = ("kept", "dropped", "merged", "quarantined", "withdrawn")
_MOST_REASONS = 20  # Chosen: what a person reads; `headwater drops` has them all


def _glance(facts: Facts) -> list[list[object]]:
    """The figures that a person asks for first."""
    classes, conflicts = Counter[str](), 0
    for row in facts.licences:
        classes[row["class"]] += row["items"]
        conflicts += row["conflicts"]
    total = sum(classes.values()) or 1
    shares = [f"{name.replace('_', ' ')} {n:,} ({n / total:.1%})" for name, n in classes.most_common()]
    places = sum(row["places"] for row in facts.edited if row["kind"])
    first, last = facts.period
    undated = sorted(row["title"] for row in facts.sources if None in days([row]))
    when = f"{first} to {last}" if first and last else f"not recorded of {', '.join(undated)}"
    return [
        ["items", f"{sum(row['items'] for row in facts.splits):,} in {len(facts.tars):,} shards"],
        ["size", f"{facts.release['bytes']:,} bytes"],
        ["obtained", when],
        ["languages", ", ".join(facts.languages) or "none was measured"],
        ["licences by class", ", ".join(shares) or "none"],
        ["evidence that names more than one licence", f"{conflicts:,} items"],
        ["personal data and secrets replaced", f"{places:,} places"],
        ["root", f"`{facts.release['set_root'].hex()}`"],
        ["recipe", f"`{facts.run['recipe_digest'].hex()}`"],
        ["ledger", f"commit {facts.commit.seq}, `{facts.commit.hash}`"],
    ]


def _lanes(facts: Facts) -> list[list[object]]:
    found: dict[str, Counter[str]] = {}
    for row in facts.splits:
        found.setdefault(row["lane"], Counter())[row["split"]] += row["items"]
    return [[lane, *(counts[split.value] for split in Split)] for lane, counts in found.items()]


def _modalities(facts: Facts) -> list[list[object]]:
    hours = {row["modality"]: row["hours"] for row in facts.hours}
    return [
        [row["modality"], row["items"], row["bytes"], f"{hours[row['modality']]:.2f}" if hours.get(row["modality"]) else "",
         ", ".join(row["languages"] or ())]
        for row in facts.sizes
    ]  # fmt: skip


def _fates(facts: Facts) -> list[list[object]]:
    """How the items of each lane ended; those that were split live on in their parts."""
    found: dict[str, Counter[str]] = {}
    for row in facts.funnel:
        if row["state"] in _STATES:
            found.setdefault(row["lane"], Counter())[row["state"]] += row["items"]
    return [[lane, *(counts[state] for state in _STATES)] for lane, counts in found.items()]


def _reasons(facts: Facts) -> list[list[object]]:
    rows = [row for row in facts.funnel if row["state"] in _STATES and row["reason"]]
    rows.sort(key=lambda row: (-row["items"], row["lane"], row["reason"]))
    return [
        [row["lane"], row["state"], row["reason"], row["items"], _meaning(row["reason"])]
        for row in rows[:_MOST_REASONS]
    ]


def _meaning(reason: str) -> str:
    return Reason(reason).explanation if reason in set(Reason) else ""


def _licences(facts: Facts) -> list[list[object]]:
    found: dict[str, list[int]] = {}
    classes: dict[str, str] = {}
    for row in facts.licences:
        classes[row["licence"]] = row["class"]
        sums = found.setdefault(row["licence"], [0, 0, 0])
        for at, name in enumerate(("items", "bytes", "of_card")):
            sums[at] += row[name]
    return [
        [name, _ASKS[classes[name]], *sums]
        for name, sums in sorted(found.items(), key=lambda pair: (-pair[1][0], pair[0]))
    ]


_ASKS = {LicenceClass.PUBLIC_DOMAIN.value: "nothing", **OWED}


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
