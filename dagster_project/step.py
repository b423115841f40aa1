"""One asset's work, in a process of its own: `python -m dagster_project.step`, started by Dagster through Pipes.

Beam, the decoding children and torch never share a process with Dagster, and what a person waits for shows in the event log.
The Pipes extras say what to do: `step` (a key of STEPS), `recipe`, `site`, `rounds`, and what the step itself takes.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from dagster_pipes import PipesContext, open_dagster_pipes

from dagster_project import pictures, unique
from dagster_project import trained as models
from dagster_project.workplace import Workplace
from pipelines import accounts, phases
from pipelines.asked import silent
from pipelines.audit.drops import drops
from pipelines.audit.open import Ledger
from pipelines.demo import demo_site
from pipelines.exports import card
from pipelines.exports.export import exports
from pipelines.exports.facts import facts
from pipelines.late.cut import dropping, picture
from pipelines.late.stored import Done, lane_of
from pipelines.ledger.training import commit_training
from pipelines.orders import ROOMS
from pipelines.receipt import Receipt
from pipelines.recipe import Recipe
from pipelines.run import run
from pipelines.runner import Progress, one_pool
from pipelines.site import Site
from pipelines.suppression import suppression
from pipelines.takedown.gate import barred
from schemas.decision import DECISION, Verdict

# Chosen: an event a second is what a person can read; the log of a large run stays small.
SECONDS_BETWEEN_EVENTS = 1.0
Metadata = Mapping[str, Any]


def logged(pipes: PipesContext) -> Progress:
    """Progress as lines of the event log: the first and the last of a room, and at most one a second between."""
    last = 0.0

    def show(room: str, done: int, total: int) -> None:
        nonlocal last
        if done in (0, total) or time.monotonic() - last > SECONDS_BETWEEN_EVENTS:
            last = time.monotonic()
            pipes.log.info(f"{room}: {done} of {total}")

    return show


def capture(recipe: Recipe, site: Site, pipes: PipesContext) -> None:
    """Capture one source."""
    source = recipe.source(pipes.get_extra("source"))
    found = phases.capture(recipe, site, source, logged(pipes))
    rows = sum(part.rows for receipt in found.receipts for part in receipt.all("capture"))
    outcomes = phases.outcomes(site, found)
    pipes.report_asset_materialization(
        metadata={
            "captures": rows,
            "outcomes": table(("outcome", "captures"), sorted(outcomes.items())),
            "ignored files": len(found.ignored),
            "silent hosts": "\n".join(silent(site, [found])) or "none",
        }
    )


def lane(recipe: Recipe, site: Site, pipes: PipesContext) -> None:
    """Take one lane through its rooms, as far as Dagster asks."""
    name, wanted = pipes.get_extra("lane"), pipes.get_extra("rooms")
    way, captured = recipe.lane(name), [phases.capture(recipe, site, source) for source in recipe.sources]
    local = [room for room in ROOMS if room in wanted]
    until = ROOMS[-1] if "unique" in wanted else local[-1]
    found = phases.lane_rooms(recipe, site, way, captured, logged(pipes), until=until)
    for room in local:
        receipts = [by_room[room] for by_room in found.receipts]
        metadata = counted(receipts) | (rules(recipe, site, found) if room == "judged" else {})
        pipes.report_asset_materialization(asset_key=f"{name}/{room}", metadata=metadata)
    if "unique" in wanted:
        grouped, receipt = phases.unique(site, found)
        metadata = {**counted([receipt]), **unique.told(site, found, grouped)}
        pipes.report_asset_materialization(asset_key=f"{name}/unique", metadata=metadata)


def rules(recipe: Recipe, site: Site, found: phases.LaneRun) -> Metadata:
    """Each rule that dropped something over its signal, and what rules in shadow would have dropped."""
    name = found.lane.name
    ways = [
        (lane_of(recipe, name, order.source), Done(source=order.source, rooms=rooms))
        for order, rooms in zip(found.orders, found.receipts, strict=True)
    ]
    cuts = list(dropping(site.store, found.lane, ways))
    said = site.store.table(found.parts("judged", "decision"), DECISION)
    said = said.filter(pc.equal(said.column("verdict"), Verdict.SHADOW.value))
    counts = said.group_by(["stage", "reason"]).aggregate([("item_id", "count")]).sort_by("item_id_count")
    shadow = [list(row.values()) for row in reversed(counts.to_pylist())]
    return {
        **({"thresholds": markdown(picture(cuts))} if cuts else {}),
        **({"in shadow": table(("stage", "reason", "items"), shadow)} if shadow else {}),
    }


def mixed(recipe: Recipe, site: Site, pipes: PipesContext) -> None:
    """Settle every item's fate, over all lanes."""
    captured = [phases.capture(recipe, site, source) for source in recipe.sources]
    lanes = [phases.lane_rooms(recipe, site, way, captured, logged(pipes)) for way in recipe.lanes]
    settled = phases.mixed(recipe, site, lanes, [phases.unique(site, found)[0] for found in lanes])
    kept = {found.lane.name: len(done.kept) for found, done in zip(lanes, settled, strict=True)}
    funnel = {
        found.lane.name: accounts.funnel(found.lane, done.dispositions)
        for found, done in zip(lanes, settled, strict=True)
    }
    fates = {
        found.lane.name: pictures.fates(site, found, done.dispositions)
        for found, done in zip(lanes, settled, strict=True)
    }
    sheets = {f"contact sheet {name}": markdown(pictures.sheet_of_fates(by)) for name, by in fates.items() if by}
    pipes.report_asset_materialization(
        metadata={
            **{f"kept in {name}": n for name, n in kept.items()},
            "funnel": markdown(pictures.funnel(funnel)),
            **sheets,
        }
    )


def shards(recipe: Recipe, site: Site, pipes: PipesContext) -> None:
    """Write and publish the shards, commit the run, verify what was written."""
    from pipelines.shard.verify import verify_release

    result = run(recipe, site, progress=logged(pipes))
    reasons = drops(Ledger.open(site.store), "reason")
    metadata: dict[str, Any] = {
        "run": result.run,
        "release": result.release or "nothing was kept",
        "shards": result.shards,
        "reasons": table(reasons.column_names, [list(row.values()) for row in reasons.to_pylist()]),
    }
    problems: tuple[str, ...] = ("nothing was kept, so there is no release",)
    if result.release_path:
        with site.store.lent_folder(result.release_path) as folder:
            problems = tuple(f"{path}: {what}" for path, what in verify_release(folder).problems)
            metadata |= {"path": result.release_path, "SHA256SUMS": (folder / "SHA256SUMS").read_text("utf-8")[:20_000]}
            sheets = pictures.contact_sheets(folder)
        metadata |= {f"contact sheet {name}": markdown(sheet) for name, sheet in sheets.items()}
        assert result.release
        metadata |= papers(site, result.release, pipes.get_extra("site"))
    pipes.report_asset_materialization(metadata=metadata)
    balance = result.balance
    pipes.report_asset_check(
        "balance_holds",
        passed=balance.holds,
        metadata={name: getattr(balance, name) for name in balance.__dataclass_fields__},
    )
    gone = barred(Ledger.open(site.store), suppression(site))
    pipes.report_asset_check(
        "nothing_withdrawn",
        passed=not gone,
        metadata={
            "items": table(("item", "why"), [(row["item_id"].hex(), row["why"]) for row in gone[:100]])
            if gone
            else "none"
        },
    )
    pipes.report_asset_check(
        "shards_verify",
        passed=not problems,
        metadata={"problems": "\n".join(problems) or "none", "read": result.shards},
    )


def papers(site: Site, release: str, named: str) -> Metadata:
    """The dataset card, to be read on the page, and the commands that write it and the other papers of a release. `named`: for --site."""
    commands = []
    for one in exports():
        words = " --words eu-summary.toml" if one.needs_words else ""
        command = f"headwater export {one.name} {release}{words} --out {one.name}{next(iter(one.forms))} --site {named}"
        commands.append((one.says, f"`{command}`"))
    text = card.body(facts(Ledger.open(site.store), release))
    return {"dataset card": {"raw_value": text, "type": "md"}, "papers": table(("paper", "command"), commands)}


def tokenizers(recipe: Recipe, site: Site, pipes: PipesContext) -> None:
    """Learn the vocabulary of the last release and write its tokens."""
    folder = models.folder(site)
    words = ["tokenize", models.release(site), "--out", folder / "tokens", *models.preset(pipes.extras)]
    told = models.training(words, pipes.extras, pipes.log.info)
    codecs = {name: report for name, report in told["codecs"].items() if report}
    facts = {name: told[name] for name in ("vocabulary", "ids", "items", "tokens")}
    pipes.report_asset_materialization(metadata=facts | {"codecs": markdown_json(codecs), "path": str(folder)})


def pretrained(recipe: Recipe, site: Site, pipes: PipesContext) -> None:
    """Train on the last release, and commit what was fed."""
    folder = models.folder(site)
    words = ["train", models.release(site), "--out", folder / "pretrained", "--tokens", folder / "tokens"]
    told = models.training([*words, *models.preset(pipes.extras)], pipes.extras, pipes.log.info)
    _report_trained(site, pipes, folder / "pretrained", told, "held_out_loss_falls", told["held_out"])


def finetuned(recipe: Recipe, site: Site, pipes: PipesContext) -> None:
    """Go on with a task, and commit what was fed."""
    folder = models.folder(site)
    words = [
        "tune",
        folder / "pretrained",
        models.release(site),
        "--out",
        folder / "finetuned",
        "--lane",
        pipes.get_extra("lane"),
    ]
    words += [f"--source={name}" for name in pipes.get_extra("sources")] + models.changes(pipes.extras)
    told = models.training(words, pipes.extras, pipes.log.info)
    _report_trained(site, pipes, folder / "finetuned", told, "hold_out_loss_falls", told["hold_out"])


def evaluated(recipe: Recipe, site: Site, pipes: PipesContext) -> None:
    """Measure the tuned model on the validation split."""
    words = ["evaluate", models.folder(site) / "finetuned", models.release(site), "--split", "validation"]
    told = models.training(words, pipes.extras, pipes.log.info)
    rows = [(name, one["loss"]) for name, one in sorted(told["by"].items())]
    pipes.report_asset_materialization(metadata={"loss": told["loss"], "by task": table(("task", "loss"), rows)})


def _report_trained(site: Site, pipes: PipesContext, folder: Path, told: Metadata, check: str, held: Metadata) -> None:
    commit = commit_training(site.store, folder)
    before, after = (float(held[when]["loss"]) for when in ("before", "after"))
    pipes.report_asset_materialization(
        metadata={
            "curve": markdown((folder / "curve.png").read_bytes()), "checkpoint": told["checkpoint_id"], "steps": told["steps"],
            "loss before": before, "loss after": after, "training run": told["training_run"], "commit": commit.seq,
            "path": str(folder),
        }
    )  # fmt: skip
    pipes.report_asset_check(check, passed=after < before, metadata={"before": before, "after": after})


def markdown_json(value: object) -> Metadata:
    """A JSON value, readable."""
    return {"raw_value": f"```json\n{json.dumps(value, indent=2)}\n```", "type": "md"}


def counted(receipts: list[Receipt]) -> Metadata:
    """What a room did, added up over its receipts; for people, never for the balance."""
    counts: dict[str, int] = {}
    for receipt in receipts:
        for name, n in receipt.counts.items():
            counts[name] = counts.get(name, 0) + n
    return {**counts, "parts": sum(len(r.parts) for r in receipts), "reused": sum(r.reused for r in receipts)}


def table(head: Any, rows: Any) -> Metadata:
    """A Markdown table as Dagster shows it."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]]
    return {"raw_value": "\n".join(lines), "type": "md"}


def markdown(png: bytes) -> Metadata:
    """A picture, inline."""
    return {"raw_value": pictures.inline(png), "type": "md"}


STEPS: Mapping[str, Callable[[Recipe, Site, PipesContext], None]] = {
    "capture": capture, "lane": lane, "mixed": mixed, "shards": shards, "tokenizers": tokenizers, "pretrained": pretrained,
    "finetuned": finetuned, "evaluated": evaluated,
}  # fmt: skip


def main() -> None:
    """Do the step that the Pipes extras name."""
    with open_dagster_pipes() as pipes:
        place = Workplace(recipe=pipes.get_extra("recipe"), site=pipes.get_extra("site"))
        recipe, site = place.load(pipes.extras.get("rounds"))
        with demo_site(recipe, site) as (there, ready), one_pool():
            STEPS[pipes.get_extra("step")](there, ready, pipes)


if __name__ == "__main__":
    main()
