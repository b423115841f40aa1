"""What asking a site for a file in which it speaks of use came to: tdmrep.json and ai.txt, of whatever answer.

As with robots.txt, a site that does not answer, or forbids the file, is read as one that reserves: nobody knows what it says.
"""

from collections.abc import Callable, Mapping

from pipelines.rights.aitxt import ai_txt_statements
from pipelines.rights.evidence import Statement, excerpt, tdmrep_statements
from pipelines.rights.lookup import origin_and_path
from pipelines.rights.robots import StatusRule, status_rule
from schemas.rights import Mechanism, RightsVerdict, Usage

TDMREP_PATH = "/.well-known/tdmrep.json"
AI_TXT_PATH = "/ai.txt"
AI_TXT_PATHS = (AI_TXT_PATH, "/.well-known/ai.txt")
# What a live crawl asks every origin for, once a round.
ASKED_PATHS = (TDMREP_PATH, AI_TXT_PATH)
_READERS: Mapping[str, tuple[Mechanism, Usage, Callable[[bytes], list[Statement]]]] = {
    TDMREP_PATH: (Mechanism.WELLKNOWN_TDMREP, Usage.TDM, tdmrep_statements),
} | dict.fromkeys(AI_TXT_PATHS, (Mechanism.AI_TXT, Usage.TRAIN_AI, ai_txt_statements))


def site_file_statements(uri: str, status: int | None, location: str | None, body: bytes | None) -> list[Statement]:
    """The statements of an answer for the file at `uri`: what it says, unknown where it says nothing, error where nobody can tell.

    `status`: null where nothing answered; `location`: absolute target of a redirect; `body`: null where it is damaged. A redirect
    within the host says nothing yet (the target does), one to another page is a soft 404, one to the file of another host an error.
    """
    place = origin_and_path(uri)
    if place is None or place[1] not in _READERS:
        return []
    mechanism, usage, read = _READERS[place[1]]

    def whole(verdict: RightsVerdict, why: str) -> list[Statement]:
        one = Statement(mechanism=mechanism, usage=usage, verdict=verdict, locator="file", excerpt=excerpt(why))
        # Of the two places of ai.txt only the first may say that there is none: it must not hide what the other says.
        return [] if verdict is RightsVerdict.UNKNOWN and place[1] == AI_TXT_PATHS[1] else [one]

    if body is None:
        return whole(RightsVerdict.ERROR, "damaged")
    match status_rule(status):
        case StatusRule.PARSE:
            return read(body) or whole(RightsVerdict.UNKNOWN, "says nothing")
        case StatusRule.ALLOW:
            return whole(RightsVerdict.UNKNOWN, f"answered {status}")
        case StatusRule.DISALLOW:
            return whole(RightsVerdict.ERROR, f"answered {status}" if status else "did not answer")
    target = origin_and_path(location)
    if target is None or target[1] not in _READERS:
        return whole(RightsVerdict.UNKNOWN, f"answered {status}, to another page")
    is_same_host = target[0].partition("://")[2] == place[0].partition("://")[2]
    return [] if is_same_host else whole(RightsVerdict.ERROR, f"answered {status}, to {location}")
