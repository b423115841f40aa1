"""What of an exchange must not be kept: asked before anything of it is written anywhere, the journal of a crawl included."""

from dataclasses import replace

from pipelines.capture import codings
from pipelines.capture.block import Case, Guard
from pipelines.capture.fetch import Fetched
from pipelines.capture.warc import PAYLOAD_CAP
from schemas.capture import Outcome


def screened(guard: Guard, answer: Fetched) -> Fetched:
    """The exchange as it may be kept: of bytes on a block list nothing is left but the case."""
    case = _match(guard, answer) if answer.body and not guard.is_empty else None
    if case is None:
        return answer
    return replace(
        answer, outcome=Outcome.REFUSED, status=None, request=b"", header_block=b"", body=b"", detail=case.why,
        reason=case.reason,
    )  # fmt: skip


def _match(guard: Guard, answer: Fetched) -> Case | None:
    """Why the bytes of an answer may not be written, as they came or as their author made them; null where they may."""
    is_cut = answer.truncated is not None
    payload = codings.decoded(answer.body, answer.headers, cap=PAYLOAD_CAP, is_truncated=is_cut).payload
    return guard.match(payload, answer.url) or (guard.match(answer.body) if payload != answer.body else None)
