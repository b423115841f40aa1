"""JSON files of a run folder."""

import json
from pathlib import Path
from typing import Any

from pipelines.shard.files import write_file


def write_json(path: Path, value: Any) -> None:
    """Write indented, key-sorted JSON, whole or not at all. Floats are the shortest that read back as the same bits."""
    write_file(path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False).encode() + b"\n")
