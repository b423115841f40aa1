import re

import pytest

from pipelines.models.frames import PARTS, make, part_of, table


@pytest.mark.parametrize("name", ["spam", "hate"])
def test_every_slot_has_words_and_no_word_or_frame_is_there_twice(name):
    given = table(name)
    used = {slot for one in given["set"] for frame in one["frames"] for slot in re.findall(r"\{(\w+)\}", frame)}
    assert used - {"hate"} <= given["words"].keys()
    for values in (*given["words"].values(), *(one["frames"] for one in given["set"])):
        assert sorted(values) == sorted(set(values))


@pytest.mark.parametrize("name", ["spam", "hate"])
def test_parts_share_no_frame_and_no_word_and_leave_none_out(name):
    for values in (*table(name)["words"].values(), *(one["frames"] for one in table(name)["set"])):
        found = [part_of(values, (part,)) for part in dict.fromkeys(PARTS)]
        assert sorted(value for part in found for value in part) == sorted(values)
        assert all(found), values


def test_the_same_seed_makes_the_same_texts_and_parts_make_others():
    first = make("hate", ("test",), each=3)
    assert first == make("hate", ("test",), each=3)
    assert not {one.text for one in first} & {one.text for one in make("hate", ("train",), each=3)}


def test_counter_speech_quotes_hate_and_is_clean():
    counter = [one for one in make("hate", ("train",), each=20) if one.topic == "clean counter"]
    assert {one.labels for one in counter} == {("clean",)}
    assert not [one.text for one in counter if "{" in one.text]
