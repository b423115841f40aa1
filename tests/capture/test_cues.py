"""Transcripts with times, as people and machines write them, whole and damaged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.capture.cues import Cue, json_cues, language_of, read_cues

VTT = """\ufeffWEBVTT - a talk\r
Kind: captions\r
\r
STYLE\r
::cue { color: red }\r
\r
NOTE made by hand\r
over two lines\r
\r
intro\r
00:01.000 --> 00:02.500 line:0 align:start\r
<v.loud Ann Lee>Good <b>morning</b> &amp; welcome</v>\r
to the <00:00:02.000><c>river.</c>\r
\r
00:00:03,000 --> 00:00:04.000\r
<v Bo>Thank you.\r
"""
SRT = "1\n00:00:00,500 --> 00:00:01,000\n{\\an8}<i>One</i>\n\n2\n0:0:2 --> 0:0:3,5\nTwo\nlines\n"


def test_webvtt_is_read_without_its_marks():
    found = read_cues(VTT, "talk.vtt")
    assert found.found == [Cue(1.0, 2.5, "Good morning & welcome to the river."), Cue(3.0, 4.0, "Thank you.")]
    assert found.problems == []


def test_subrip_is_read_without_its_numbers():
    assert read_cues(SRT, "talk.srt").found == [Cue(0.5, 1.0, "One"), Cue(2.0, 3.5, "Two lines")]


def test_subrip_without_empty_lines_keeps_its_numbers_out_of_the_words():
    text = "1\n00:00:01,000 --> 00:00:02,000\nOne\n2\n00:00:03,000 --> 00:00:04,000\n1984\n"
    assert [cue.text for cue in read_cues(text, "talk.srt").found] == ["One", "1984"]


def test_bad_cues_cost_themselves_and_are_named():
    text = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\nGood.\n\n00:0x.000 --> 00:02.000\nBad.\n\n00:05.000 --> 00:04.000\nBack.\n\n"
        "00:03.000 -->\nNo end.\n\n00:06.000 --> 00:07.000\n\n00:00.000 --> 00:00.500\nFirst.\n"
    )
    found = read_cues(text, "talk.vtt")
    assert [cue.text for cue in found.found] == ["First.", "Good."]
    assert found.problems == [
        (2, "its times cannot be read"),
        (3, "it goes from 5 to 4 s"),
        (4, "its times cannot be read"),
    ]


def test_times_beyond_any_recording_are_none():
    found = json_cues(
        {"segments": [{"start": 1, "end": end, "text": "a"} for end in (1e308, float("inf"), 10**400, 2)]}
    )
    assert found.found == [Cue(1.0, 2.0, "a")]
    assert [number for number, _ in found.problems] == [1, 2, 3]


def test_captions_that_roll_up_say_each_line_once():
    text = "WEBVTT\n\n00:00.000 --> 00:02.000\none\n\n00:02.000 --> 00:04.000\none\ntwo\n\n00:04.000 --> 00:06.000\ntwo\nthree\n"
    assert [cue.text for cue in read_cues(text, "a.vtt").found] == ["one", "two", "three"]


def test_what_is_said_twice_is_kept_twice():
    text = "WEBVTT\n\n00:00.000 --> 00:02.000\nNo.\n\n00:02.000 --> 00:04.000\nNo.\n"
    assert [cue.text for cue in read_cues(text, "a.vtt").found] == ["No.", "No."]


def test_lines_of_a_song_end_where_the_next_begins():
    text = "[ar: Nobody]\n[00:01.50]La\n[00:05.00][00:03.00]Lo <00:05.10>lo\n[00:09]\n"
    assert read_cues(text, "song.lrc").found == [Cue(1.5, 3.0, "La"), Cue(3.0, 5.0, "Lo lo"), Cue(5.0, 9.0, "Lo lo")]


@pytest.mark.parametrize(
    "values",
    [
        {"segments": [{"start": 1, "end": 2.5, "text": " Hello. "}, {"start": "1", "end": 2, "text": "Bad."}]},
        {"segments": [{"startTime": 1, "endTime": 2.5, "body": "Hello.", "speaker": "Ann"}, {"body": "Bad."}]},
    ],
)
def test_json_of_podcasts_and_of_whisper_is_read(values):
    found = json_cues(values)
    assert found.found == [Cue(1.0, 2.5, "Hello.")]
    assert [number for number, _ in found.problems] == [2]


@pytest.mark.parametrize(
    "values", [{}, {"segments": []}, {"segments": "a"}, {"segments": [1]}, {"segments": [{"text": "a"}]}]
)
def test_other_json_is_no_transcript_with_times(values):
    assert json_cues(values) is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a/talk.en.vtt", ("a/talk", "en")), ("talk.pt_BR.srt", ("talk", "pt-BR")), ("talk.vtt", ("talk", None)),
        ("talk.2024.vtt", ("talk.2024", None)), (".en.vtt", (".en", None)),
    ],
)  # fmt: skip
def test_a_language_may_stand_before_the_suffix(name, found):
    assert language_of(name) == found


PARTS = (
    "WEBVTT",
    "\n",
    "\n\n",
    "\r\n",
    "00:01.000",
    " --> ",
    "-->",
    "99:99:99,999",
    "<v",
    "<",
    ">",
    "&#0;",
    "[00:01]",
    "1",
    "a b",
    "\x00",
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.sampled_from(PARTS), max_size=30).map("".join), st.sampled_from(["a.vtt", "a.lrc"]))
def test_whatever_it_reads_it_gives_cues_that_are_some(text, name):
    for cue in read_cues(text, name).found:
        assert 0 <= cue.start_s < cue.end_s
        assert cue.text == " ".join(cue.text.split()) != ""
