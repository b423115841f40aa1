"""Documents: their layouts id by id, their lengths as the plan believes them, and rows as tensors."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.plan import Plan
from schemas.training import TOKEN_INDEX, Kind
from training.config import Config, ModelConfig, TokensConfig
from training.documents import MEASURING, TRAINING, assemble, documents
from training.loader import TASKS, Feed
from training.tokens import Tokens
from training.vocabulary import Special

CONFIG = Config(
    tokens=TokensConfig(pixels=8, patch=4, sound_codes=6, pair_text=5), model=ModelConfig(row_tokens=24, width=64)
)


def store(*items):
    """A token store of (modality, text ids, given ids, is_whole)."""
    rows, ids = [], []
    for n, (modality, text, about, is_whole) in enumerate(items):
        rows.append({
            "item_id": n.to_bytes(32, "big"), "lane": "web", "split": "train", "source": "s", "license": None,
            "content_sha256": n.to_bytes(32, "little"), "modality": modality, "text_start": len(ids),
            "text_length": len(text), "given_start": len(ids) + len(text), "given_length": len(about),
            "is_whole": is_whole, "problem": None,
        })  # fmt: skip
        ids += [*text, *about]
    index = pa.Table.from_pylist(rows, TOKEN_INDEX)
    return Tokens(ids=np.array(ids, "<u2"), index=index, release_root=bytes(32), vocabulary=bytes(32))


def made(tokens, config=CONFIG, weights=TRAINING):
    """Every document of a store: (its row, itself)."""
    rows = documents(tokens.index, config).to_pylist()
    items = {row["item_id"]: row for row in tokens.index.to_pylist()}
    how = {"hidden": 0.5, "weights": weights, "seed": 3, "epoch": 0}
    return [(row, assemble(row, items[row["item_id"]], tokens.ids, place=n, **how)) for n, row in enumerate(rows)]


def laid(tokens, weights=TRAINING):
    return [
        (row["kind"], document.ids.tolist(), document.weights.round(2).tolist())
        for row, document in made(tokens, weights=weights)
    ]


def test_a_text_is_predicted_from_its_first_token_to_its_end():
    assert laid(store(("text", [70, 71], [], True))) == [("text", [Special.BOS, 70, 71, Special.EOS], [0, 1, 1, 1])]


def test_an_image_gives_a_caption_a_repair_and_a_pair():
    (caption, repair, pair) = laid(store(("image", [70, 71], [900, 901, 902, 903], True)))
    given = [900, 901, 902, 903]
    ids = [Special.BOS, Special.IMAGE, *given, Special.END_IMAGE, 70, 71, Special.EOS]
    assert caption == ("caption", ids, pytest.approx([0, 0, 0.1, 0.1, 0.1, 0.1, 0, 1, 1, 1]))
    assert pair[1] == [
        Special.BOS,
        Special.IMAGE,
        *given,
        Special.END_IMAGE,
        Special.EMBED,
        Special.BOS,
        70,
        71,
        Special.EMBED,
    ]
    assert set(pair[2]) == {0}
    kind, ids, weights = repair
    holed, missing = ids[2:6], ids[7:9]
    assert (kind, ids[:2], ids[6], ids[9:]) == (
        "repair",
        [Special.BOS, Special.IMAGE],
        Special.REPAIR,
        [Special.END_IMAGE, Special.EOS],
    )
    assert holed.count(Special.HIDDEN) == 2
    assert [one for one, hole in zip(given, holed, strict=True) if hole == Special.HIDDEN] == missing
    assert weights == [0] * 7 + [0.5, 0.5, 0, 0]


def test_to_measure_only_what_is_asked_counts():
    caption, repair, _ = laid(store(("image", [70], [900, 901, 902, 903], True)), MEASURING)
    assert caption[2] == [0] * 7 + [1, 1]
    assert repair[2] == [0] * 7 + [1, 1, 0, 0]


def test_a_sound_that_was_cut_is_repaired_but_its_text_is_not_asked_of_it():
    kinds = [row["kind"] for row, _ in made(store(("audio", [70, 71], [900] * 6, False)))]
    assert kinds == ["repair", "text"]
    kinds = [row["kind"] for row, _ in made(store(("audio", [70, 71], [900] * 6, True)))]
    assert kinds == ["transcribe", "repair"]


def test_an_answer_counts_and_its_question_does_not():
    ((kind, ids, weights),) = laid(store(("question", [70, 71], [80, 81, 82], True)))
    assert (kind, ids) == ("answer", [Special.BOS, Special.USER, 80, 81, 82, Special.ASSISTANT, 70, 71, Special.EOS])
    assert weights == [0] * 6 + [1, 1, 1]


@given(
    st.lists(
        st.tuples(st.sampled_from(["text", "image", "audio"]), st.integers(1, 80), st.integers(1, 6), st.booleans()),
        min_size=1,
        max_size=6,
    )
)
def test_documents_are_as_long_as_they_say_fit_a_row_and_hold_every_text_token_once(drawn):
    items = [
        (kind, list(range(100, 100 + text)), [] if kind == "text" else [900] * (4 if kind == "image" else codes), whole or kind != "audio")
        for kind, text, codes, whole in drawn
    ]  # fmt: skip
    held = {n: [] for n in range(len(items))}
    for row, document in made(store(*items)):
        assert document.weights[0] == document.weights[document.second :][:1].sum() == 0
        assert len(document.ids) == len(document.weights) == row["length"] <= CONFIG.model.row_tokens
        if row["kind"] not in (Kind.REPAIR, Kind.PAIR):
            held[int.from_bytes(row["item_id"], "big")] += document.ids[document.weights == 1].tolist()
    assert held == {n: [*text, Special.EOS] for n, (_, text, _, _) in enumerate(items)}


def test_a_kind_without_weight_in_the_mix_is_never_fed_and_an_item_with_a_problem_gives_nothing():
    config = dataclasses.replace(CONFIG, mix=dataclasses.replace(CONFIG.mix, repair=0.0, caption=3.0))
    tokens = store(("image", [70], [900] * 4, True), ("text", [71], [], True))
    rows = documents(tokens.index, config).to_pylist()
    assert [(row["kind"], row["copies"]) for row in rows] == [("caption", 3), ("repair", 0), ("pair", 3), ("text", 1)]
    flawed = tokens.index.set_column(12, TOKEN_INDEX.field("problem"), pa.array(["bad", None], pa.string()))
    assert [row["kind"] for row in documents(flawed, config).to_pylist()] == ["text"]


def test_a_batch_predicts_within_documents_only_and_names_places_that_do():
    tokens = store(
        *[("text", list(range(70 + n, 75 + n)), [], True) for n in range(5)], ("image", [99], [900] * 4, True)
    )
    docs = documents(tokens.index, CONFIG)
    feed = Feed.of(tokens, docs, Plan.of(docs, seed=1, row_tokens=24), hidden=0.5)
    batch = feed.batch([*range(feed.plan.rows), -1])
    ids, parts, positions = (getattr(batch, name).flatten() for name in ("ids", "parts", "positions"))
    assert batch.ids[-1].eq(Special.PAD).all()
    assert batch.parts[-1].eq(0).all()
    assert batch.targets.equal(ids[batch.at + 1])
    assert parts[batch.at].equal(parts[batch.at + 1])
    assert positions[batch.at + 1].equal(positions[batch.at] + 1)
    assert batch.weights.gt(0).all()
    assert ids[batch.image_at].eq(Special.EMBED).all()
    assert ids[batch.text_at].eq(Special.EMBED).all()
    assert (parts[batch.image_at] != parts[batch.text_at]).all()
    counted = {TASKS[n]: float(batch.weights[batch.tasks == n].sum()) for n in batch.tasks.unique()}
    # 5 texts of 5 ids and an end; a caption, twice: 4 codes at 0.1, one id and the end; 2 missing codes at 0.5.
    assert counted == pytest.approx({"text": 30, "image.caption": 4.8, "image.repair": 1.0})


def test_repairs_hide_other_codes_in_another_epoch():
    tokens = store(("audio", [70], [900, 901, 902, 903, 904, 905], True))
    (row,) = [row for row in documents(tokens.index, CONFIG).to_pylist() if row["kind"] == "repair"]
    item = tokens.index.to_pylist()[0]
    how = {"hidden": 0.5, "weights": TRAINING, "seed": 3, "place": 0}
    holes = {assemble(row, item, tokens.ids, epoch=epoch, **how).ids.tobytes() for epoch in range(8)}
    assert len(holes) > 3
