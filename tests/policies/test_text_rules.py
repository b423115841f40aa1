"""docs/text-rules.md says every rule for texts as the code has it, and every judge of rules can be turned on and off."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lanes.books import BOOKS
from pipelines.lanes.web import WEB
from pipelines.measures.lines import KINDS
from pipelines.policies.gopher import SPACED
from pipelines.recipe import dump, loads
from pipelines.stage import Rule
from schemas.decision import Verdict
from tests.conftest import recipe_over
from tests.measures.items import items_of

PAGE = Path(__file__).parents[2] / "docs" / "text-rules.md"
# Of texts by counting; what models say has pages of its own.
JUDGES = [
    stage
    for lane in (WEB, BOOKS)
    for stage in lane.judges
    if stage.name.startswith("quality.") and not stage.name.endswith(".classifier")
]


def row(stage, rule: Rule) -> str:
    """A rule as the page shows it."""
    bound = f"≥ {rule.at_least:g}" if rule.at_least is not None else f"≤ {rule.at_most:g}"
    if not rule.languages or rule.languages == SPACED:
        languages = "with spaces" if rule.languages else "all"
    else:
        languages = ", ".join(rule.languages) if len(rule.languages) < 4 else f"{len(rule.languages)} languages"
    on = "on" if stage.settings["on"] else "off"
    return f"| `{stage.name}` ({on}) | `{rule.name}` | `{rule.signal}` {bound} | {languages} | `{rule.reason.value}` | {rule.source} |"


def test_the_page_has_every_rule_with_its_number_and_source_and_no_other():
    shown = [line for line in PAGE.read_text("utf-8").split("\n") if re.match(r"\| `quality\.", line)]
    assert shown == [row(stage, rule) for stage in JUDGES for rule in stage.rules]


def test_the_page_names_every_kind_of_line():
    shown = re.findall(r"^\| `([a-z_0-9]+)` \|", PAGE.read_text("utf-8").partition("## Lines")[2], re.MULTILINE)
    assert tuple(shown) == KINDS


@pytest.mark.parametrize("name", ["quality.fineweb", "quality.madlad", "quality.refinedweb"])
def test_a_family_that_is_off_is_turned_on_by_one_key(tmp_path, name):
    recipe = recipe_over(tmp_path, f'[stage."{name}"]\non = true')
    stages = {stage.name: stage for stage in recipe.lanes[0].judges}
    assert stages[name].settings["on"] is True
    assert next(stage for stage in WEB.judges if stage.name == name).settings["on"] is False
    assert loads(dump(recipe), base=tmp_path).digest == recipe.digest != recipe_over(tmp_path).digest


@given(st.lists(st.none() | st.floats(-1, 2), max_size=5), st.sampled_from(JUDGES))
def test_a_judge_drops_exactly_what_its_stored_signals_say_and_nothing_when_off(values, stage):
    items = items_of(["a"] * len(values))
    items = items.set_column(
        items.schema.get_field_index("language"), "language", pa.array(["en"] * len(values), pa.string())
    )
    signals = pa.RecordBatch.from_pydict({rule.signal: pa.array(values, pa.float64()) for rule in stage.rules})
    verdicts = {}
    for on in (True, False):
        judge = stage.override({"on": on}, where="test")
        verdicts[on] = [
            verdict == Verdict.DROP for verdict in judge.fn(judge, items, signals).column("verdict").to_pylist()
        ]
    asked = [rule for rule in stage.rules if not rule.languages or "en" in rule.languages]
    assert verdicts[True] == [value is not None and any(not met(rule, value) for rule in asked) for value in values]
    assert verdicts[False] == [False] * len(values)


def met(rule, value):
    return value >= rule.at_least if rule.at_least is not None else value <= rule.at_most
