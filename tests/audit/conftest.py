import pytest

from pipelines.audit.open import Ledger
from pipelines.ledger.ledger import commit_run
from pipelines.store import Store
from tests.ledger import made


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with two runs: the second does not know the page `short` any more. Tests read it only."""
    found = Store(root=str(tmp_path_factory.mktemp("site")))
    commit_run(found, made.run_row("made-0"), made.publish(found, made.tables()), made.expected())
    tables, roots = made.without_page("short")
    commit_run(found, made.run_row("made-1"), made.publish(found, tables), roots)
    return found


@pytest.fixture(scope="session")
def ledger(store: Store) -> Ledger:
    """The ledger as of the first run, which knows every page."""
    return Ledger.open(store, commit=0)
