"""A small ledger made by hand, with one kept page; fresh for every test that writes to it."""

import pytest

from pipelines.ledger.ledger import commit_run
from pipelines.store import Store
from tests.ledger import made


@pytest.fixture
def store(tmp_path) -> Store:
    found = Store(root=str(tmp_path / "site"))
    commit_run(found, made.run_row("made-0"), made.publish(found, made.tables()), made.expected())
    return found
