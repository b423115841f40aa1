"""`inspect` of files and lines of every lane: what would be done with this picture, this source file?"""

import io
import json

import pytest
from PIL import Image, ImageDraw

from pipelines.inspect import inspect
from tests.rights.test_picture import BY, DMI, jpeg, xmp


def said(found):
    """stage -> reason of everything that would end the item."""
    return {one["stage"]: one["reason"] for one in found["decisions"] if one["verdict"] in ("drop", "quarantine")}


@pytest.fixture
def picture(tmp_path):
    image = Image.effect_noise((80, 64), 90).convert("RGB")
    ImageDraw.Draw(image).ellipse((10, 10, 50, 50), fill=(200, 30, 30))
    out = io.BytesIO()
    image.save(out, "PNG")
    path = tmp_path / "ball.png"
    path.write_bytes(out.getvalue())
    return path


def test_a_picture_with_the_text_file_beside_it(picture):
    picture.with_suffix(".txt").write_text("A red ball on grey ground.\n", "utf-8")
    (found,) = inspect([str(picture)], lane="image_caption")
    assert (found["id"], found["text"]) == (str(picture), "A red ball on grey ground.")
    assert said(found) == {"rights": "licence_unknown"}
    assert found["signals"]["min_side_px"] == 64


def test_a_line_says_the_caption_of_the_picture_it_names(picture, tmp_path):
    lines = [
        {"id": 1, "path": "ball.png", "caption": "A red ball."},
        {"id": 2, "path": "ball.png"},
        {"id": 3, "path": "lines.jsonl", "caption": "No picture at all."},
    ]
    file = tmp_path / "lines.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    found = list(inspect([], jsonl=str(file), lane="image_caption"))
    assert [(one["id"], one["text"]) for one in found] == [(1, "A red ball."), (2, ""), (3, "")]
    assert [said(one).get("split.image") for one in found] == [None, "caption_missing", "not_decodable"]


def test_source_code_is_judged_by_its_path_and_its_own_licence(tmp_path):
    code = "# SPDX-License-Identifier: MIT\n" + "\n".join(f"def f{n}(x):\n    return x + {n}" for n in range(9)) + "\n"
    lines = [
        {"id": "own", "text": code, "name": "tool/add.py"},
        {"id": "copied", "text": code, "name": "tool/node_modules/add/add.py"},
        {"id": "unlicensed", "text": code.partition("\n")[2], "name": "tool/add.py"},
    ]
    file = tmp_path / "lines.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    own, copied, unlicensed = inspect([], jsonl=str(file), lane="code")
    assert (said(own), own["licence"]) == ({}, "MIT")
    assert said(copied) == {"quality.code": "vendored"}
    assert said(unlicensed) == {"rights": "licence_unknown"}


def test_what_the_metadata_of_a_picture_says_is_shown(tmp_path):
    packet = xmp(f'plus:DataMining="{DMI}PROHIBITED-AIMLTRAINING"', f'<cc:license rdf:resource="{BY}"/>')
    (tmp_path / "ball.jpg").write_bytes(jpeg(packet))
    (found,) = inspect([str(tmp_path / "ball.jpg")], lane="image_caption")
    assert [(row["mechanism"], row["usage"], row["verdict"]) for row in found["rights"]] == [
        ("file_metadata", "all", "unknown"), ("xmp_plus_datamining", "train-ai", "disallow"),
    ]  # fmt: skip
    assert [(row["location"], row["expression"]) for row in found["licences"]] == [("file_metadata", "CC-BY-4.0")]
    assert said(found)["rights"] == "file_opt_out"
