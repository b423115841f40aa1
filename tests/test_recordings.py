"""Recordings with cues from files to a release: items that balance, sound cut out, damage told, and where each lies."""

import io
import json
import tarfile

import numpy as np
import pytest
import soundfile

from pipelines.audit.open import Ledger
from pipelines.cli import main
from pipelines.recipe import loads
from pipelines.run import run
from tests.conftest import site_at
from tests.corpus.uploads import write
from tests.split.sounds import babble, encoded, resampled, steps, wav

RECIPE = """
format = 1
name = "talks"
policy = "opt_out_respected"
[[source]]
lane = "audio"
from = "talks"
[source.card]
name = "talks"
kind = "user"
title = "Talks"
provider = "us"
contact = "nobody@talks.example"
licence = "CC0-1.0"
"""
RATE = 8000
TALK = steps(resampled(babble(36.0, 5), RATE))
VTT = """WEBVTT

00:01.000 --> 00:04.000
<v Ann>The river rose in the night.

00:12.x --> 00:14.000
Nobody knows when this is said.

00:20.000 --> 00:26.500
By morning the mill stood in water.

00:50.000 --> 00:52.000
This comes too late.
"""


@pytest.fixture(scope="module")
def talks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("talks")
    write(folder / "talks" / "river.wav", wav(TALK, rate=RATE))
    write(folder / "talks" / "river.en.vtt", VTT.encode("utf-8-sig"))
    write(folder / "talks" / "bell.flac", encoded(babble(3.0, 6), "FLAC", "PCM_16"))
    write(folder / "talks" / "bell.srt", "1\n00:00:00,100 --> 00:00:02,000\nA bell rings.\n".encode("utf-16"))
    write(folder / "talks" / "lost.wav", wav(babble(2.0, 7)))
    write(folder / "talks" / "lost.vtt", b"WEBVTT\n\nnothing here\n")
    site = site_at(folder / "site")
    return run(loads(RECIPE, base=folder), site), site


def samples(release):
    """File name -> (JSON, FLAC) of all that was published of it."""
    found = {}
    for path in sorted(release.rglob("*.tar")):
        with tarfile.open(path) as tar:
            parts = {member.name: tar.extractfile(member).read() for member in tar}
        for name, data in parts.items():
            if name.endswith(".json") and f"{name[:-5]}.flac" in parts:
                about = json.loads(data)
                found.setdefault(about["url"].rpartition("/")[2], []).append((about, parts[f"{name[:-5]}.flac"]))
    return found


def test_each_item_has_its_words_and_its_own_sound(talks):
    summary, site = talks
    found = samples(site.store.local(summary.release_path))
    river = sorted(found.pop("river.wav"), key=lambda pair: pair[0]["start"])
    assert [(about["text"], about["start"], about["end"], about["language"]) for about, _ in river] == [
        (["The river rose in the night."], 1.0, 4.0, "en"),
        (["By morning the mill stood in water."], 20.0, 26.5, "en"),
    ]
    for about, flac in river:
        sound = soundfile.read(io.BytesIO(flac), dtype="int32")[0]
        assert np.array_equal(sound, TALK[round(about["start"] * RATE) : round(about["end"] * RATE)])
        assert about["synthetic"] is False
    ((bell, _),) = found.pop("bell.flac")
    assert (bell["text"], bell["start"], bell["end"]) == (["A bell rings."], None, None)
    assert found == {}


def test_every_item_ends_and_damage_is_named(talks):
    rows = Ledger.open(talks[1].store).db.rows(
        "SELECT c.uri, d.state, d.reason, c.detail FROM item i JOIN capture c USING (capture_id) JOIN disposition d USING (item_id)"
    )
    found = sorted((row["uri"].rpartition("/")[2], row["state"], row["reason"], row["detail"]) for row in rows)
    assert found == [
        ("bell.flac", "kept", None, None),
        ("bell.flac", "split", None, None),
        ("lost.vtt", "quarantined", "not_decodable", "no cue is in it that can be read"),
        ("lost.wav", "dropped", "transcript_missing", None),
        ("river.en.vtt", "quarantined", "not_decodable", "cues: 1 cannot be read: cue 2: its times cannot be read"),
        ("river.wav", "kept", None, None),
        ("river.wav", "kept", None, None),
        ("river.wav", "split", None, None),
    ]


def test_why_tells_where_in_the_recording_an_item_lies(talks, capsys):
    assert main(["why", "upload://talks/river.wav", "--site", talks[1].store.root, "--json"]) == 0
    (capture,) = json.loads(capsys.readouterr().out)["captures"]
    (root,) = capture["items"]
    places = {
        (child["signals"]["start_s"], child["signals"]["end_s"], child["signals"]["synthetic"])
        for child in root["children"]
    }
    assert places == {(1.0, 4.0, 0), (20.0, 26.5, 0)}
    assert root["decisions"][0]["detail"] == "1 stretches with cues lie behind its end"
