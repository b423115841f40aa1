"""Where a long recording is cut: around the cues of its transcript, or in the pauses of its speech. Pure; seconds, no samples."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

# Source: silero-vad, get_speech_timestamps: a stretch of speech goes on until this far below the threshold it began at, is
# at least 0.25 s long, and is given 0.03 s on either side; pauses under 0.1 s are none.
_HYSTERESIS, _LEAST_S, _PAUSE_S, _PAD_S = 0.15, 0.25, 0.1, 0.03


class Segment(NamedTuple):
    """A stretch of a recording, in seconds, and what is said in it; without cues nothing is known of that."""

    start_s: float
    end_s: float
    text: str = ""


def by_cues(cues: Sequence[Segment], *, longest_s: float, pause_s: float) -> list[Segment]:
    """The cues, given in order of time, joined where the next follows within `pause_s` and the whole stays within `longest_s`.

    Cues that overlap (two people, two lines of a screen) are always one, however long: neither can be heard alone.
    """
    found: list[Segment] = []
    for cue in cues:
        last = found[-1] if found else None
        overlaps = last is not None and cue.start_s < last.end_s
        if last is not None and (
            overlaps or (cue.start_s - last.end_s <= pause_s and cue.end_s - last.start_s <= longest_s)
        ):
            found[-1] = Segment(last.start_s, max(last.end_s, cue.end_s), f"{last.text} {cue.text}")
        else:
            found.append(cue)
    return found


def by_voice(speech: F64, *, frame_s: float, threshold: float, longest_s: float) -> list[Segment]:
    """The stretches in which somebody speaks, joined and cut so that each has at most `longest_s`.

    `speech`: probability in each frame. Stretches are joined as long as they fit; a longer one is cut in the frame of its
    last half that is least like speech.
    """
    longest = max(1, int((longest_s - 2 * _PAD_S) / frame_s))
    pieces: list[tuple[int, int]] = []
    for start, end in _stretches(speech, threshold, frame_s):
        while end - start > longest:
            at = start + longest // 2
            cut = at + int(speech[at : start + longest].argmin()) + 1
            pieces.append((start, cut))
            start = cut
        if pieces and end - pieces[-1][0] <= longest:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
    befores = [0, *(end for _, end in pieces)]
    afters = [*(start for start, _ in pieces), len(speech)][1:]
    # What is given on either side never belongs to a neighbour: those cut from one stretch have nothing between them.
    return [
        Segment(
            round(max(before * frame_s, start * frame_s - _PAD_S), 3),
            round(min(after * frame_s, end * frame_s + _PAD_S), 3),
        )
        for (start, end), before, after in zip(pieces, befores[:-1], afters, strict=True)
    ]


def _stretches(speech: F64, threshold: float, frame_s: float) -> list[tuple[int, int]]:
    """(first frame, frame after the last) of each stretch of speech."""
    found: list[tuple[int, int]] = []
    start: int | None = None
    pause = max(1, round(_PAUSE_S / frame_s))
    for frame, probability in enumerate([*speech.tolist(), 0.0]):
        if start is None and probability >= threshold and frame < len(speech):
            joins = found and frame - found[-1][1] < pause
            start = found.pop()[0] if joins else frame
        elif start is not None and probability < threshold - _HYSTERESIS:
            found.append((start, frame))
            start = None
    return [(start, end) for start, end in found if (end - start) * frame_s >= _LEAST_S]
