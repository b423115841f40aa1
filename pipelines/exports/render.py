"""The summary as Markdown, as one HTML page without scripts, and as JSON."""

from collections.abc import Sequence
from html import escape

from pipelines.exports.summary import Entry, Section, Summary
from pipelines.shard.files import side_json
from schemas.digest import plain

# Colours of text keep 7:1 to their ground (WCAG 2.2, 1.4.6).
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1d2430;background:#fff}"
    "h1{line-height:1.2}h2{margin-top:2.5rem;padding-bottom:.2rem;border-bottom:2px solid #1d2430}h3{margin:1.8rem 0 .3rem}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;margin:.3rem 0}"
    "td,th{border:1px solid #98a1ae;padding:.25rem .6rem;text-align:left;vertical-align:top;min-width:4rem;max-width:22rem}"
    "td{overflow-wrap:break-word}th{overflow-wrap:normal;background:#eef1f5}td.number{text-align:right;white-space:nowrap}"
    "dt{font-weight:600;margin-top:.8rem}dd{margin:0;overflow-wrap:anywhere}"
    ".by{font-weight:400;font-size:.85em;color:#3f4a59;border:1px solid #98a1ae;border-radius:.3rem;padding:0 .35rem;margin-left:.4rem;white-space:nowrap}"
    ".notice{border-left:4px solid #8a4b00;padding-left:1rem}code,li,p{overflow-wrap:anywhere}li{margin:.5rem 0}a{color:#0b4f7a}summary{cursor:pointer}"
    "@media print{body{max-width:none;margin:0}h2,h3,dt{break-after:avoid}tr{break-inside:avoid}}"
)
_MARKS = {"provider": "written by the provider", "ledger": "counted"}


def as_json(paper: Summary) -> bytes:
    """The summary as key-sorted JSON; `by` of an entry says who it is from."""
    return side_json(plain(paper))


def as_markdown(paper: Summary) -> bytes:
    """The summary as Markdown; what the provider wrote is marked."""
    lines = [f"# {paper.title}", "", f"Release `{paper.release}`, as of {paper.commit}.", "", f"> {paper.notice}", ""]
    for section in paper.sections:
        lines += [f"## {_part(section)}", ""] if section.part else []
        lines += [f"### {section.number} {section.title}", ""]
        for entry in section.entries:
            lines += [*_markdown(entry), ""]
    return "\n".join(lines).encode()


def _part(section: Section) -> str:
    return f"{section.number.partition('.')[0]}. {section.part}"


def _markdown(entry: Entry) -> list[str]:
    mark = f" ({_MARKS['provider']})" if entry.by == "provider" else ""
    if isinstance(entry.value, str):
        return [f"**{_cell(entry.label)}**{mark}: {_cell(entry.value)}"]
    head, *rows = entry.value
    return [f"**{_cell(entry.label)}**{mark}:", "", _row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    """A text that stays one line and starts no markup of its own."""
    line = " ".join(text.split())
    for sign in ("\\", "|", "<", ">", "`", "*", "[", "]"):
        line = line.replace(sign, f"\\{sign}")
    return line


def as_html(paper: Summary) -> bytes:
    """The summary as one page that loads nothing."""
    body = [
        f"<p>Release <code>{escape(paper.release)}</code>, as of {escape(paper.commit)}.</p>",
        f'<p class="notice">{escape(paper.notice)}</p>',
    ]
    for section in paper.sections:
        body += [f"<h2>{escape(_part(section))}</h2>"] if section.part else []
        body.append(f"<h3>{escape(section.number)} {escape(section.title)}</h3>")
        entries = "".join(f"<dt>{escape(one.label)}{_mark(one)}</dt><dd>{_html(one)}</dd>" for one in section.entries)
        body += [f"<dl>{entries}</dl>"] if entries else []
    return page(paper.title, "\n".join(body))


def page(title: str, body: str) -> bytes:
    """A paper as one HTML page without scripts that loads nothing; `body` is markup, `title` is not."""
    return head(title) + body.encode() + foot()


def head(title: str) -> bytes:
    """How such a page begins, its title as its heading included."""
    told = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{told}</head><body>\n<h1>{escape(title)}</h1>\n'.encode()


def foot() -> bytes:
    """How it ends."""
    return b"\n</body></html>\n"


def _mark(entry: Entry) -> str:
    return f'<span class="by">{_MARKS[entry.by]}</span>'


def _html(entry: Entry) -> str:
    if isinstance(entry.value, str):
        return escape(entry.value)
    head, *rows = entry.value
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    below = "".join("<tr>" + "".join(map(_html_cell, row)) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{below}</tbody></table></div>'


def _html_cell(text: str) -> str:
    is_number = text.replace(",", "").replace(".", "").removesuffix("%").isdigit()
    kind = ' class="number"' if is_number else ""
    return f"<td{kind}>{escape(text)}</td>"
