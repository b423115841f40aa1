"""The pages as HTML: pure functions of what is known. Everything that comes from outside is escaped where it is put in."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote, urlsplit

from pipelines.audit.words import UNKNOWN
from pipelines.lookup.answer import WAS_PUBLISHED

BASES = {
    "copyright": "I hold the rights in it",
    "reservation": "I reserve text and data mining",
    "privacy": "It holds personal data",
    "other": "Another reason",
}
Row = Mapping[str, Any]


def home(query: str = "", *, body: str = "") -> str:
    """The page with the question, and below it what was found."""
    return _page(
        f"{query[:80]} · " if query else "",
        f'<form class="ask" action="/" method="get" role="search"><div><label for="q">Domain or address of a page</label>'
        f'<input id="q" name="q" value="{_e(query)}" maxlength="2048" required autocomplete="off" autocapitalize="none" spellcheck="false"'
        f' aria-describedby="hint"></div><button>Look up</button></form>'
        f'<p class="hint" id="hint">For instance <code>example.org</code>, or <code>https://example.org/page</code>.</p>{body}',
    )


def problem(said: str, query: str = "") -> str:
    """The question again, with why it cannot be answered."""
    return home(query, body=f'<p class="problem" role="alert">{_e(said)}</p>')


def results(found: Row, query: str) -> str:
    """What is known of a domain or page."""
    releases = "".join(
        f"<tr><td><code>{_e(row['release'])}</code>{' (taken down)' if row['is_taken_down'] else ''}</td><td>{row['items']}</td></tr>"
        for row in found["releases"]
    )
    table = (
        f'<h2>Releases</h2><table><thead><tr><th scope="col">Release</th><th scope="col">Items of this</th></tr></thead>'
        f"<tbody>{releases}</tbody></table>"
        if releases
        else '<p class="soft">Nothing was released so far.</p>'
    )
    pages = "".join(_of_page(page) for page in found["pages"])
    more = found["pages_found"] - len(found["pages"])
    rest = f'<p class="soft">And {more} more; ask for one by its address.</p>' if more > 0 else ""
    listed = f"<h2>Pages ({found['pages_found']})</h2>{pages}{rest}" if found["pages"] else ""
    take_out = (
        f'<p><a class="button" href="/opt-out?q={quote(query, safe="")}">Ask to have it taken out</a></p>'
        '<p class="hint">You may also ask that something be kept out that is not here yet.</p>'
    )
    return home(query, body=f"{_verdict(found)}{take_out}{table}{listed}")


def _verdict(found: Row) -> str:
    name = f"<strong>{_e(found['asked'])}</strong>"
    if n := found["items"]:
        said = f"{n} items of {name} are" if n > 1 else f"One item of {name} is"
        return f'<p class="verdict held" role="status">Yes: {said} in what was released.</p>'
    if any(row["items"] for row in found["releases"]):
        said = f"{name} was in a release that was taken down, and is in none that stands."
    elif found["is_known"]:
        said = f"{name} was met, and nothing of it is in what was released."
    else:
        said = f"nothing in this corpus answers to {name}."
    hint = "" if found["is_known"] or found["kind"] == "domain" else _HINT.format(_e(urlsplit(found["asked"]).hostname))
    return f'<p class="verdict" role="status">No: {said}</p>{hint}'


_HINT = '<p class="hint">That was one page. All pages of the site: <a href="/?q={0}">{0}</a></p>'


def _of_page(page: Row) -> str:
    items = "".join(f"<p>{_item(item)}</p>" for item in page["items"])
    more = page["items_found"] - len(page["items"])
    items += f"<p>and {more} more</p>" if more > 0 else ""
    return (
        f'<article class="page"><h3>{_e(page["uri"])}</h3><dl>'
        f"<dt>Fetched</dt><dd>{_e(_when(page['fetched_at']))}: {_e(page['meaning'])}</dd>"
        f"<dt>Became</dt><dd>{items or 'nothing: no item was made of it, or all of it was cut into the items of its parts'}</dd>"
        f"<dt>Licence</dt><dd>{_each(page['licences'], _licence)}</dd>"
        f"<dt>Reservations</dt><dd>{_each(page['rights'], _right)}</dd></dl></article>"
    )


def _item(item: Row) -> str:
    state = item["state"]
    if state in ("published", WAS_PUBLISHED):
        kind, words = (
            (" published", "published") if state == "published" else ("", "was published, and was taken down,")
        )
        return (
            f'<span class="state{kind}">{words}</span> in <code>{_e(item["release"])}</code>, {_e(item["lane"])},'
            f" {_e(item['split'])}<br><code>{_e(item['shard'])}</code><br>key <code>{_e(item['key'])}</code>"
        )
    why = f": {_e(item.get('meaning', item.get('reason', UNKNOWN)))} (<code>{_e(item.get('reason', UNKNOWN))}</code>, {_e(item['stage'])})"
    number = (
        f"; {_e(item['signal'])} {_e(item['value'])}, bound {_e(item['threshold'])}"
        if {"signal", "value", "threshold"} <= set(item)
        else ""
    )
    return f'<span class="state">{_e(state)}</span>{why}{number}'


def _licence(row: Row) -> str:
    excerpt = f": <q>{_e(row['excerpt'])}</q>" if row["excerpt"] else ""
    return f"{_e(row['expression'])} ({_e(row['location'])}){excerpt}"


def _right(row: Row) -> str:
    return f"{_e(row['verdict'])} for {_e(row['usage'])} ({_e(row['mechanism'])})"


def _each(rows: Sequence[Row] | str, told: Any) -> str:
    if isinstance(rows, str):
        return '<span class="soft">unknown: nothing was recorded</span>'
    return "".join(f"<p>{told(row)}</p>" for row in rows)


def opt_out(query: str, token: str, *, said: str = "") -> str:
    """The form that asks to have something taken out."""
    options = "".join(f'<option value="{_e(value)}">{_e(words)}</option>' for value, words in BASES.items())
    alert = f'<p class="problem" role="alert">{_e(said)}</p>' if said else ""
    return _page(
        "Opt out · ",
        f'<h2>Ask to have it taken out</h2>{alert}<form action="/opt-out" method="post"><input type="hidden" name="token" value="{_e(token)}">'
        f'<label for="q">Domain or address of a page</label><input id="q" name="q" value="{_e(query)}" maxlength="2048" required'
        f' autocomplete="off" autocapitalize="none" spellcheck="false"><label for="basis">Why</label><select id="basis" name="basis">{options}</select>'
        '<label for="contact">Where to answer (not required)</label><input id="contact" name="contact" type="email" maxlength="200"'
        ' autocomplete="email" aria-describedby="private"><p class="hint" id="private">Kept in the register of requests alone; it is shown on'
        " no page.</p><p><button>Send the request</button></p></form>",
    )


def filed(request: str, days: int) -> str:
    """That a request was filed, how to name it, and in how many days it is to be answered."""
    return _page(
        "Filed · ",
        f'<h2>Your request is filed</h2><p class="verdict" role="status">Its number is <strong><code>{_e(request)}</code></strong>. Note it: who'
        f" keeps this corpus decides, within {days} days, and answers by that number.</p>"
        '<p class="soft">What was trained already cannot be untrained; the register says which checkpoints are concerned.</p>',
    )


def _when(time: str) -> str:
    """`2026-01-01T00:00:02.000000Z` as `2026-01-01 00:00:02 UTC`."""
    return time if time == UNKNOWN else f"{time[:10]} {time[11:19]} UTC"


def _e(value: object) -> str:
    return escape(str(value), quote=True)


def _page(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{_e(title)}Is my site in it?</title><link rel="stylesheet" href="/style.css"></head><body>'
        '<a class="skip" href="#main">Skip to the answer</a><header><h1><a href="/">Is my site in it?</a></h1><p>What this corpus holds of a site,'
        f' why, and on what evidence.</p></header><main id="main">{body}</main><footer>Evidence, not legal advice. Nothing you look up is kept.'
        " Machines ask <code>/api/lookup?q=example.org</code>.</footer></body></html>"
    )
