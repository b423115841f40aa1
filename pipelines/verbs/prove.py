"""The verb that proves that a sample is in a release, and checks such a proof."""

import argparse
import json
import sys
from pathlib import Path

from pipelines.verbs import show
from schemas.errors import InputError


def prove_arguments(parser: argparse.ArgumentParser) -> None:
    """What `prove` takes."""
    parser.add_argument(
        "name", nargs="?", help="a URI, an item id, a sample key (32 hex) or a file of which one sample is published"
    )
    parser.add_argument("--release", metavar="R", help="the release; else that of the last commit")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the proof is written; else it is printed")
    parser.add_argument("--check", type=Path, metavar="FILE", help="check a proof: needs neither site nor release")
    parser.add_argument("--anchor", metavar="HASH", help="with --check: the hash of the commit, as noted elsewhere")


def prove(asked: argparse.Namespace) -> None:
    """Write a proof, or check one; exit 1 where it does not hold."""
    if (asked.name is None) == (asked.check is None):
        raise InputError("name what is to be proved, or a proof to check with --check FILE: one of the two")
    _check(asked) if asked.check else _prove(asked)


def _prove(asked: argparse.Namespace) -> None:
    from pipelines.audit.open import Ledger
    from pipelines.audit.prove import prove as proof_of
    from pipelines.site import load_site

    ledger = Ledger.open(load_site(asked.site).store)
    proof = proof_of(ledger.of_release(asked.release) if asked.release else ledger, asked.name)
    if asked.out is None:
        show.as_json(proof)
        return
    asked.out.write_text(json.dumps(proof, indent=1) + "\n", "utf-8")
    said = {
        "proof": str(asked.out),
        "key": proof["key"],
        "release": proof["release"],
        "commit": proof["commit"]["hash"],
    }
    show.as_json(said) if asked.json else print(
        f"{asked.out}: {proof['key']} is in {proof['release']}, commit {said['commit']}"
    )


def _check(asked: argparse.Namespace) -> None:
    from pipelines.audit.prove import check

    try:
        proof = json.loads(asked.check.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"{asked.check} is missing; name a proof that `headwater prove NAME --out FILE` wrote"
        ) from None
    except ValueError as error:
        raise InputError(f"{asked.check} is no JSON: {error}") from error
    problems = check(proof, anchor=asked.anchor)
    if asked.json:
        show.as_json({"ok": not problems, "problems": problems})
    else:
        held = "" if problems else f"{proof['key']} is in {proof['release']} of the commit {proof['commit']['hash']}"
        print("\n".join(f"PROBLEM {problem}" for problem in problems) or held)
        for member in [] if problems else proof["members"]:
            print(f"{member['sha256']}  {member['name']}")
    if problems:
        sys.exit(1)
