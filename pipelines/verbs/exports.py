"""Verbs that write papers of a release: export, certify."""

import argparse
import sys
from pathlib import Path

from pipelines.verbs import show
from schemas.errors import InputError

KINDS = ("croissant", "eu-summary", "notice", "card", "parquet", "jsonl", "spdx", "openlineage")


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """What `export` takes."""
    parser.add_argument("kind", choices=KINDS, help="which paper; docs/exports.md has an example of each")
    parser.add_argument("release", help="the name of a release of the site's ledger")
    parser.add_argument(
        "--out", type=Path, metavar="FILE",
        help="where to write; its suffix chooses the form (eu-summary: .md .html .json; notice: .txt .html .jsonl). Without it: standard output",
    )  # fmt: skip
    parser.add_argument("--words", type=Path, metavar="FILE.toml", help="what only people can say, for eu-summary")


def export(asked: argparse.Namespace) -> None:
    """Write one export, whole or not at all."""
    from dataclasses import asdict

    from pipelines.audit.open import Ledger
    from pipelines.exports.export import Written, content, exports
    from pipelines.exports.export import export as write
    from pipelines.shard.files import atomic_file, file_sha256
    from pipelines.site import load_site

    ledger = Ledger.open(load_site(asked.site).store)
    if asked.out is None:
        if asked.kind == "parquet" or (asked.json and asked.kind == "jsonl"):
            raise InputError(f"export {asked.kind} is for a file: name one with --out")
        if asked.json:
            body = content(ledger, asked.kind, asked.release, suffix=".json", said=asked.words)
            show.as_json({"export": asked.kind, "release": asked.release, "content": body.decode()})
        else:
            write(ledger, asked.kind, asked.release, sys.stdout.buffer, said=asked.words)
        return
    if asked.out.is_dir():
        raise InputError(f"--out {asked.out} is a folder; name a file")
    (forms,) = [one.forms for one in exports() if one.name == asked.kind]
    if asked.out.suffix not in forms:
        raise InputError(f"{asked.kind} is written as {' or '.join(forms)}; {asked.out} says none of them")
    with atomic_file(asked.out) as out:
        items = write(ledger, asked.kind, asked.release, out, suffix=asked.out.suffix, said=asked.words)
    report = asdict(
        Written(
            export=asked.kind, release=asked.release, out=str(asked.out), bytes=asked.out.stat().st_size, sha256=file_sha256(asked.out),
            items=items,
        )
    )  # fmt: skip
    show.as_json(report) if asked.json else show.lines(report)


def certify_arguments(parser: argparse.ArgumentParser) -> None:
    """What `certify` takes."""
    parser.add_argument("release", help="the name of a release of the site's ledger")
    parser.add_argument(
        "--sample", type=int, default=20, metavar="N",
        help="how many published items, and as many that a rule ended, are derived again (default 20)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="which items are drawn (default 0)")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the certificate there")


def certify(asked: argparse.Namespace) -> None:
    """Print, or write, the certificate; exit 1 where an item differs or nothing published could be derived again."""
    from pipelines.audit.open import Ledger
    from pipelines.late.certify import Agreement
    from pipelines.late.certify import certify as check
    from pipelines.shard.files import side_json, write_file
    from pipelines.site import load_site
    from schemas.digest import Json, plain

    site = load_site(asked.site)
    found = check(
        Ledger.open(site.store), asked.release, site, sample=asked.sample, seed=asked.seed, progress=_told(asked)
    )
    body = plain(found)
    assert isinstance(body, dict)
    whole: dict[str, Json] = {**body, "digest": found.digest}
    if asked.out:
        write_file(asked.out, side_json(whole))
    if asked.json:
        show.as_json(whole)
    else:
        said: dict[str, list[str]] = {}
        for one in found.items:
            if one.result != Agreement.AGREES:
                why = f"{one.result.value}: {'; '.join(one.what)}"
                said.setdefault(why, []).append(f"{one.item_id} ({one.lane}, {one.state})")
        for why, items in said.items():
            print("\n  ".join([why, *items]))
        print(
            f"{found.agree} agree, {found.differ} differ, {found.not_rederived} could not be derived again; digest {found.digest}"
        )
        print("\n".join(f"not covered: {line}" for line in found.not_covered))
    if not found.holds:
        sys.exit(1)


def _told(asked: argparse.Namespace):  # type: ignore[no-untyped-def]
    """Progress on a terminal; silence elsewhere."""

    def told(room: str, done: int, total: int) -> None:
        print(f"{room}: {done} of {total} items", file=sys.stderr)

    def silent(room: str, done: int, total: int) -> None:
        pass

    return told if sys.stderr.isatty() and not asked.json else silent
