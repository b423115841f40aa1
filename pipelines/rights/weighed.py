"""What judges of rights weigh: the evidence, the rules of a policy, and the bar that comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.rights.spdx import LicenceClass
from pipelines.stage import Stage
from pipelines.suppression import Suppression
from schemas.reasons import Reason
from schemas.rights import RightsVerdict, Usage


class Bar(NamedTuple):
    """Why a capture or item may not be used, the detail of the decision, and of a statement what it was."""

    reason: Reason
    detail: str
    mechanism: str = ""
    verdict: str = RightsVerdict.DISALLOW.value
    said: tuple[str, str, str] = ("", "", "")  # mechanism, locator and excerpt: which row of RIGHTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the judge may look at: tables CAPTURE, RIGHTS, LICENCE and ROBOTS, and the licences of the source cards.

    `captures` and `licences` need hold only those of the items and of their texts; `rights` these, the site-wide rows of all captures
    and those of whole sources; `robots` those of all captures, so that a robots.txt counts wherever it was captured.
    `taken_down`: what requests took out.
    """

    captures: pa.Table
    rights: pa.Table
    licences: pa.Table
    robots: pa.Table
    card_licences: Mapping[str, str | None]
    taken_down: Suppression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The parameters of the stage, in the form the judge compares with."""

    policy: str
    agents: tuple[str, ...]
    allowed: tuple[LicenceClass, ...]
    usages: tuple[Usage, ...]

    @classmethod
    def of(cls, stage: Stage) -> "Rules":
        """Those of a judge of rights."""
        settings: Mapping[str, tuple[str, ...]] = stage.settings  # type: ignore[assignment]
        return cls(
            policy=str(settings["policy"]),
            agents=tuple(settings["agents"]),
            allowed=tuple(LicenceClass(name) for name in settings["allowed"]),  # type: ignore[call-arg]
            usages=tuple(Usage(name) for name in settings["usages"]),
        )

    def counts(self, usage: str, agent: str | None) -> bool:
        """Whether a statement about this use, to this agent (null: everyone), is one the recipe listens to."""
        return usage in self.usages and (agent is None or agent.lower() in {name.lower() for name in self.agents})


def of_captures(table: pa.Table, ids: pa.Array) -> pa.Table:
    """The rows of these captures."""
    return table.filter(pc.is_in(table.column("capture_id"), value_set=ids))


def detail_of(locator: str, excerpt: str, verdict: str) -> str:
    """What a decision says of a statement that bars."""
    unreadable = " (cannot be read)" if verdict == RightsVerdict.ERROR else ""
    return f'{locator} "{excerpt}"{unreadable}'
