import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.balance import balance, check, per_stage
from pipelines.ledger.database import Database
from pipelines.store import Store
from schemas.errors import BalanceError
from schemas.item import ID
from schemas.run import Balance
from tests.ledger import made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(root=str(tmp_path_factory.mktemp("site")))


def opened(store: Store, tables: made.Tables) -> Database:
    return Database(store, [part for parts in made.publish(store, tables).values() for part in parts])


def refusal(store: Store, tables: made.Tables, roots: pa.Array | None = None) -> list[str]:
    """The lines of the refusal, without the ids."""
    with opened(store, tables) as db, pytest.raises(BalanceError) as caught:
        check(db, made.expected() if roots is None else roots)
    return [line.strip().partition(":")[0] for line in str(caught.value).splitlines()[1:]]


WHOLE = Balance(captured=8, born=7, kept=2, dropped=3, merged=1, split=6, quarantined=2, withdrawn=1)


def test_whole_run_balances(store: Store) -> None:
    with opened(store, made.tables()) as db:
        assert check(db, made.expected()) == WHOLE
        assert WHOLE.holds


def test_run_without_any_row_balances(store: Store) -> None:
    with Database(store, []) as db:
        found = check(db, pa.array([], ID))
    assert found == Balance(captured=0, born=0, kept=0, dropped=0, merged=0, split=0, quarantined=0, withdrawn=0)


def test_stages_pass_on_what_they_do_not_end(store: Store) -> None:
    with opened(store, made.tables()) as db:
        rows = per_stage(db).to_pylist()
    shown = [tuple(row.values())[1:] for row in rows]
    # stage, entered, born, dropped, merged, split, quarantined, withdrawn, passed
    assert shown == [
        ("capture", 8, 0, 0, 0, 0, 1, 0, 7),
        ("split.html", 7, 7, 1, 0, 6, 0, 0, 7),
        ("language", 7, 0, 0, 0, 0, 1, 0, 6),
        ("rights", 6, 0, 0, 0, 0, 0, 1, 5),
        ("quality.gopher", 5, 0, 1, 0, 0, 0, 0, 4),
        ("pii", 4, 0, 0, 0, 0, 0, 0, 4),
        ("dedup.text", 4, 0, 0, 1, 0, 0, 0, 3),
        ("mix", 3, 0, 1, 0, 0, 0, 0, 2),
    ]


def test_record_in_two_archives_is_counted_once(store: Store) -> None:
    rows = made.tables()
    with opened(store, rows | {"item": pa.concat_tables([rows["item"], rows["item"]])}) as db:
        assert check(db, made.expected()) == WHOLE


KEPT, SHORT, COPY, FULL = (made.child(page) for page in ("kept", "short", "copy", "full"))

MUTATIONS = {
    "an item is lost with its disposition": (
        made.changed("item", without={"item_id": made.ROOTS["torn"]})
        | {"disposition": made.changed("disposition", without={"item_id": made.ROOTS["torn"]})["disposition"]},
        ["1 captures that a lane accepted gave no root item"],
    ),
    "a root comes from nowhere": (
        made.changed("item", add=[made.item("kept") | {"item_id": b"\0" * 32}])
        | {"disposition": made.changed("disposition", add=[made.ended(b"\0" * 32, "dropped", "mix", "over_quota")])["disposition"]}
        | {"decision": made.changed("decision", add=[{"item_id": b"\0" * 32, "stage": "mix", "verdict": "drop",
                                                      "reason": "over_quota"}])["decision"]},
        ["1 root items are of no capture that a lane accepted"],
    ),
    "a disposition is lost": (
        made.changed("disposition", without={"item_id": SHORT}),
        ["1 items have no disposition", "captured 8 + born 7 is not the sum of the rest"],
    ),
    "a disposition is there twice": (
        made.changed("disposition", add=[made.ended(SHORT, "dropped", "quality.gopher", "too_few_words")]),
        ["1 items have more than one disposition"],
    ),
    "a disposition is of no item": (
        made.changed("disposition", add=[made.ended(b"\1" * 32, "kept")]),
        ["1 dispositions are of no item of their lane", "1 kept items are not placed",
         "captured 8 + born 7 is not the sum of the rest"],
    ),
    "an item has two different rows": (
        made.changed("item", add=[made.item("kept", 0) | {"bytes": 11}]),
        ["1 items are there with two different rows"],
    ),
    "a capture is lost": (
        made.changed("capture", without={"capture_id": made.CAPTURES["torn"]["capture_id"]}),
        ["1 items name a capture that is not in the ledger"],
    ),
    "the source has no card": (made.changed("source", without={"name": "river"}), ["15 items name a source that has no card"]),
    "a merge goes into a dropped item": (
        made.changed("disposition", without={"item_id": COPY}, add=[made.ended(COPY, "merged", "dedup.text", "near_duplicate", SHORT)]),
        ["1 merged items have a witness that was not kept", "1 merged items have no verified similarity to their witness"],
    ),
    "a merge goes into itself": (
        made.changed("disposition", without={"item_id": COPY}, add=[made.ended(COPY, "merged", "dedup.text", "near_duplicate", COPY)]),
        ["1 merged items name no witness, or themselves", "1 merged items have a witness that was not kept",
         "1 merged items have no verified similarity to their witness"],
    ),
    "a merge has no proof": (
        made.changed("duplicate", without={"item_id": COPY}),
        ["1 merged items have no verified similarity to their witness"],
    ),
    "a kept item is not placed": (
        made.changed("placement", without={"item_id": KEPT}),
        ["1 kept items are not placed", "1 shards hold another number of samples than placements"],
    ),
    "a dropped item is placed": (
        made.changed("placement", add=[made.ROWS["placement"][0] | {"item_id": SHORT, "ordinal": 2}]),
        ["1 placed items are not kept", "1 shards hold another number of samples than placements"],
    ),
    "an item is placed twice": (
        made.changed("placement", add=[made.ROWS["placement"][0] | {"ordinal": 2}]),
        ["1 items are placed more than once", "1 shards hold another number of samples than placements"],
    ),
    "a placement is in no shard": (made.changed("shard", without={"shard_id": made.SHARD_ID}),
                                   ["2 placements name a shard that is not in the ledger"]),
    "a child is lost without trace": (
        made.changed("item", without={"item_id": SHORT})
        | {"disposition": made.changed("disposition", without={"item_id": SHORT})["disposition"]},
        ["1 split items have no child"],
    ),
    "a parent is not split": (
        made.changed("disposition", without={"item_id": made.ROOTS["short"]},
                     add=[made.ended(made.ROOTS["short"], "dropped", "split.html", "no_text")]),
        ["1 children have a parent that is not split", "1 items ended without a decision of their stage that says so"],
    ),
    "a drop has no decision": (made.changed("decision", without={"item_id": SHORT}),
                               ["1 items ended without a decision of their stage that says so"]),
    "a drop has no reason": (
        made.changed("disposition", without={"item_id": SHORT}, add=[made.ended(SHORT, "dropped", "quality.gopher")]),
        ["1 items ended without a reason", "1 items ended without a decision of their stage that says so"],
    ),
    "a kept item was dropped by a stage": (
        made.changed("decision", add=[{"item_id": KEPT, "stage": "rights", "verdict": "drop", "reason": "meta_opt_out"}]),
        ["1 items are kept although a decision ended them"],
    ),
    "a state is unheard of": (
        made.changed("disposition", without={"item_id": FULL}, add=[made.ended(FULL, "lost", "mix", "over_quota")]),
        ["1 dispositions name a state that is none", "captured 8 + born 7 is not the sum of the rest"],
    ),
    "a dropped item names a witness": (
        made.changed("disposition", without={"item_id": FULL}, add=[made.ended(FULL, "dropped", "mix", "over_quota", KEPT)]),
        ["1 items name a witness but are not merged"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_broken_account_is_refused(store: Store, name: str) -> None:
    tables, lines = MUTATIONS[name]
    assert refusal(store, tables) == lines


def test_more_ended_at_a_stage_than_came_to_it_is_refused(store: Store) -> None:
    children = [made.item("two", n) for n in range(2, 12)]
    ends = [made.ended(row["item_id"], "dropped", "capture", "no_text") for row in children]
    said = [{"item_id": row["item_id"], "stage": "capture", "verdict": "drop", "reason": "no_text"} for row in children]
    tables = {name: made.changed(name, add=add)[name] for name, add in
              (("item", children), ("disposition", ends), ("decision", said))}  # fmt: skip
    with (
        opened(store, made.tables() | tables) as db,
        pytest.raises(BalanceError, match="web: 3 more items end at capture"),
    ):
        check(db, made.expected())


def test_witness_left_out_by_the_mix_is_allowed(store: Store) -> None:
    """The mix counts after duplicates are settled."""
    tables = made.changed("disposition", without={"item_id": COPY},
                          add=[made.ended(COPY, "merged", "dedup.text", "near_duplicate", FULL)])  # fmt: skip
    proof = made.changed("duplicate", add=[made.ROWS["duplicate"][0] | {"witness_id": FULL}])
    with opened(store, tables | {"duplicate": proof["duplicate"]}) as db:
        assert check(db, made.expected()) == WHOLE


def test_first_five_items_are_named_in_order(store: Store) -> None:
    with opened(store, made.changed("source", without={"name": "river"})) as db, pytest.raises(BalanceError) as caught:
        check(db, made.expected())
    ids = sorted(row["item_id"].hex() for row in made.ROWS["item"])[:5]
    assert str(caught.value).endswith(f"15 items name a source that has no card: {', '.join(ids)}")


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_row_of_the_account_can_be_lost(store: Store, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["item", "disposition", "placement", "duplicate", "shard"]))
    table = made.tables()[name]
    row = data.draw(st.integers(0, table.num_rows - 1))
    without = pa.concat_tables([table.slice(0, row), table.slice(row + 1)])
    assert refusal(store, made.tables() | {name: without})


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_balance_does_not_depend_on_order_or_parts(store: Store, data: st.DataObject) -> None:
    parts = []
    for name, table in made.tables().items():
        order = data.draw(st.permutations(range(table.num_rows))) if name != "op" else range(table.num_rows)
        cut = data.draw(st.integers(0, table.num_rows))
        shuffled = table.take(pa.array(list(order), pa.int64()))
        parts += [store.publish(name, shuffled.slice(0, cut)), store.publish(name, shuffled.slice(cut))]
    with Database(store, parts) as db:
        assert balance(db) == WHOLE
