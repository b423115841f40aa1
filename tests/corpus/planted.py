"""What was planted, and what a right run makes of it: the fate of every page, picture, sound, book and file of code.

Fates are under the policy `opt_out_respected` and the agents HeadwaterBot, CCBot, GPTBot and *.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GROUP = "group"  # a fate: kept, or merged into another of its group


@dataclass(frozen=True, slots=True)
class Fate:
    """How something ends: a disposition state or GROUP, why, and of which group it is a copy."""

    state: str = "kept"
    reason: str | None = None
    group: str | None = None


KEPT = Fate()


def broken(reason: str) -> Fate:
    """Quarantined for this reason."""
    return Fate("quarantined", reason)


def dropped(reason: str) -> Fate:
    """Dropped for this reason."""
    return Fate("dropped", reason)


def copy_of(group: str | None, reason: str | None = None) -> Fate:
    """One of this group, merged (if it is) for this reason; of no group: kept."""
    return Fate(GROUP, reason, group) if group else KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One capture that must become items of a lane, and their fate.

    `uri`: as the ledger has it. `fate`: a disposition state, or GROUP. `reason`: of what ended them; null: whichever.
    `group`: copies of one thing; of all of them one is kept, whole. `licence`: SPDX, as its items must have it; null: not
    stated. `text`: the words of its one kept item; null: not stated.
    """

    uri: str
    lane: str
    fate: str = "kept"
    reason: str | None = None
    group: str | None = None
    licence: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """How one item ended, as the ledger has it; roots that live on in their children are left out."""

    uri: str
    lane: str
    state: str
    reason: str | None = None
    licence: str | None = None


def unmet(planted: Iterable[Planted], met: Iterable[Met]) -> dict[str, str]:
    """URI (or group) -> one sentence, for everything that did not meet its fate; empty for a right run."""
    found: Mapping[tuple[str, str], list[Met]] = defaultdict(list)
    for item in met:
        found[item.lane, item.uri].append(item)
    wrong: dict[str, str] = {}
    groups: dict[str, list[list[Met]]] = defaultdict(list)
    for one in planted:
        items = found.get((one.lane, one.uri), [])
        if problem := _problem(one, items):
            wrong[one.uri] = problem
        elif one.group:
            groups[one.group].append(items)
    for group, members in groups.items():
        kept = sum(item.state == "kept" for items in members for item in items)
        if kept != (whole := max(map(len, members))):
            wrong[group] = f"{kept} items of {len(members)} copies are kept, not {whole}"
    return wrong


def _problem(one: Planted, items: list[Met]) -> str | None:
    if not items:
        return f"gave no item of lane {one.lane}"
    states = ("kept", "merged") if one.fate == GROUP else (one.fate,)
    for item in items:
        is_reason = one.reason is None or item.state == "kept" or item.reason == one.reason
        if item.state not in states or not is_reason:
            return f"{item.state} ({item.reason}), not {one.fate} ({one.reason})"
        if one.licence is not None and item.licence != one.licence:
            return f"has the licence {item.licence}, not {one.licence}"
    return None
