"""A lane that loses items takes others with it where a mix holds lanes in proportion."""

import pyarrow as pa

from pipelines.late.replay import _left_out, _taken_in
from pipelines.mix import decide
from pipelines.mix.balance import STAGE
from schemas.decision import DECISION, DISPOSITION
from schemas.digest import sha256

IDS = sorted(sha256(bytes([n])) for n in range(6))
ROWS = [
    {"item_id": i, "lane": "web", "state": "kept", "stage": None, "reason": None, "successor_id": None} for i in IDS
]


def test_what_balance_and_mix_leave_out_comes_back_before_another_mix():
    table = pa.Table.from_pylist(ROWS, schema=DISPOSITION)
    ids = table.column("item_id").combine_chunks()
    over = decide(ids, 4, 0)
    one = decide(ids.slice(0, 1), 0, 0).set_column(1, DECISION.field("stage"), pa.array([STAGE]))
    extra = pa.concat_tables([one, over.filter(pa.compute.not_equal(over["item_id"], ids[0]))])
    out = _left_out(table, extra)
    ended = {row["item_id"]: (row["state"], row["stage"], row["reason"]) for row in out.to_pylist()}
    stages = dict(zip(extra["item_id"].to_pylist(), extra["stage"].to_pylist(), strict=True))
    assert len(stages) > 1
    assert ended == {i: ("dropped", stages[i], "over_quota") if i in stages else ("kept", None, None) for i in IDS}
    assert _taken_in(out) == table
