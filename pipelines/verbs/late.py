"""The verb that asks what another policy would keep."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.verbs import show
from schemas.errors import InputError

if TYPE_CHECKING:
    from pipelines.late.samples import Sample
    from pipelines.late.whatif import Side, WhatIf


def whatif_arguments(parser: argparse.ArgumentParser) -> None:
    """What `whatif` takes."""
    parser.add_argument(
        "changes", nargs="*", metavar="RULE=VALUE",
        help="a threshold (quality.gopher.min_words=40), off or on for a rule, or policy=permissive; several count together",
    )  # fmt: skip
    parser.add_argument(
        "--recipe", metavar="CORPUS.toml", help="ask for all that differs in this recipe from the one last run"
    )
    parser.add_argument(
        "--samples", type=int, default=5, metavar="N", help="items shown on each side and lane (default 5)"
    )
    parser.add_argument("--top", type=int, default=20, metavar="N", help="hosts named on each side (default 20)")
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="draw the signals of the rules with both cuts")


def whatif(asked: argparse.Namespace) -> None:
    """Print what the last run would have kept under other rules."""
    from pipelines import recipe as recipes
    from pipelines.audit.open import Ledger
    from pipelines.late.whatif import whatif as answer
    from pipelines.site import load_site

    if not asked.changes and not asked.recipe:
        raise InputError("say what to change: RULE=VALUE, as in quality.gopher.min_words=40, or --recipe CORPUS.toml")
    if asked.samples < 0 or asked.top < 0:
        raise InputError("--samples and --top are numbers of rows; give 0 or more")
    ledger = Ledger.open(load_site(asked.site).store)
    recipe = recipes.load(asked.recipe) if asked.recipe else None
    found = answer(ledger, asked.changes, recipe, samples=asked.samples, top=asked.top)
    if asked.picture:
        from pipelines.late.change import changed
        from pipelines.late.cut import compared, picture
        from pipelines.late.stored import stored

        there = stored(ledger)
        cuts = list(compared(there, changed(recipe or there.recipe, asked.changes)))
        if not cuts:
            raise InputError("none of these changes moves the bound of a rule, so there is no cut to draw")
        asked.picture.write_bytes(picture(cuts))
    if asked.json:
        show.as_json(dataclasses.asdict(found))
    else:
        _print(found)


def _print(found: "WhatIf") -> None:
    show.table(
        f"what if, against run {found.run}",
        ("setting", "is", "would be"),
        [(c.name, c.before, c.after) for c in found.changes],
    )
    print(
        f"kept: {found.kept_before} items now, {found.kept_after} then; {found.gained.items} come back, {found.lost.items} go, "
        f"{found.other_witness} would be merged into another item ({found.seconds} s)"
    )
    for one in found.unmeasured:
        if one.items:
            print(f"{one.lane}: {one.rule} says nothing of {one.items} items: its signal was not measured")
    if found.shifts:
        show.table(
            "how items end", ("lane", "state", "stage", "reason", "now", "then"),
            [tuple(dataclasses.asdict(shift).values()) for shift in found.shifts],
        )  # fmt: skip
    for name, side in (("come back", found.gained), ("go", found.lost)):
        if side.items:
            _print_side(name, side)


def _print_side(name: str, side: "Side") -> None:
    sizes = [(side.items, "items"), (side.words, "words"), (side.characters, "characters"), (side.bytes, "bytes")]
    print(f"{name}: " + ", ".join(f"{n:,} {unit}" for n, unit in sizes if n is not None))
    for what in ("lanes", "domains", "languages", "licences", "sources"):
        tallies = getattr(side, what)
        print(f"  {what}: " + ", ".join(f"{one.name} {one.items}" for one in tallies))
    print_samples(f"of those that {name}", side.samples)


def print_samples(title: str, samples: "tuple[Sample, ...] | list[Sample]") -> None:
    """Items to look at, as a table."""
    show.table(
        title, ("uri", "lane", "stage", "reason", "value", "bound", "text"),
        [(s.uri, s.lane, s.stage, s.reason, _value(s), s.threshold, s.snippet) for s in samples],
    )  # fmt: skip


def _value(sample: "Sample") -> str | None:
    return sample.detail if sample.value is None else f"{sample.signal} {sample.value:g}"
