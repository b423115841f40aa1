"""Main text of web pages, by each extractor beside resiliparse alone. `python -m tests.benchmarks.extract --pages FOLDER`"""

from collections.abc import Sequence
from pathlib import Path

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from pipelines.split.html import ASKED, EXTRACTORS, HTML_SPLIT
from pipelines.split.html_child import read_page
from tests.benchmarks import bench


def alone(html: str) -> str:
    """What resiliparse finds by its own defaults, from markup that is decoded already."""
    tree = HTMLTree.parse(html)
    return extract_plain_text(tree, main_content=True, alt_texts=False, links=False, post_meta=False, comments=False)


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures; without --pages for made pages, which are smaller and plainer than the web's."""
    asked = bench.arguments(__doc__ or "", 500, given, pages="a folder of *.html files; else --docs pages are made")
    if asked.pages:
        data = [path.read_bytes() for path in sorted(Path(asked.pages).rglob("*.html"))]
    else:
        data = [page.body for page in bench.pages(asked.docs, asked.seed)]
    texts = [page.decode("utf-8", "replace") for page in data]
    whole = {"docs": len(data), "megabytes": sum(map(len, data)) / 1e6, "repeat": asked.repeat}
    timings = [bench.timed("resiliparse alone, markup decoded", lambda: list(map(alone, texts)), **whole)[0]]
    for extractor in EXTRACTORS:
        settings = {name: HTML_SPLIT.settings[name] for name in ASKED} | {"extractor": extractor}
        rows = [{"data": page, "charset": "utf-8", "media_type": "text/html", **settings} for page in data]
        read = bench.timed(f"split.html by {extractor}", lambda rows=rows: list(map(read_page, rows)), **whole)[0]
        timings.append(read)
    bench.report(f"{len(data)} pages, {whole['megabytes']:.1f} MB", timings, is_json=asked.json)


if __name__ == "__main__":
    main()
