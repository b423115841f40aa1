"""Recordings: fingerprints compared, buckets, election; copies join, other words do not."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.audio import (
    AUDIO_DEDUP,
    SIGNATURE,
    audio_chunks,
    audio_dedup,
    audio_signatures,
    similarity,
    verify_audio,
)
from pipelines.dedup.candidates import PAIRS, bucket_pairs, merge
from pipelines.dedup.duplicates import find_duplicates
from pipelines.dedup.signatures import RANKS
from pipelines.split.audio import AUDIO_FACTS
from schemas.digest import sha256
from schemas.errors import RecipeError, StageError
from schemas.item import ID
from tests.split.sounds import RATE, babble, encoded, resampled, steps, wav
from tests.split.test_audio import read as facts_of

SHARED = Path(__file__).parents[3] / "shared" / "data" / "audio"
LATE = np.concatenate([np.zeros(RATE * 137 // 1000), babble() / 4])
COPIES = {
    "flac": encoded(steps(babble()), "FLAC", "PCM_16"),
    "softer": wav(babble() / 10),
    "louder": wav(babble() * 1.9),
    "stereo": wav(np.stack([babble(), babble() / 2], axis=1)),
    "vorbis": encoded(babble(), "OGG", "VORBIS", compression_level=0.8),
    "opus": encoded(babble(), "OGG", "OPUS"),
    "mp3": encoded(babble(), "MP3", "MPEG_LAYER_III"),
    "telephone": encoded(resampled(babble(), 8000), "WAV", "ULAW", 8000),
    "late and soft as mp3": encoded(LATE, "MP3", "MPEG_LAYER_III"),
    "silence around": wav(np.concatenate([np.zeros(4800), babble(), np.zeros(3000)])),
}

quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)
fingerprints = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=12).map(
    # No band both gains and loses.
    lambda frames: np.array([gain & ~loss | (loss & ~gain) << 32 for gain, loss in frames], np.uint64)
)


def ids_of(names):
    return pa.array([sha256(str(name).encode()) for name in names], ID)


def ranks_of(names):
    n = len(names)
    ranks = [ids_of(names), pa.array([0] * n, pa.int8()), pa.array([0.0] * n), pa.nulls(n, RANKS.field(3).type)]
    return pa.RecordBatch.from_arrays(ranks, schema=RANKS)


def signed(facts, stage=AUDIO_DEDUP):
    """The signature table of {name: facts}; null for a recording that was not decoded."""
    rows = [None if one is None else {name: one[name] for name in AUDIO_FACTS.names if name in one} for one in facts.values()]  # fmt: skip
    items = pa.RecordBatch.from_pydict(
        {"item_id": ids_of(facts), "source": ["tests"] * len(facts), "facts": pa.array(rows, AUDIO_FACTS)}
    )
    return pa.Table.from_batches([audio_signatures(stage, items, ranks_of(list(facts)))])


def found(facts, stage=AUDIO_DEDUP):
    """{merged: (witness, method)} by name, and the similarities."""
    names = {sha256(str(name).encode()): name for name in facts}
    rows = find_duplicates(audio_dedup(stage), [signed(facts, stage)], None).duplicates.to_pylist()
    return {names[row["item_id"]]: (names[row["witness_id"]], row["method"], row["similarity"]) for row in rows}


def slow_similarity(a, b, doubt, shift):
    """As `similarity`, bit by bit."""

    def bits(words, frame, other, place):
        return {(frame + place, band) for band in range(64) if int(words[other]) >> band & 1}

    best = 0.0
    for offset in range(-shift, shift + 1):
        left = set().union(*(bits(a, i, i, 0) for i in range(len(a))))
        right = set().union(*(bits(b, i, i, offset) for i in range(len(b))))
        said = ({(frame, band % 32) for frame, band in side} for side in (left, right))
        either = len(set.union(*said)) + doubt
        best = max(best, len(left & right) / either if either else 0.0)
    return best


@quick
@given(a=fingerprints, b=fingerprints, late=st.integers(0, 4), doubt=st.integers(1, 50), shift=st.integers(0, 3))
def test_similarity_is_what_it_says(a, b, late, doubt, shift):
    b = np.concatenate([b[:late], a, b[late:]])
    found = similarity(a, b, doubt=doubt, shift=shift)
    assert found == pytest.approx(slow_similarity(a, b, doubt, shift))
    assert found == similarity(b, a, doubt=doubt, shift=shift)


@quick
@given(a=fingerprints, doubt=st.integers(0, 50))
def test_a_fingerprint_is_like_itself_but_for_the_doubt(a, doubt):
    ones = int(np.bitwise_count(a).sum())
    assert similarity(a, a, doubt=doubt, shift=2) >= (ones / (ones + doubt) if ones else 0.0)


def test_signatures_have_no_fingerprint_where_nothing_was_heard():
    silent = facts_of(wav(np.zeros(RATE)))
    table = signed({"lost": None, "silent": silent, "voice": facts_of(wav(babble()))})
    assert table.schema == SIGNATURE
    assert [one is None for one in table.column("fingerprint").to_pylist()] == [True, True, False]
    assert [one is None for one in table.column("landmarks").to_pylist()] == [True, True, False]
    assert table.column("exact_sha256").to_pylist()[:2] == [None, silent["samples_sha256"]]
    assert table.column("quality").to_pylist() == [0.0, RATE, RATE]


def test_a_signature_depends_on_its_own_item_only():
    facts = {seed: facts_of(wav(babble(0.3, seed))) for seed in range(3)}
    alone = [signed({seed: one}) for seed, one in facts.items()]
    assert pa.concat_tables(alone).combine_chunks() == signed(facts).combine_chunks()


def test_ranks_of_other_items_are_refused():
    items = pa.RecordBatch.from_pydict(
        {"item_id": ids_of("ab"), "source": ["s"] * 2, "facts": pa.nulls(2, AUDIO_FACTS)}
    )
    with pytest.raises(StageError, match="join them by item_id, in order"):
        audio_signatures(AUDIO_DEDUP, items, ranks_of("ba"))


@pytest.mark.parametrize(("name", "value"), [("threshold", 0.3), ("doubtful_bits", -1), ("hot_bucket_cap", 1)])
def test_a_setting_out_of_bounds_is_refused(name, value):
    stage = AUDIO_DEDUP.override({name: value}, where="a test")
    with pytest.raises(RecipeError, match=f"stage dedup.audio, {name} = {value}: must lie between"):
        signed({}, stage)


@pytest.mark.parametrize("partitions", [1, 3, 16])
def test_pairs_do_not_depend_on_partitions(partitions):
    table = signed({name: facts_of(data) for name, data in COPIES.items()} | {"lost": None})
    chunks = {}
    for key, chunk in audio_chunks(AUDIO_DEDUP, table, 0, partitions):
        assert 0 <= key < partitions
        chunks.setdefault(key, []).append(chunk)
    assert sum(len(chunk) for part in chunks.values() for chunk in part) == sum(
        len(one or b"") // 4 for one in table.column("landmarks").to_pylist()
    )
    pairs = merge(bucket_pairs(part) for part in chunks.values()).pairs
    assert len(pairs) == len(COPIES) * (len(COPIES) - 1) // 2


def test_verification_survives_a_pair_without_fingerprints():
    table = signed({"lost": None, "voice": facts_of(wav(babble()))})
    pairs = pa.RecordBatch.from_arrays([pa.array([0], pa.uint64()), pa.array([1], pa.uint64())], schema=PAIRS)
    assert len(verify_audio(AUDIO_DEDUP, pairs, table, None)) == 0
    assert len(verify_audio(AUDIO_DEDUP, pairs.slice(1), table, None)) == 0


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_joins_the_recording_and_no_other_does(copy):
    others = {seed: facts_of(wav(babble(seed=seed))) for seed in range(1, 4)}
    merged = found({"voice": facts_of(wav(steps(babble()))), copy: facts_of(COPIES[copy])} | others)
    (pair,) = merged.items()
    assert {pair[0], pair[1][0]} == {"voice", copy}
    assert pair[1][1] == ("exact" if copy == "flac" else "fingerprint")
    assert pair[1][2] >= 0.7


def test_of_copies_the_one_of_the_highest_rate_stays():
    facts = {rate: facts_of(wav(resampled(babble(), rate), rate=rate)) for rate in (8_000, 44_100, 22_050)}
    assert {merged: witness for merged, (witness, _, _) in found(facts).items()} == {8_000: 44_100, 22_050: 44_100}


def test_a_part_of_a_recording_is_no_copy_of_it():
    facts = {seconds: facts_of(wav(babble(6)[: RATE * seconds])) for seconds in (3, 6)}
    assert found(facts) == {}


# Real recordings


@pytest.fixture(scope="module")
def shared():
    """{file: facts} of every recording of the shared corpora."""
    if not SHARED.exists():
        pytest.skip("shared/data/audio is not beside the checkout")
    facts = {}
    for name in ("asterisk_en.tar.gz", "fsdd.tar.gz", "ljspeech.tar", "stamps_sounds.tar"):
        with tarfile.open(SHARED / name) as tar:
            for member in tar:
                if member.name.endswith((".wav", ".flac", ".ogg")):
                    facts[member.name] = facts_of(tar.extractfile(member).read())
    return facts


def test_of_the_shared_recordings_only_equal_ones_join(shared):
    heard = {name: facts for name, facts in shared.items() if facts["silence_ratio"] < 1}
    merged = found(heard)
    near = {frozenset((name, witness)) for name, (witness, method, _) in merged.items() if method == "fingerprint"}
    # One recording at two loudnesses: their samples correlate by 0.88.
    goats = frozenset(f"animals__mammals__bovines__{goat}.ogg" for goat in ("goat", "mountaingoat"))
    assert near == {goats}
    exact = {name: witness for name, (witness, method, _) in merged.items() if method == "exact"}
    assert all(heard[name]["samples_sha256"] == heard[witness]["samples_sha256"] for name, witness in exact.items())
    assert sum(name.startswith("LJ") for name in exact) == 7
    assert (len(heard), len(exact)) == (962, 23)


def test_copies_of_the_shared_recordings_join(shared):
    """Of prompts of at least a second, as Opus and then as telephone sound, late and soft."""
    names = [name for name in shared if "/" not in name and name.startswith("vm-") and shared[name]["duration_s"] >= 1]
    with tarfile.open(SHARED / "asterisk_en.tar.gz") as tar:
        sounds = {name: soundfile.read(io.BytesIO(tar.extractfile(name).read()))[0] for name in names}
    late = np.zeros(8_000 * 211 // 1000)
    copies = {
        f"copy of {name}": facts_of(encoded(np.concatenate([late, sound / 3]), "OGG", "OPUS", 8_000))
        for name, sound in sounds.items()
    }
    merged = found({name: shared[name] for name in names} | copies)
    assert len(names) > 20
    assert {frozenset((name, witness)) for name, (witness, _, _) in merged.items()} == {
        frozenset((name, f"copy of {name}")) for name in names
    }
