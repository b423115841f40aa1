"""Scenes: a few coloured shapes on a textured ground, drawn by Pillow, and the caption that says what is drawn.

A scene is its attributes; caption and picture both follow from them alone. Drawing counts in whole numbers, so pixels are the
same on every machine; bytes of a JPEG or PNG depend on the encoder that Pillow carries.
"""

import math
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {
    "red": (205, 35, 40), "blue": (35, 60, 200), "green": (20, 150, 50), "yellow": (245, 215, 40), "orange": (245, 125, 20),
    "purple": (125, 40, 160), "white": (250, 250, 250), "black": (15, 15, 15),
}  # fmt: skip
# Muted, so that no ground passes for the colour of a shape.
GROUNDS = {
    "sand": (205, 180, 145), "grass": (125, 150, 95), "snow": (210, 218, 225), "water": (115, 150, 170), "wood": (160, 125, 95),
    "brick": (150, 105, 95), "stone": (140, 140, 140),
}  # fmt: skip
KINDS = ("circle", "square", "triangle", "star", "cross", "ring")
NUMBERS = {2: "Two", 3: "Three", 4: "Four"}
# How two shapes lie, and their centres in hundredths of the picture's width and height.
PLACES = {
    "above": ((50, 27), (50, 74)),
    "below": ((50, 74), (50, 27)),
    "to the left of": ((26, 50), (75, 50)),
    "to the right of": ((75, 50), (26, 50)),
}
CORNERS = {
    "in the middle": (50, 50), "at the top": (50, 24), "at the bottom": (50, 76), "on the left": (24, 50), "on the right": (76, 50),
}  # fmt: skip
SIZES = ((128, 128), (160, 120), (192, 144), (256, 192), (120, 160), (224, 224), (96, 96))
_FINE = 4  # pixels of a mask for one of the picture: edges are smooth


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One coloured shape. `at`: centre in hundredths of width and height. `radius`: in hundredths of the shorter side."""

    kind: str
    colour: str
    at: tuple[int, int]
    radius: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a picture shows. `light`: from where, one of eight directions; `size`: (width, height) in pixels."""

    shapes: tuple[Shape, ...]
    caption: str
    ground: str
    light: int
    size: tuple[int, int]
    seed: str


def scene(seed: str) -> Scene:
    """The scene of a seed: one shape, two that lie to each other, three in a row, or several alike."""
    chance = random.Random(f"scene:{seed}")
    ground = chance.choice(sorted(GROUNDS))
    colours = chance.sample([name for name in sorted(COLOURS) if (name, ground) != ("white", "snow")], 3)
    kinds = chance.sample(KINDS, 3)
    shapes, words = chance.choice((_one, _two, _two, _row, _several))(chance, kinds, colours)
    size, light = chance.choice(SIZES), chance.randrange(8)
    return Scene(shapes=shapes, caption=f"{words} on {ground}.", ground=ground, light=light, size=size, seed=seed)


def _one(chance: random.Random, kinds: list[str], colours: list[str]) -> tuple[tuple[Shape, ...], str]:
    place, (size, radius) = chance.choice(sorted(CORNERS)), chance.choice((("small", 12), ("large", 23)))
    shape = Shape(kind=kinds[0], colour=colours[0], at=CORNERS[place], radius=radius)
    return (shape,), f"A {size} {shape.colour} {shape.kind} {place}"


def _two(chance: random.Random, kinds: list[str], colours: list[str]) -> tuple[tuple[Shape, ...], str]:
    place = chance.choice(sorted(PLACES))
    pairs = zip(kinds, colours, PLACES[place], strict=False)
    first, second = (Shape(kind=kind, colour=colour, at=at, radius=19) for kind, colour, at in pairs)
    return (first, second), f"{_a(first).capitalize()} {place} {_a(second)}"


def _row(chance: random.Random, kinds: list[str], colours: list[str]) -> tuple[tuple[Shape, ...], str]:
    height = chance.choice((30, 50, 70))
    shapes = tuple(
        Shape(kind=kind, colour=colour, at=(x, height), radius=13)
        for kind, colour, x in zip(kinds, colours, (20, 50, 80), strict=True)
    )
    return shapes, f"{_a(shapes[0]).capitalize()}, {_a(shapes[1])} and {_a(shapes[2])} in a row"


def _several(chance: random.Random, kinds: list[str], colours: list[str]) -> tuple[tuple[Shape, ...], str]:
    count, (way, is_row) = chance.choice((2, 3, 4)), chance.choice((("row", True), ("column", False)))
    steps = [round(100 * (2 * n + 1) / (2 * count)) for n in range(count)]
    line = chance.choice((35, 65))
    shapes = tuple(
        Shape(kind=kinds[0], colour=colours[0], at=(step, line) if is_row else (line, step), radius=10)
        for step in steps
    )
    plural = {"cross": "crosses"}.get(kinds[0], f"{kinds[0]}s")
    return shapes, f"{NUMBERS[count]} {colours[0]} {plural} in a {way}"


def _a(shape: Shape) -> str:
    return f"{'an' if shape.colour[0] == 'o' else 'a'} {shape.colour} {shape.kind}"


def draw(found: Scene) -> Image.Image:
    """The picture of a scene, RGB."""
    pixels = _ground(found)
    for shape in found.shapes:
        cover = np.asarray(_mask(shape, found.size), np.int32)[..., None]
        pixels = (pixels * (255 - cover) + np.array(COLOURS[shape.colour]) * cover) // 255
    grain = _noise(found, "grain", found.size)[..., None] // 16  # -8..7: no surface is quite flat
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def faded(picture: Image.Image) -> Image.Image:
    """The same picture with corners that fade away: RGBA."""
    width, height = picture.size
    y, x = np.ogrid[:height, :width]
    far = np.abs(2 * x - width) * 100 // width + np.abs(2 * y - height) * 100 // height  # 0..200, 200 in the corners
    alpha = np.clip((190 - far) * 6, 0, 255).astype(np.uint8)
    return Image.merge("RGBA", (*picture.split(), Image.fromarray(alpha)))


def _ground(found: Scene) -> np.ndarray:
    """int32[height, width, 3]: the ground's colour, its texture, and the light that falls on it."""
    width, height = found.size
    y, x = np.mgrid[:height, :width].astype(np.int32)
    coarse = Image.fromarray((_noise(found, "coarse", (7, 7)) + 128).astype(np.uint8))
    patches = np.asarray(coarse.resize(found.size, Image.Resampling.BICUBIC), np.int32) - 128
    across, down = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))[found.light]
    light = (across * (2 * x - width) * 60 // width + down * (2 * y - height) * 60 // height) // (
        1 + abs(across * down)
    )
    shade = _texture(found.ground, x, y) + patches // 4 + light // 2 + _noise(found, "fine", found.size) // 10
    return np.clip(np.array(GROUNDS[found.ground]) + shade[..., None], 0, 255).astype(np.int32)


def _texture(ground: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What makes a ground look like itself, in steps of brightness."""
    match ground:
        case "brick":
            return np.where((y % 16 < 2) | ((x + 12 * (y // 16 % 2)) % 24 < 2), 22, 0)
        case "wood":
            return np.abs((x // 2 + y // 9) % 14 - 7) * 4 - 14
        case "water":
            return np.abs((y + np.abs(x % 32 - 16) // 3) % 12 - 6) * 5 - 15
        case "grass":
            return np.where((x * 7 + y * 3) % 11 < 4, -18, 4)
        case "stone":
            return np.where((x // 20 + y // 14) % 2 == 0, -12, 8)
        case _:
            return np.zeros_like(x)


def _noise(found: Scene, what: str, size: tuple[int, int]) -> np.ndarray:
    """int32[height, width], -128..127."""
    width, height = size
    data = random.Random(f"{found.seed}:{what}").randbytes(width * height)
    return np.frombuffer(data, np.uint8).astype(np.int32).reshape(height, width) - 128


def _mask(shape: Shape, size: tuple[int, int]) -> Image.Image:
    """How much of each pixel the shape covers, 0..255."""
    width, height = (side * _FINE for side in size)
    x, y, r = width * shape.at[0] // 100, height * shape.at[1] // 100, min(width, height) * shape.radius // 100
    mask = Image.new("L", (width, height))
    pen = ImageDraw.Draw(mask)
    match shape.kind:
        case "circle":
            pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
        case "ring":
            pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
            pen.ellipse((x - r // 2, y - r // 2, x + r // 2, y + r // 2), fill=0)
        case "square":
            pen.rectangle((x - r, y - r, x + r, y + r), fill=255)
        case "cross":
            pen.rectangle((x - r, y - r // 3, x + r, y + r // 3), fill=255)
            pen.rectangle((x - r // 3, y - r, x + r // 3, y + r), fill=255)
        case "triangle":
            pen.polygon(_corners(x, y, (r, r, r)), fill=255)
        case "star":
            pen.polygon(_corners(x, y, (r, r * 2 // 5) * 5), fill=255)
    return mask.resize(size, Image.Resampling.BOX)


def _corners(x: int, y: int, radii: tuple[int, ...]) -> list[tuple[int, int]]:
    """Points around a centre, the first above it."""
    turns = [2 * math.pi * n / len(radii) for n in range(len(radii))]
    return [(x + round(r * math.sin(t)), y - round(r * math.cos(t))) for r, t in zip(radii, turns, strict=True)]
