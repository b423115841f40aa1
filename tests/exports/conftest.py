import re
from pathlib import Path

import pytest

from pipelines.audit.open import Ledger
from pipelines.exports.facts import facts
from pipelines.exports.said import words

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs/exports.md").read_text("utf-8")
(WORDS,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="session")
def released(demo):
    """(ledger, name of the release, its folder) of the demo."""
    _, site, result = demo
    return Ledger.open(site.store), result.release, site.store.local(result.release_path)


@pytest.fixture(scope="session")
def known(released):
    ledger, name, _ = released
    return facts(ledger, name)


@pytest.fixture(scope="session")
def said(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "eu-summary.toml"
    path.write_text(WORDS)
    return words(path)
