"""Verbs about recipes: init, check, plan."""

import argparse
import dataclasses
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.verbs import show
from schemas.errors import RecipeError

if TYPE_CHECKING:
    from pipelines.capture.inputs import Named
    from pipelines.plan import Estimate
    from pipelines.stage import Stage

CORPUS = """\
# What the corpus is. Every key is documented in docs/recipe.md; an unknown key is an error.
format = 1
name = "ours"                               # names the release
policy = "opt_out_respected"                # or public_domain | permissive | open_sharealike: these need a licence, unknown = drop
agents = ["HeadwaterBot", "CCBot", "GPTBot", "*"]   # whose robots rules count: any disallow wins

[[source]]
card = "cards/example.toml"                 # who, licence, terms, contact
lane = "web"
from = ["archives"]                         # WARC or ARC files, folders or globs; or http(s):// URLs to crawl
languages = []                              # e.g. ["en", "de"]; empty = all
sample = 1.0                                # share of the captures that become items

# [source.crawl]                            # for http(s):// URLs
# max_pages = 100
# delay_s = 1.0
# rounds = ["1"]                            # a new label captures the sites again; the same never fetches twice

# [stage."quality.gopher"]                  # any threshold of `headwater plan` can be set here
# min_words = 50

# [shards]
# target_bytes = 536870912
# validation = 0.01
"""
CARD = """\
# The source card: who stands behind the data. It goes into the ledger and the dataset card.
name = "example"                            # short and stable: ids are made with it
kind = "web_crawl"                          # web_crawl | public_dataset | licensed | private | user | synthetic | other
title = "Example pages"
provider = "who publishes them"
contact = "you@example.org"                 # whom to ask; a live crawl sends it in its User-Agent
# licence = "CC-BY-4.0"                     # SPDX, for the data set as a whole; leave out where each page speaks for itself
# terms = "https://example.org/terms"
# [contract]                                # a licensed source needs one; [terms] takes the same keys (docs/rights.md)
# reference = "Agreement 2026-17"
# allows = ["train-ai", "tdm"]
# until = 2027-03-31
"""


def init_arguments(parser: argparse.ArgumentParser) -> None:
    """What `init` takes."""
    parser.add_argument("folder", metavar="DIR")


def init(asked: argparse.Namespace) -> None:
    """Write the starting files; existing ones are never touched."""
    from pipelines.site import EMBEDDED

    folder = Path(asked.folder)
    if folder.exists() and not folder.is_dir():
        raise RecipeError(f"{folder} is a file; init writes into a folder: name another one")
    files = {"corpus.toml": CORPUS, "cards/example.toml": CARD, "site.toml": EMBEDDED}
    for name in files:
        if (folder / name).exists():
            raise RecipeError(f"{folder / name} exists already; init only writes new files: choose another folder")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (folder / "archives").mkdir(exist_ok=True)
    written = [str(folder / name) for name in files]
    if asked.json:
        show.as_json({"written": written})
    else:
        print("\n".join(f"wrote {path}" for path in written))
        print(
            f"next: put archives in {folder / 'archives'}, then `headwater check {folder / 'corpus.toml'} --site {folder}`"
        )


def check_arguments(parser: argparse.ArgumentParser) -> None:
    """What `check` takes."""
    parser.add_argument("recipe")


def check(asked: argparse.Namespace) -> None:
    """Test everything a run needs, reading no data."""
    from pipelines import recipe as recipes
    from pipelines.capture import common_crawl as crawls
    from pipelines.capture import git
    from pipelines.capture.inputs import is_local, is_repository, is_url, named
    from pipelines.demo import with_uploads
    from pipelines.lanes.lane import wanted_by
    from pipelines.models.files import model_path
    from pipelines.models.optional import model_file
    from pipelines.shadow import check_packages
    from pipelines.site import load_site

    check_packages()
    site = load_site(asked.site)
    recipe = with_uploads(recipes.load(asked.recipe), site)
    found: list[tuple[str, str]] = [
        ("recipe", f"{recipe.name}, digest {recipe.digest.hex()[:12]}"),
        ("store", site.store.root),
    ]
    probe = "ledger/.check"
    site.store.put(probe, b"")
    site.store.delete(probe)
    for source in recipe.sources:
        label = f"source {source.card.name}"
        files = [entry for entry in source.inputs if is_local(entry)]
        for entry in source.inputs:
            if crawls.is_common_crawl(entry):
                crawls.parsed(entry)
                found.append((label, f"{entry}: to be read from {site.common_crawl}"))
            elif is_url(entry) or entry.startswith("feed+"):
                found.append((label, f"{entry}: to be crawled"))
            elif is_repository(entry):
                n = git.count(entry)
                found.append((label, f"{entry}: {'to be cloned' if n is None else f'{n} files'}"))
        if files:
            wanted = wanted_by([recipe.lane(name) for name in source.lanes])
            counted = _counted(named(files, recipe.base, source.layout, wanted))
            found.append((label, f"{', '.join(files)}: {counted}"))
    recipes.check_models(recipe, site.models)
    for name in sorted({name for lane in recipe.lanes for stage in lane.stages for name, _ in stage.models}):
        found.append((f"model {name}", str(model_path(name, site.models))))
    found += [("off", line) for line in recipe.off]
    for lane in (recipes.with_models(lane, site.models) for lane in recipe.lanes):
        for stage in lane.stages:
            brought = [(name, model_file(stage, key)) for key, name in (*stage.switches, *stage.companions)]
            found += [(f"model {name}", str(path)) for name, path in brought if path]
    if asked.json:
        show.as_json({"ok": True, "checked": [{"what": what, "found": text} for what, text in found]})
    else:
        show.table("all is ready", ("what", "found"), found)


def _counted(found: "Named") -> str:
    """How many files there are of each form, and what was passed over."""
    size = sum(path.stat().st_size for path in found.files.values())
    forms = Counter(form.value for form in found.forms.values())
    kinds = ", ".join(f"{form}: {n}" for form, n in sorted(forms.items()))
    return f"{len(found.files)} files, {size:,} bytes ({kinds}); {len(found.ignored)} others ignored"


def plan_arguments(parser: argparse.ArgumentParser) -> None:
    """What `plan` takes."""
    parser.add_argument("recipe")
    parser.add_argument(
        "--sample", type=int, default=200, metavar="N", help="captures to learn from (default 200; 0: read no data)"
    )


def plan(asked: argparse.Namespace) -> None:
    """Print the stages, versions, thresholds and digest of a recipe, and what a sample of its inputs says of a run."""
    from pipelines import recipe as recipes
    from pipelines.demo import with_uploads
    from pipelines.plan import estimate
    from pipelines.site import load_site, named_site

    recipe = recipes.load(asked.recipe)
    if asked.sample < 0:
        raise RecipeError(f"--sample {asked.sample} is no number of captures; give 0 (read no data) or more")
    with tempfile.TemporaryDirectory() as folder:  # for the demo's uploads: a plan writes nothing into the site
        there = with_uploads(recipe, load_site(folder)) if asked.sample else recipe
        here = named_site(asked.site)
        found = estimate(there, asked.sample, here.models if here else ()) if asked.sample else None
    stages = [(lane.name, stage) for lane in recipe.lanes for stage in (recipe.rights, *lane.stages)]
    if asked.json:
        show.as_json(
            {
                "recipe": recipe.name, "digest": recipe.digest, "policy": recipe.policy, "agents": recipe.agents,
                "stages": [
                    {"lane": lane, "stage": stage.name, "shape": stage.shape, "version": stage.version,
                     "settings": stage.settings, "sources": {rule.name: rule.source for rule in stage.rules}}
                    for lane, stage in stages
                ],
                "off": recipe.off,
                "estimate": dataclasses.asdict(found) if found else None,
            }
        )  # fmt: skip
        return
    rows = [
        (lane, stage.name, stage.shape.value, stage.version, key, value, _source_of(stage, key))
        for lane, stage in stages
        for key, value in (stage.settings or {"": ""}).items()
    ]
    show.table(
        f"recipe {recipe.name}, policy {recipe.policy}, digest {recipe.digest.hex()[:12]}",
        ("lane", "stage", "shape", "version", "setting", "value", "source of the number"),
        rows,
    )
    for line in recipe.off:
        print(line)
    if found:
        _show_estimate(found, recipe.policy)


def _show_estimate(found: "Estimate", policy: str) -> None:
    show.table(
        "inputs",
        ("source", "input", "files", "bytes", "bytes sampled", "note"),
        [(one.source, one.entry, one.files, one.bytes, one.sampled_bytes, one.note) for one in found.inputs],
    )
    if found.expected_captures is None:
        print("no estimate: nothing could be sampled")
        return
    show.table(
        f"estimate from {found.captures} captures: about {found.expected_captures:,} captures, {found.expected_seconds:,} s",
        ("lane", "captures", "items", "items a capture", "kept", "about items", "about kept"),
        [
            (
                one.lane,
                one.captures,
                one.items,
                one.items_per_capture,
                one.kept_share,
                one.expected_items,
                one.expected_kept,
            )
            for one in found.lanes
        ],
    )
    show.table(
        f"why items of the sample would not be kept under {policy}",
        ("lane", "stage", "reason", "items", "share"),
        [(one.lane, drop.stage, drop.reason, drop.items, drop.share) for one in found.lanes for drop in one.drops],
    )
    show.table(
        "yield under each policy",
        ("lane", "policy", "kept", "share", "about kept"),
        [(one.lane, by.policy, by.kept, by.share, by.expected_kept) for one in found.lanes for by in one.policies],
    )
    print(found.basis)


def _source_of(stage: "Stage", setting: str) -> str:
    return next((rule.source for rule in stage.rules if rule.name == setting), "")
