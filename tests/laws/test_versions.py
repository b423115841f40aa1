"""No stage changes its source unnoticed: `versions.json` pins each one's version and the source that stands behind it.

After a change: raise the stage's `version` where its output changed, then write the pins anew with
`python -m tests.laws.test_versions`.
"""

import ast
import importlib.util
import json
from pathlib import Path

from pipelines.lanes import LANES
from schemas.digest import digest

PINS = Path(__file__).with_name("versions.json")
COMMAND = "python -m tests.laws.test_versions"


def source_of(module: str) -> str:
    """The text of a module, which is not run."""
    spec = importlib.util.find_spec(module)
    assert spec, module
    assert spec.origin, module
    return Path(spec.origin).read_text("utf-8")


def imports(text: str, rooms: tuple[str, ...]) -> set[str]:
    """The modules of these packages that a source imports, at its top or within a function."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    known = {name for name in found if name.rpartition(".")[0] in rooms}
    return {name for name in known if importlib.util.find_spec(name)}


def sources(module: str) -> dict[str, str]:
    """Module -> source: this one, and what it imports of its own room, the kernels, the models and the edits, to the end."""
    rooms = (module.rpartition(".")[0], "pipelines.kernels", "pipelines.models", "pipelines.edits")
    found: dict[str, str] = {}
    left = [module]
    while left:
        name = left.pop()
        if name not in found:
            found[name] = source_of(name)
            left += imports(found[name], rooms)
    return found


def pins() -> dict[str, dict[str, object]]:
    """Stage name -> its version and the digest of its sources, for every stage of every lane."""
    stages = {stage.name: stage for lane in LANES for stage in lane.stages}
    return {
        name: {"version": stage.version, "source": digest("source", sources(stage.fn.__module__)).hex()}
        for name, stage in sorted(stages.items())
    }


def changes(pinned: dict[str, dict[str, object]], now: dict[str, dict[str, object]]) -> list[str]:
    """One sentence a stage that is not as it was pinned, with the cure."""
    found = []
    for name in sorted(pinned.keys() | now.keys()):
        then, today = pinned.get(name), now.get(name)
        if then is None or today is None:
            found.append(f"{name} is {'new' if then is None else 'gone'}: run `{COMMAND}`")
        elif then["version"] != today["version"]:
            found.append(f"{name} went from version {then['version']} to {today['version']}: run `{COMMAND}`")
        elif then != today:
            found.append(
                f"{name}: its source changed, but it is still version {today['version']}: raise the version if any output "
                f"changes, then run `{COMMAND}`"
            )
    return found


def test_every_stage_is_as_it_was_pinned():
    assert changes(json.loads(PINS.read_text("utf-8")), pins()) == []


def test_a_change_of_source_alone_is_told_with_its_cure():
    now = {
        "a": {"version": 1, "source": "00"},
        "b": {"version": 2, "source": "00"},
        "c": {"version": 1, "source": "00"},
    }
    then = {"a": {"version": 1, "source": "11"}, "b": {"version": 1, "source": "11"}, "d": {"version": 1, "source": ""}}
    assert changes(now, now) == []
    assert changes(then, now) == [
        f"a: its source changed, but it is still version 1: raise the version if any output changes, then run `{COMMAND}`",
        f"b went from version 1 to 2: run `{COMMAND}`",
        f"c is new: run `{COMMAND}`",
        f"d is gone: run `{COMMAND}`",
    ]


def test_the_pin_of_a_stage_covers_its_helpers():
    assert {"pipelines.dedup.text", "pipelines.dedup.verify", "pipelines.kernels.minhash"} <= sources(
        "pipelines.dedup.text"
    ).keys()


if __name__ == "__main__":
    PINS.write_text(json.dumps(pins(), indent=2) + "\n", "utf-8")
