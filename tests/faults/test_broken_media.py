"""Broken pictures and sounds cost only themselves: quarantined by name in little memory, all other samples the same bytes."""

import io
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from pipelines.audit.open import Ledger
from pipelines.cli import main
from pipelines.payload import payload_bytes
from pipelines.recipe import loads
from pipelines.run import run
from tests.conftest import site_at
from tests.corpus import pictures, sounds
from tests.corpus.scenes import draw, scene
from tests.corpus.uploads import write
from tests.split.sounds import babble
from tests.split.sounds import encoded as sound_of

RECIPE = """
format = 1
name = "media"
policy = "opt_out_respected"
max_quarantined = 0.9
[[source]]
lane = ["image_caption", "audio"]
from = "media"
[source.card]
name = "ours"
kind = "synthetic"
title = "Whole and broken media"
provider = "us"
contact = "nobody@corpus.example"
licence = "CC0-1.0"
"""
HEARD = {sound.name: sound for sound in sounds.sounds()}
SCENE = draw(scene("4"))
GREY = (np.asarray(SCENE.convert("L")).astype(np.uint16) << 8) | 0x7F
FRAMES = b"GIF89a\1\0\1\0\x80\0\0" + b"\0\0\0\xff\xff\xff" + b",\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0" * 1_000_000 + b";"


def encoded(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def with_exif_bomb(data):
    """A JPEG whose Exif says that it has two thousand million of each thing, and that its directories lie in one another."""
    entries = b"".join(
        struct.pack(">HHII", tag, kind, 0x7FFFFFFF, at)
        for tag, kind, at in ((0x8825, 4, 8), (0x8769, 4, 8), (0x927C, 7, 8), (0xA430, 2, 0xFFFFFF00))
    )
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 4) + entries + b"\0\0\0\x08"
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def with_text_bomb(data):
    """A PNG with 100 MB of zeros for a comment, in 100 kB."""
    deflate = zlib.compressobj(9)
    body = b"Comment\0\0" + b"".join(deflate.compress(bytes(1 << 20)) for _ in range(100)) + deflate.flush()
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    return data[:33] + chunk + data[33:]


def with_frames(flac, frames):
    """The FLAC with this count of samples in its header. Source: RFC 9639, section 8.2: the last 36 bits before the MD5."""
    return flac[:21] + bytes([flac[21] & 0xF0]) + frames.to_bytes(4, "big") + flac[26:]


WHOLE = {
    "cmyk.jpg": (encoded(draw(scene("5")).convert("CMYK"), "JPEG"), pictures.caption("5")),
    "deep.png": (encoded(Image.fromarray(GREY), "PNG"), pictures.caption("4")),
    "is-a-png.jpg": (pictures.cutout("6"), pictures.caption("6")),
    "metadata.jpg": (with_exif_bomb(pictures.photo("7")), pictures.caption("7")),
    "photo.jpg": (pictures.photo("1"), pictures.caption("1")),
    "cut-out.png": (pictures.cutout("2"), pictures.caption("2")),
    "beeps.wav": (sounds.wav(HEARD["01"].samples), HEARD["01"].says),
    "bell.flac": (sounds.flac(HEARD["13"].samples), HEARD["13"].says),
}
FLAC = sounds.flac(HEARD["05"].samples)
MP3 = sound_of(babble(3.0, 2), "MP3", "MPEG_LAYER_III")
JUNK = np.random.default_rng(0).bytes(len(MP3))
# Name -> bytes, words, and how it must end: state, stage, reason.
BROKEN = {
    "cut.jpg": (pictures.truncated("3"), pictures.caption("3"), ("quarantined", "split.image", "not_decodable")),
    "cut-too.png": (pictures.cutout("8")[:-40], pictures.caption("8"), ("quarantined", "split.image", "not_decodable")),
    "junk.jpg": (b"\xff\xd8\xff\xe0" + b"junk" * 99, "A photo.", ("quarantined", "split.image", "not_decodable")),
    "text.png": (with_text_bomb(pictures.cutout("9")), pictures.caption("9"), ("quarantined", "split.image", "not_decodable")),
    "frames.gif": (FRAMES, "A film of a dot.", ("dropped", "quality.image", "picture_too_small")),
    "bomb.png": (pictures.bomb(50_000), "A large white field.", ("quarantined", "split.image", "too_large")),
    "cut.flac": (sounds.flac(HEARD["09"].samples)[:9000], HEARD["09"].says, ("quarantined", "split.audio", "not_decodable")),
    "counts-more.flac": (with_frames(FLAC, 1 << 20), "A tone.", ("quarantined", "split.audio", "record_truncated")),
    "other-digest.flac": (FLAC[:26] + bytes(15) + b"x" + FLAC[42:], "A tone.", ("quarantined", "split.audio", "digest_mismatch")),
    "rate.wav": (sounds.wav(HEARD["07"].samples)[:24] + b"\xff\xff\xff\x7f" + sounds.wav(HEARD["07"].samples)[28:], "A tone.", ("quarantined", "split.audio", "not_decodable")),
    "junk-inside.mp3": (MP3[:4000] + JUNK[:800] + MP3[4800:], "A voice.", ("quarantined", "split.audio", "not_decodable")),
    "junk-behind-the-head.mp3": (MP3[:500] + JUNK[500:], "A voice.", ("quarantined", "split.audio", "not_decodable")),
    "half.m4a": (b"\x00\x00\x00\x1cftypM4A \x00\x00\x02\x00" + JUNK[:4000], "A voice.", ("quarantined", "split.audio", "not_decodable")),
    "numbers.wav": (sounds.wav(sounds.not_numbers()), "A tone.", ("quarantined", "split.audio", "samples_not_finite")),
    "silence.wav": (sounds.wav(sounds.silence()), "Nothing is heard.", ("dropped", "quality.audio", "silent")),
}  # fmt: skip
LIMIT_BYTES = 512 * 2**20  # Source: issue 3, of the process that decodes

# Runs a command; the peak resident bytes of the largest process it and its children had. From a small process of its own,
# because what forks is counted with what it forked; Source: getrusage(2), ru_maxrss in KiB.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def lay(folder, files):
    """A recipe and its media, each with its words beside it."""
    write(folder / "media.toml", RECIPE.encode())
    for name, (data, says, *_) in files.items():
        write(folder / "media" / name, data)
        write((folder / "media" / name).with_suffix(".txt"), says.encode())
    return folder / "media.toml"


def tars(release):
    """Path in the release -> bytes."""
    return {str(path.relative_to(release)): path.read_bytes() for path in release.rglob("*.tar")}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A run over whole and broken files, by the command: (site, peak bytes)."""
    folder = tmp_path_factory.mktemp("broken")
    recipe, site = lay(folder, WHOLE | BROKEN), site_at(folder / "site")
    command = [sys.executable, "-m", "pipelines.cli", "run", str(recipe), "--site", site.store.root, "--workers", "1"]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return site, int(done.stdout)


def test_each_ends_as_it_must_and_the_others_are_kept(broken):
    rows = Ledger.open(broken[0].store).db.rows(
        "SELECT c.uri, d.state, d.stage, d.reason FROM capture c JOIN item i USING (capture_id)"
        " JOIN disposition d USING (item_id) WHERE d.state <> 'split'"
    )
    found = {row["uri"].removeprefix("upload://ours/"): (row["state"], row["stage"], row["reason"]) for row in rows}
    ends = {name: end for name, (*_, end) in BROKEN.items()}
    assert {name: found[name] for name in ends} == ends
    assert {name: found[name][0] for name in found.keys() - ends.keys()} == dict.fromkeys(WHOLE, "kept")


def test_no_process_takes_more_than_the_limit(broken):
    assert 0 < broken[1] < LIMIT_BYTES


def test_the_shards_are_those_of_a_run_that_never_saw_them(broken, tmp_path):
    site = site_at(tmp_path / "site")
    clean = run(loads(RECIPE, base=lay(tmp_path, WHOLE).parent), site)
    (release,) = broken[0].store.local("releases").iterdir()
    assert len(tars(release)) > 1
    assert tars(release) == tars(site.store.local(clean.release_path))


@pytest.mark.parametrize("name", BROKEN)
def test_why_names_stage_reason_and_the_place_of_the_bytes(broken, name, capsys):
    data, _, (state, stage, reason) = BROKEN[name]
    site = broken[0]
    assert main(["why", f"upload://ours/{name}", "--site", site.store.root, "--json"]) == 0
    (capture,) = json.loads(capsys.readouterr().out)["captures"]
    (root,) = capture["items"]
    (ended,) = root.get("children", [root])  # the silent one decodes, so that it is its child which is dropped
    how = ended["disposition"]
    assert (how["state"], how["stage"], how["reason"]) == (state, stage, reason)
    assert how["meaning"]
    assert capture["uri"] == f"upload://ours/{name}"
    stored = capture["stored"]
    assert payload_bytes(site.store, stored | {"sha256": bytes.fromhex(stored["sha256"])}) == data
