"""The summary as Markdown, as one HTML page without scripts, and as JSON."""

from collections.abc import Sequence
from html import escape

from pipelines.exports.summary import Entry, Summary
from pipelines.shard.files import side_json
from schemas.digest import plain

_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;margin:.5rem 0}"
    "td,th{border:1px solid #999;padding:.2rem .6rem;text-align:left;overflow-wrap:anywhere}th{white-space:nowrap}dt{font-weight:bold;margin-top:.8rem}dd{margin:0}"
    ".provider::after{content:' (written by the provider)';font-weight:normal;color:#555}.notice{border-left:4px solid #999;padding-left:1rem}"
)


def as_json(paper: Summary) -> bytes:
    """The summary as key-sorted JSON; `by` of an entry says who it is from."""
    return side_json(plain(paper))


def as_markdown(paper: Summary) -> bytes:
    """The summary as Markdown; what the provider wrote is marked."""
    lines = [f"# {paper.title}", "", f"Release `{paper.release}`, as of {paper.commit}.", "", f"> {paper.notice}", ""]
    for section in paper.sections:
        lines += [f"## {section.number} {section.title}", ""]
        for entry in section.entries:
            lines += [*_markdown(entry), ""]
        if not section.entries:
            lines += ["Nothing to say.", ""]
    return "\n".join(lines).encode()


def _markdown(entry: Entry) -> list[str]:
    mark = " (written by the provider)" if entry.by == "provider" else ""
    if isinstance(entry.value, str):
        return [f"**{entry.label}**{mark}: {_cell(entry.value)}"]
    head, *rows = entry.value
    return [f"**{entry.label}**{mark}:", "", _row(head), _row(["---"] * len(head)), *map(_row, rows)]


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
        f"<h1>{escape(paper.title)}</h1>",
        f"<p>Release <code>{escape(paper.release)}</code>, as of {escape(paper.commit)}.</p>",
        f'<p class="notice">{escape(paper.notice)}</p>',
    ]
    for section in paper.sections:
        body.append(f"<h2>{escape(section.number)} {escape(section.title)}</h2>")
        entries = "".join(
            f'<dt class="{entry.by}">{escape(entry.label)}</dt><dd>{_html(entry)}</dd>' for entry in section.entries
        )
        body.append(f"<dl>{entries}</dl>" if entries else "<p>Nothing to say.</p>")
    head = f'<meta charset="utf-8"><title>{escape(paper.title)}</title><style>{_STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n'.encode()
        + "\n".join(body).encode()
        + b"\n</body></html>\n"
    )


def _html(entry: Entry) -> str:
    if isinstance(entry.value, str):
        return escape(entry.value)
    head, *rows = entry.value
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    below = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{below}</table>"
