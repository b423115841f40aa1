"""Work orders: what one call of `run_part` takes through its rooms. Small values that name parts, so that they travel cheaply."""

from dataclasses import dataclass

from pipelines.capture.layout import File
from pipelines.store import Part

ROOMS = ("split", "measured", "judged", "edited", "signed")  # of a lane, in order


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureOrder:
    """Files of one source to capture together: one archive of records, or files of an upload."""

    source: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneOrder:
    """One capture part on its way through one lane.

    `robots`, `sites`, `licences`, `sayers`: evidence of all captures, wherever it lies. `until`: the last room, of `ROOMS`.
    """

    lane: str
    source: str
    capture: Part
    rights: Part
    licence: Part
    robots: tuple[Part, ...]
    sites: tuple[Part, ...]
    licences: tuple[Part, ...] = ()
    sayers: tuple["Sayers", ...] = ()
    until: str = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sayers:
    """A capture part that holds annotations, with what is known of the rights and licences of those who say them."""

    annotation: Part
    capture: Part
    rights: Part
    licence: Part
