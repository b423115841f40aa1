"""Words that all answers of the audit share."""

from typing import Any

UNKNOWN = "unknown"  # nothing was recorded: never an empty list

Row = dict[str, Any]
