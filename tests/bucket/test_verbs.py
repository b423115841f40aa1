"""Every verb that works on a site works on one in a bucket, as on one in a folder."""

import json
from urllib.parse import urlsplit

import pytest

from pipelines.cli import main
from tests.corpus.pages import pages
from tests.exports.conftest import WORDS

PAPERS = {
    "croissant": ".json", "card": ".md", "notice": ".txt", "parquet": ".parquet", "jsonl": ".jsonl", "spdx": ".json", "openlineage": ".json",
}  # fmt: skip
PAGE = "http://river.example/"


@pytest.fixture
def ask(copied, capsys):
    """`ask(*words)`: what a verb prints about the site in a bucket; it ends with 0."""
    hosts = sorted({urlsplit(page.url).netloc for page in pages()})
    _, site = copied(
        more="[hosts]\n" + "".join(f'"{host}" = "127.0.0.1:9"\n' for host in hosts)
    )  # nobody answers there

    def do(*words):
        assert main([*words, "--site", str(site.home)]) == 0, words
        return capsys.readouterr().out

    return do


def test_every_verb_works_on_a_bucket(ask, corpus, tmp_path):
    recipe, _, result = corpus
    (tmp_path / "evals.jsonl").write_text(
        json.dumps({"id": "e", "text": "two boats lie on the bank below the mill " * 3})
    )
    key = json.loads(ask("sql", "select key from placement order by key limit 1", "--json"))[0]["key"]
    users = 'user_interactions = false\nother_services = true\nuser_data = "Photographs of ours."\n'
    (tmp_path / "words.toml").write_text(users + WORDS, "utf-8")
    ask(
        "export",
        "eu-summary",
        result.release,
        "--words",
        str(tmp_path / "words.toml"),
        "--out",
        str(tmp_path / "summary.md"),
    )
    for paper, suffix in PAPERS.items():
        out = tmp_path / f"{paper}{suffix}"
        ask("export", paper, result.release, "--out", str(out))
        assert out.stat().st_size
    for words in (
        ("check", str(recipe)), ("why", PAGE), ("where", PAGE), ("ask", "licence-mix"), ("drops",), ("duplicates", key),
        ("whatif", "quality.gopher.min_words=10"), ("overlap", "--against", str(tmp_path / "evals.jsonl"), "--ngram", "5", "--release", result.release),
        ("certify", result.release, "--sample", "2"), ("prove", key, "--out", str(tmp_path / "proof.json")),
        ("prove", "--check", str(tmp_path / "proof.json")), ("compact",), ("recheck", "--delay-s", "0", "--pages", "1"),
        ("requests", "add", "R-1", "--domain", "river.example"), ("requests", "accept", "R-1"), ("requests",), ("ask", "takedown-work"),
        ("forget", "--request", "R-1", "--apply"), ("clean", "--apply"), ("verify",),
    ):  # fmt: skip
        assert ask(*words), words
