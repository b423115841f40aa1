"""The start-up check that our packages are ours: another distribution with a `schemas` or `training` would shadow them."""

from importlib import import_module
from pathlib import Path

from schemas.errors import InputError

OURS = ("schemas", "pipelines", "training", "dagster_project")


class Shadowed(InputError):
    """A top-level package of ours was imported from elsewhere."""


def check_packages() -> None:
    """Nothing, if our top-level packages all come from one place.

    Raises:
        Shadowed: another distribution provides one of them.
    """
    home = Path(__file__).resolve().parent.parent
    for name in OURS:
        file = import_module(name).__file__
        found = Path(file).resolve().parent.parent if file else None
        if found != home:
            raise Shadowed(
                f"package {name} comes from {found}, not from {home}: another distribution shadows it; "
                "`pip list` shows which, and a fresh virtual environment is the cure"
            )
