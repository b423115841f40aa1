"""Model files that a user brings: the recipe holds the digest of each, the site its path, so that what a corpus is names no machine."""

import hashlib
from functools import cache
from pathlib import Path

from pipelines.stage import Stage
from schemas.errors import ModelMissing


def model_file(stage: Stage, setting: str) -> Path | None:
    """The file whose sha256 a setting of the stage (a switch or a companion) holds, at the path the site gives; null where that is empty.

    Raises:
        ModelMissing: the site names no path, or the file is missing or another one.
    """
    wanted = str(stage.settings[setting])
    if not wanted:
        return None
    name, paths = dict(stage.switches + stage.companions)[setting], dict(stage.paths)
    if name not in paths:
        raise ModelMissing(
            f"stage {stage.name}: the recipe asks for {setting} {wanted[:12]}; give its path as `{name}` under [models] in site.toml"
        )
    if (found := _sha256(Path(paths[name]))) != wanted.lower():
        raise ModelMissing(
            f"stage {stage.name}: {paths[name]} has sha256 {found}, but the recipe's {setting} is {wanted}"
        )
    return Path(paths[name])


@cache
def _sha256(path: Path) -> str:
    """Once a process: a checkpoint of 600 MB takes half a second."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelMissing(f"model file {path} cannot be read: {error.strerror}") from error
