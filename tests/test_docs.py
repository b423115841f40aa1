"""What the documentation says exists, and what exists is documented."""

import re
from pathlib import Path

import pytest

from pipelines.audit.questions import QUESTIONS
from pipelines.cli import VERBS, parser
from pipelines.recipe import Crawl, Shards
from schemas.capture import Outcome
from schemas.reasons import Reason

ROOT = Path(__file__).resolve().parent.parent
DOCS = {path.name: path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]}


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_documented_in_the_words_of_the_code(reason):
    assert f"| `{reason.value}` | {reason.explanation} |" in DOCS["reasons.md"]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_documented_in_the_words_of_the_code(outcome):
    assert f"| `{outcome.value}` | {outcome.explanation} |" in DOCS["reasons.md"]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_is_documented_and_its_example_parses(verb):
    assert any(f"headwater {verb.name}" in text for text in DOCS.values())
    import shlex

    words = shlex.split(verb.example)
    assert words[0] == "headwater"
    assert parser().parse_args(words[1:]).verb == verb.name


@pytest.mark.parametrize("setting", [*Crawl.__dataclass_fields__, *Shards.__dataclass_fields__])
def test_every_setting_of_a_recipe_is_documented(setting):
    assert f"`{setting}`" in DOCS["recipe.md"]


def test_every_command_in_the_docs_is_a_verb():
    shown = {word for text in DOCS.values() for word in re.findall(r"`headwater ([a-z]+)", text)}
    assert shown <= {verb.name for verb in VERBS}


def test_every_path_of_the_tree_in_the_readme_exists():
    rows = [line.split("|")[1] for line in DOCS["README.md"].split("\n") if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`([^`]+)`", row) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.name)
def test_every_question_is_documented_in_the_words_of_the_code(question):
    assert f"| `{question.name}` | {' '.join(question.takes)} | {question.asks} |" in DOCS["ledger.md"]
