"""What stands around the main text: what is cut, and what must not be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.split.furniture import main_lines

PROSE = "Bees tell each other where the flowers are by dancing on the comb, and how far it is by how long they dance."
OTHER = (
    "The angle of the dance against the vertical is the angle of the flight against the sun, as von Frisch found out."
)


@pytest.mark.parametrize(
    "line",
    [
        "Related posts", "Share this:", "Ähnliche Beiträge", "Articles similaires", "Artículos relacionados", "3 Kommentare",
        "© 2019 The Bee House", "Tags: bees, dance", "Dieser Beitrag wurde unter Bienen abgelegt.", "All rights reserved.",
        "Unless otherwise stated, the content of this page is licensed under CC BY-SA 3.0", "相關文章", ", , ,",
    ],
)  # fmt: skip
def test_furniture_after_the_text_is_cut(line):
    assert main_lines(f"{PROSE}\n\n{OTHER}\n\n{line}", "") == f"{PROSE}\n\n{OTHER}"


@pytest.mark.parametrize(
    "line", ["Tags: bees, dance", "© 2019 The Bee House", "Related posts", "Share", "Comments"],
)  # fmt: skip
def test_the_same_line_within_the_text_stays(line):
    text = f"{PROSE}\n{line}\n{OTHER}\n{PROSE}\n{OTHER}"
    assert main_lines(text, "") == text


def test_a_block_goes_with_its_heading_and_one_paragraph_of_it():
    text = f"{PROSE}\n{OTHER}\n{PROSE}\nAbout the author\n{OTHER}\nRelated posts\nHow ants walk\nHow wasps build"
    assert main_lines(text, "") == f"{PROSE}\n{OTHER}\n{PROSE}"


def test_a_heading_before_several_paragraphs_is_a_heading_of_the_text():
    text = f"{PROSE}\n{OTHER}\nMore about the dance\n{PROSE}\n{OTHER}"
    assert main_lines(text, "") == text


def test_what_stands_before_the_headline_is_cut():
    text = f"The Bee House\nHoney and more\nHow bees dance\n{PROSE}\n{OTHER}"
    assert main_lines(text, "How bees dance – The Bee House") == f"How bees dance\n{PROSE}\n{OTHER}"


@pytest.mark.parametrize("title", ["", "Another title", "Bees"])
def test_without_a_headline_the_beginning_stays(title):
    text = f"The Bee House\nHow bees dance\n{PROSE}\n{OTHER}"
    assert main_lines(text, title) == text


def test_a_paragraph_before_the_headline_stays():
    text = f"{PROSE}\nHow bees dance\n{OTHER}\n{PROSE}\n{OTHER}\n{PROSE}\n{OTHER}"
    assert main_lines(text, "How bees dance") == text


@pytest.mark.parametrize(
    "text", ["", "Tags: bees", "Roses are red\nShare\nViolets are blue", "1. Flour\n2. Milk\nShare"]
)
def test_a_page_of_short_lines_stays_whole(text):
    assert main_lines(text, "Tags: bees") == text


def test_a_list_at_the_end_of_the_text_stays():
    text = f"{PROSE}\nWhat you need:\n• flour\n• milk\n• eggs"
    assert main_lines(text, "") == text


LINES = st.lists(
    st.sampled_from(
        [PROSE, OTHER, "Related posts", "How bees dance", "Share", ", ,", "", "© 2019 us", "• flour", "next"]
    )
)


@given(LINES)
def test_what_is_left_is_one_run_of_its_lines_and_keeps_every_paragraph_but_one_a_block(lines):
    text = "\n".join(lines).strip("\n")
    left = main_lines(text, "How bees dance | The Bee House")
    words = "\n".join(line for line in text.split("\n") if line != ", ,")
    assert left in words
    assert len(left) >= (len(words) * (1 - 0.2 - 0.4)) - len(lines)
