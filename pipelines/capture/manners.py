"""What a site asks of a crawl: its robots.txt, and how long to stay away. In: exchanges. Out: refusals and seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from pipelines.capture import codings, http
from pipelines.capture.fetch import Fetched
from pipelines.rights.robots import RobotsFile, StatusRule, status_rule
from schemas.capture import Outcome
from schemas.reasons import Reason

MAX_WAIT_S = 86_400.0  # Chosen: a site that wants more than a day is asked again in another round
_UNSAID = 10  # Chosen: delays to stay away where a busy site does not say for how long
_BUSY = (429, 503)
_FORBIDDEN = (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What the robots.txt of one origin means for us. `closed`: set where no page may be asked for, and why.

    `agents`: the product tokens we answer to; any that is barred bars us, and the longest delay counts.
    """

    agents: Sequence[str]
    file: RobotsFile
    closed: tuple[Outcome, str] | None = None

    def refusal(self, target: str) -> tuple[Outcome, str] | None:
        """Why a path with its query may not be asked for, or null."""
        if self.closed:
            return self.closed
        for agent in self.agents:
            verdict = self.file.verdict(agent, target)
            if not verdict.allowed:
                return Outcome.REFUSED, f"robots.txt line {verdict.line} bars {agent}: {verdict.rule}"
        return None

    @property
    def delay_s(self) -> float:
        """The Crawl-delay asked of us, a day at most; 0.0 where there is none."""
        return min(MAX_WAIT_S, max((self.file.crawl_delay(agent) or 0.0 for agent in self.agents), default=0.0))


def manners(answer: Fetched | str, agents: Sequence[str], cap: int) -> Manners:
    """What the last answer on the way to a robots.txt means, or why (a text) there is none. `cap`: bytes when decoded.

    A file that was cut by the server or the clock counts as none: nobody knows what it said. One cut at our byte cap
    counts: a parser reads its first 500 KiB. Without an answer the site is asked again in another round (`deferred`); one that
    forbids its robots.txt is `refused`.
    """
    if isinstance(answer, str):
        return _closed(agents, Outcome.DEFERRED, answer)
    rule = status_rule(answer.status)
    if rule is StatusRule.ALLOW:
        return Manners(agents=agents, file=RobotsFile.parse(b""))
    if rule is not StatusRule.PARSE:
        outcome = (
            Outcome.REFUSED if answer.status in _FORBIDDEN or answer.outcome is Outcome.REFUSED else Outcome.DEFERRED
        )
        said = f"answered {answer.status}" if answer.status else f"gave no answer ({answer.detail})"
        return _closed(agents, outcome, f"robots.txt {said}")
    if answer.reason is Reason.ANSWER_NOT_ASKED:
        return _closed(agents, Outcome.DEFERRED, f"robots.txt came in part ({answer.status})")
    if answer.truncated in ("time", "disconnect"):
        return _closed(agents, Outcome.DEFERRED, f"robots.txt was cut ({answer.truncated})")
    body = codings.decoded(answer.body, answer.headers, cap=cap, is_truncated=answer.truncated is not None)
    if body.problem:
        return _closed(agents, Outcome.DEFERRED, f"robots.txt cannot be read: {body.detail}")
    return Manners(agents=agents, file=RobotsFile.parse(body.payload))


def _closed(agents: Sequence[str], outcome: Outcome, why: str) -> Manners:
    return Manners(agents=agents, file=RobotsFile.parse(b""), closed=(outcome, f"{why}: read as disallow"))


def pause_s(answer: Fetched, delay_s: float, now: float) -> float:
    """Seconds until the next request to the host: its Retry-After, else the delay (ten of them where it is busy).

    `now`: seconds since 1970. Never less than `delay_s`.
    """
    asked = retry_after_s(http.header(answer.headers, "retry-after"), now)
    if asked is not None:
        return max(delay_s, asked)
    return delay_s * _UNSAID if answer.status in _BUSY else delay_s


def retry_after_s(value: str | None, now: float) -> float | None:
    """Seconds to wait by a Retry-After value, 0 to a day; null where there is none that can be read.

    `now`: seconds since 1970. "120" -> 120.0, "-1" -> null, a date in the past -> 0.0.
    Source: RFC 9110, section 10.2.3: whole seconds, or an HTTP date.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), MAX_WAIT_S)
    try:
        when = parsedate_to_datetime(text)
        seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_WAIT_S)
