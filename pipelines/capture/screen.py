"""What of an exchange must not be kept: asked before anything of it is written anywhere, the journal of a crawl included."""

from dataclasses import replace

from pipelines.capture import codings
from pipelines.capture.block import Guard
from pipelines.capture.fetch import Fetched
from pipelines.capture.warc import PAYLOAD_CAP
from schemas.capture import Outcome
from schemas.reasons import Reason


def screened(guard: Guard, answer: Fetched) -> Fetched:
    """The exchange as it may be kept: of bytes on a block list nothing is left but the case."""
    why = _match(guard, answer) if answer.body and not guard.is_empty else None
    if why is None:
        return answer
    return replace(
        answer, outcome=Outcome.REFUSED, status=None, request=b"", header_block=b"", body=b"", detail=why,
        reason=Reason.BLOCKED_BY_HASH,
    )  # fmt: skip


def _match(guard: Guard, answer: Fetched) -> str | None:
    """Why the bytes of an answer may not be written, as they came or as their author made them; null where they may."""
    is_cut = answer.truncated is not None
    payload = codings.decoded(answer.body, answer.headers, cap=PAYLOAD_CAP, is_truncated=is_cut).payload
    return guard.match(payload) or (guard.match(answer.body) if payload != answer.body else None)
