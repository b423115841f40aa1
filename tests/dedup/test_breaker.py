import pyarrow as pa
import pytest

from pipelines.dedup.breaker import AT_LEAST, Loss, check_losses, losses
from pipelines.dedup.text import TEXT_DEDUP
from schemas.decision import DUPLICATE
from schemas.digest import sha256
from schemas.errors import TooManyRemoved
from schemas.item import ID


def idents(names):
    return pa.array([sha256(str(name).encode()) for name in names], ID)


def items(rows):
    """Of (name, source, uri)."""
    names, sources, uris = zip(*rows, strict=True)
    return pa.table({"item_id": idents(names), "source": list(sources), "uri": pa.array(uris, pa.string())})


def merged(pairs):
    """Of {item: witness}."""
    n = len(pairs)
    columns = [idents(pairs), idents(pairs.values()), ["exact"] * n, [1.0] * n, idents(pairs.values())]
    return pa.table(columns, schema=DUPLICATE)


def test_a_source_of_sixty_percent_boilerplate_fails_the_run_by_name_and_one_of_copies_elsewhere_does_not():
    rows = [(f"{source}{n}", source, f"{source}/{n}") for source in ("good", "bad") for n in range(50)]
    found = losses(
        items(rows), merged({f"bad{n}": "bad0" for n in range(1, 30)} | {f"good{n}": "bad0" for n in range(20)})
    )
    assert found == {"bad": Loss(removed=29, total=50), "good": Loss(removed=20, total=50)}
    with pytest.raises(
        TooManyRemoved,
        match=r"dedup\.text: 29 of 50 items of source bad are .* 0\.58; max_removed_share is 0\.5\b.*\[stage\.\"dedup\.text\"\]",
    ):
        check_losses(TEXT_DEDUP, found)
    check_losses(TEXT_DEDUP.override({"max_removed_share": 0.6}, where="a recipe"), found)


def test_a_source_may_lose_exactly_its_share_and_a_small_one_all_but_one():
    check_losses(TEXT_DEDUP, {"half": Loss(removed=50, total=100), "small": Loss(removed=AT_LEAST - 1, total=AT_LEAST)})
    with pytest.raises(TooManyRemoved, match="10 of 11 items of source large"):
        check_losses(TEXT_DEDUP, {"large": Loss(removed=AT_LEAST, total=AT_LEAST + 1)})


def test_captures_of_the_same_uri_again_are_no_loss():
    rows = [(f"{n} in {round_}", "nightly", f"site/{n}") for n in range(20) for round_ in range(7)]
    again = merged({f"{n} in {round_}": f"{n} in 0" for n in range(20) for round_ in range(1, 7)})
    assert losses(items(rows), again) == {"nightly": Loss(removed=0, total=20)}


def test_an_item_without_uri_is_lost_when_it_merges():
    found = losses(items([("a", "s", None), ("b", "s", None)]), merged({"a": "b"}))
    assert found == {"s": Loss(removed=1, total=2)}
    assert found["s"].share == 0.5
