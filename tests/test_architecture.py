"""Imports point one way: schemas <- pipelines <- pipelines.beam <- the command line; heavy packages have one home each."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(p for top in ("schemas", "pipelines", "training", "dagster_project") for p in (ROOT / top).rglob("*.py"))
HOMES = {
    "apache_beam": ("pipelines/beam/",),
    "dagster": ("dagster_project/",),
    "torch": ("training/", "pipelines/models/"),
    "starlette": ("pipelines/lookup/",),
    "uvicorn": ("pipelines/lookup/", "dagster_project/"),
    "open_clip": ("training/", "pipelines/models/"),
}
# What a package of ours may import of ours.
MAY = {
    "schemas": {"schemas"},
    "pipelines": {"schemas", "pipelines"},
    "training": {"schemas", "training", "pipelines"},
    "dagster_project": {"schemas", "pipelines", "training", "dagster_project"},
}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_what_its_room_may(path):
    name = path.relative_to(ROOT).as_posix()
    for module in imported(path):
        top = module.split(".")[0]
        if top in MAY or top == "tests":
            assert top in MAY[name.split("/")[0]], f"{name} imports {module}"
        if top in HOMES:
            assert name.startswith(HOMES[top]), f"{name} imports {module}"


def test_only_the_runner_and_the_groups_know_that_there_is_beam():
    users = {
        path.relative_to(ROOT).as_posix()
        for path in FILES
        if any(module.startswith("pipelines.beam") for module in imported(path))
    }
    assert {name for name in users if not name.startswith("pipelines/beam/")} == {
        "pipelines/runner.py",
        "pipelines/group.py",
        "pipelines/spans.py",
    }


def test_no_path_of_one_machine_is_in_the_code():
    marker = "/wo" + "rk/"
    assert [str(p) for p in FILES if marker in p.read_text("utf-8")] == []
