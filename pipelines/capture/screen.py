"""What of an exchange must not be kept: asked before anything of it is written anywhere, the journal of a crawl included."""

from collections.abc import Collection
from dataclasses import replace

from pipelines.capture import codings
from pipelines.capture.archive import ROBOTS_PATH
from pipelines.capture.block import Case, Guard
from pipelines.capture.fetch import Fetched
from pipelines.capture.uri import path
from pipelines.capture.warc import PAYLOAD_CAP
from pipelines.rights.site_file import ASKED_PATHS
from schemas.capture import Outcome
from schemas.digest import sha256
from schemas.reasons import Reason

OTHER_BYTES = "it has other bytes than the list names by their sha256"


def screened(guard: Guard, answer: Fetched, wanted: Collection[bytes] | None = None) -> Fetched:
    """The exchange as it may be kept: of bytes on a block list nothing is left but the case.

    `wanted`: the SHA-256 of all there is to fetch, where that is known: of other pages nothing is left either.
    """
    case = None
    if answer.body and not (guard.is_empty and wanted is None):
        is_cut = answer.truncated is not None
        payload = codings.decoded(answer.body, answer.headers, cap=PAYLOAD_CAP, is_truncated=is_cut).payload
        # As they came or as their author made them.
        case = guard.match(payload, answer.url) or (guard.match(answer.body) if payload != answer.body else None)
        if case is None and wanted is not None and _is_page(answer) and sha256(payload) not in wanted:
            case = Case(Reason.DIGEST_MISMATCH, OTHER_BYTES)
    if case is None:
        return answer
    return replace(
        answer, outcome=Outcome.REFUSED, status=None, request=b"", header_block=b"", body=b"", detail=case.why,
        reason=case.reason,
    )  # fmt: skip


def _is_page(answer: Fetched) -> bool:
    return answer.outcome is Outcome.FETCHED and path(answer.url) not in (ROBOTS_PATH, *ASKED_PATHS)
