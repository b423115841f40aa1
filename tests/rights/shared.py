"""Where the real data lies; tests that need it skip where it is absent."""

from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[3] / "shared" / "data" / "web"

needs_shared = pytest.mark.skipif(not WEB.is_dir(), reason="../shared/data is absent: the real robots files and pages")
