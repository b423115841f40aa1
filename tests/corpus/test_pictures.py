"""The pictures show what their captions say, no two are alike but the copies, and the broken ones are broken as they claim."""

import io
import re
from hashlib import sha256
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from tests.corpus import pictures
from tests.corpus.scenes import COLOURS, GROUNDS, KINDS, NUMBERS, draw, scene
from tests.corpus.truth import planted, served
from tests.corpus.uploads import uploads

SEEDS = [str(n) for n in range(40)]
ALONE = re.compile(
    r"A (small|large) (\w+) (\w+) (in the middle|at the top|at the bottom|on the left|on the right) on (\w+)\."
)
PAIR = re.compile(r"An? (\w+) (\w+) (above|below|to the left of|to the right of) an? (\w+) (\w+) on (\w+)\.")
ROW = re.compile(r"An? (\w+) (\w+), an? (\w+) (\w+) and an? (\w+) (\w+) in a row on (\w+)\.")
SEVERAL = re.compile(r"(Two|Three|Four) (\w+) (crosse|\w+)s in a (row|column) on (\w+)\.")


def pixels_of(picture, colour):
    """(x, y) of the pixels of this colour, in hundredths of the picture's width and height."""
    near = np.abs(np.asarray(picture, int) - COLOURS[colour]).max(axis=2) < 24
    y, x = np.nonzero(near)
    return 100 * x / picture.width, 100 * y / picture.height


def centre(picture, colour):
    x, y = pixels_of(picture, colour)
    assert len(x) > 20
    return x.mean(), y.mean()


def runs(places):
    """How many stretches they make, of places less than 4 hundredths apart."""
    return 1 + int((np.diff(np.unique(places)) >= 4).sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_caption_says_what_is_drawn(seed):
    found = scene(seed)
    picture = draw(found)
    if match := ALONE.fullmatch(found.caption):
        size, colour, kind, place, ground = match.groups()
        x, y = centre(picture, colour)
        sides = {"on the left": x < 40, "on the right": x > 60, "at the top": y < 40, "at the bottom": y > 60}
        assert sides.get(place, not any(sides.values()))
        high = np.ptp(pixels_of(picture, colour)[1]) * picture.height / min(picture.size)
        assert (high > 35) == (size == "large")
        kinds = {kind}
    elif match := PAIR.fullmatch(found.caption):
        colour, kind, place, other, other_kind, ground = match.groups()
        (x, y), (x2, y2) = centre(picture, colour), centre(picture, other)
        assert {
            "above": y < y2 - 20,
            "below": y > y2 + 20,
            "to the left of": x < x2 - 20,
            "to the right of": x > x2 + 20,
        }[place]
        kinds = {kind, other_kind}
    elif match := ROW.fullmatch(found.caption):
        *words, ground = match.groups()
        kinds, xs = set(words[1::2]), [centre(picture, colour)[0] for colour in words[::2]]
        assert xs == sorted(xs)
    else:
        count, colour, kind, way, ground = SEVERAL.fullmatch(found.caption).groups()
        along, across = pixels_of(picture, colour)[:: 1 if way == "row" else -1]
        assert np.ptp(across) < 30
        assert NUMBERS[runs(along)] == count
        kinds = {kind.replace("crosse", "cross")}
    assert ground == found.ground in GROUNDS
    assert kinds == {shape.kind for shape in found.shapes} <= set(KINDS)


def test_pixels_are_the_same_on_every_machine():
    """The digest was made on x86-64 with Pillow 12.3."""
    drawn = b"".join(draw(scene(seed)).tobytes() for seed in SEEDS)
    assert sha256(drawn).hexdigest() == "22647e3bab6bb957793e4c857745ea2aeba520ab41d4fe6a2f18df042e4c5f15"


def test_every_word_of_the_world_is_seen_and_no_caption_twice():
    captions = [scene(seed).caption for seed in SEEDS]
    assert len(set(captions)) == len(captions)
    words = set(re.findall(r"\w+", " ".join(captions)))
    assert {*COLOURS, *GROUNDS, "above", "below", "row", "column", "small", "large"} <= words


def test_grounds_have_grain():
    for seed in SEEDS:
        shades = np.bincount(np.asarray(draw(scene(seed)).convert("L")).ravel(), minlength=256)
        shares = shades[shades > 0] / shades.sum()
        assert -(shares * np.log2(shares)).sum() > 5.5  # bits; 8 at most


def fingerprint(data):
    """64 bits: where the picture grows brighter to the right."""
    with Image.open(io.BytesIO(data)) as image:
        rgba = image.convert("RGBA")
        white = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    small = np.asarray(white.convert("L").resize((9, 8), Image.Resampling.BOX), int)
    return (small[:, 1:] > small[:, :-1]).ravel()


def everything():
    """Group (or place) -> the fingerprints of all whole pictures that are served or uploaded."""
    fates = {one.uri: one for one in planted(crawled=False) if one.lane == "image_caption"}
    found = {}
    whole = [(page.url, page.body) for page in served() if page.lane == "image_caption" and page.fate != "quarantined"]
    for upload in uploads():
        whole += [
            (f"upload://{upload.source}/{name}", data)
            for name, data in upload.files.items()
            if upload.folder == "photos" and name.endswith(("jpg", "png")) and not name.startswith("broken/")
        ]
    for uri, data in whole:
        found.setdefault(fates[uri].group or uri, []).append(fingerprint(data))
    return found


def test_only_copies_look_alike():
    found = everything()
    assert all((one != other).sum() <= 4 for marks in found.values() for one, other in combinations(marks, 2))
    firsts = [marks[0] for uri, marks in found.items() if "dot" not in uri]
    assert min(int((one != other).sum()) for one, other in combinations(firsts, 2)) >= 12


def test_a_cutout_fades_in_its_corners_and_not_in_its_middle():
    with Image.open(io.BytesIO(pictures.cutout("26"))) as image:
        assert (image.format, image.mode) == ("PNG", "RGBA")
        alpha = image.getchannel("A")
        assert (alpha.getpixel((0, 0)), alpha.getpixel((image.width // 2, image.height // 2))) == (0, 255)


def test_a_near_copy_has_other_bytes_and_another_size():
    with Image.open(io.BytesIO(pictures.photo("3"))) as one, Image.open(io.BytesIO(pictures.near_copy("3"))) as other:
        assert other.size == (one.width * 3 // 4, one.height * 3 // 4)


def test_half_a_picture_opens_but_does_not_load():
    with Image.open(io.BytesIO(pictures.truncated("cut"))) as image, pytest.raises(OSError, match="truncated"):
        image.load()


def test_the_bomb_is_small_and_whole_and_refused():
    data = pictures.bomb()
    assert len(data) < 120_000
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))
    at = data.index(b"IDAT")
    assert pictures._zeros(5 << 20)[:200] == data[at + 4 : at + 204]


@pytest.mark.parametrize("size", [3 << 20, (2 << 20) + 12345])
def test_made_zeros_inflate_to_zeros(size):
    import zlib

    assert zlib.decompress(pictures._zeros(size)) == bytes(size)
