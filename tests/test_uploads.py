"""The page about uploads, example by example; and uploads taken all the way to a release."""

import dataclasses
import io
import json
import re
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.why import why
from pipelines.capture.layout import Wanted
from pipelines.lanes.web import WEB
from pipelines.phases import capture
from pipelines.recipe import loads
from pipelines.run import run
from pipelines.split.children import children
from pipelines.stage import Shape, Stage, decisions
from schemas.annotation import Role
from schemas.decision import Verdict
from schemas.item import text_sha256
from schemas.reasons import Reason
from tests.capture.test_git import run as git
from tests.capture.uploads import PNG, WAV, tar, write, zipped
from tests.conftest import site_at
from tests.corpus.prose import paragraphs

DOC = (Path(__file__).resolve().parent.parent / "docs" / "uploads.md").read_text("utf-8")
EXAMPLES = {
    title: dict(re.findall(r"```(files|toml|captures)\n(.*?)```", text, re.S))
    for title, text in re.findall(r"\n## ([^\n]+)\n(.*?)(?=\n## |\Z)", DOC, re.S)
    if "```files" in text
}
CONTENT = {".png": PNG, ".jpg": b"\xff\xd8\xff" + PNG, ".wav": WAV}
RECIPE = """
format = 1
name = "uploads"
policy = "opt_out_respected"
max_quarantined = 0.9
[[source]]
{keys}
[source.card]
name = "ours"
kind = "user"
title = "What we hold"
provider = "us"
contact = "nobody@corpus.example"
"""
TEXT_LANE = dataclasses.replace(WEB, takes_files=True)


def say(stage, items, payloads, child):
    """Each picture becomes one item of the words about it."""
    said = payloads.column("said").to_pylist()
    texts = ["\n\n".join(one["text"] for one in row) for row in said]
    has_words = pa.array([bool(text) for text in texts])
    found = decisions(items.column("item_id"), stage.name)
    found.set(has_words.to_numpy(zero_copy_only=False), Verdict.SPLIT, None)
    found.set(found.open, Verdict.DROP, Reason.NO_TEXT)
    parents, kept = items.filter(has_words), [text for text in texts if text]
    made = children(
        stage, parents, facts=pa.nulls(len(parents), WEB.facts), content_sha256=[text_sha256(text) for text in kept],
        columns={"modality": "text", "media_type": "text/plain", "text": pa.array(kept, pa.string()),
                 "text_capture_id": [row[0]["capture_id"] for row in said if row]},
    )  # fmt: skip
    return made, found.batch()


MEDIA_LANE = dataclasses.replace(
    WEB, takes_files=True, media_types=("image/*", "audio/*"), roles=(Role.CAPTION,),
    split=Stage(name="split.html", version=1, shape=Shape.SPLIT, fn=say),
)  # fmt: skip
LANES = {"books": TEXT_LANE, "code": TEXT_LANE, "image_caption": MEDIA_LANE, "audio": MEDIA_LANE}


def recipe_over(base, keys, lane):
    """A recipe in which `lane` has the place of the web lane."""
    recipe = loads(RECIPE.format(keys=re.sub(r'lane = "\w+"', 'lane = "web"', keys)), base=base)
    return dataclasses.replace(recipe, lanes=(lane,))


def built(base: Path, files: str) -> None:
    """Write the files of an example."""
    contents: dict[str, list[str]] = {}
    for line in files.splitlines():
        name, _, text = line.partition(" ")
        contents.setdefault(name, []).append(text.strip())
    made, archives = {}, {}
    for name, lines in contents.items():
        data = CONTENT.get(Path(name).suffix) if lines == [""] else None
        data = "\n".join(lines).encode() if data is None else data
        archive, _, member = name.partition("!/")
        if member:
            archives.setdefault(archive, {})[member] = data
        elif name.endswith(".parquet"):
            rows = [json.loads(line) for line in lines]
            pictures = [{"bytes": CONTENT[".png"] + row["image"].encode(), "path": row["image"]} for row in rows]
            out = pa.BufferOutputStream()
            pq.write_table(pa.table({"image": pictures, "text": [row["text"] for row in rows]}), out)
            made[name] = out.getvalue().to_pybytes()
        else:
            made[name] = data
    write(base, made | {name: tar(members) for name, members in archives.items()})


@pytest.mark.parametrize("title", EXAMPLES)
def test_an_example_of_the_page_gives_what_the_page_says(title, tmp_path):
    example = EXAMPLES[title]
    built(tmp_path, example["files"])
    commit = ""
    if (repo := tmp_path / "tool.git").is_dir():
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"], ["tag", "v1"]):
            git(repo, *words)
        commit = git(repo, "rev-parse", "v1")[:12]
    toml = example["toml"].replace("/repositories", str(tmp_path))
    lane = LANES[re.search(r'lane = "(\w+)"', toml)[1]]
    recipe = recipe_over(tmp_path, toml, lane)
    site = site_at(tmp_path / "site")
    found = capture(recipe, site, recipe.sources[0])
    rows = {
        name: [row for receipt in found.receipts for part in receipt.all(name) for row in site.store.read_part(part).to_pylist()]
        for name in ("capture", "annotation", "licence")
    }  # fmt: skip
    lines = [(row["outcome"], row["uri"], row["media_type"]) for row in rows["capture"]]
    lines += [("says", row["subject"], row["text"]) for row in rows["annotation"]]
    lines += [("licence", row["subject"], row["expression"]) for row in rows["licence"]]
    wanted = [
        tuple(re.split(r"\s+", line, maxsplit=2))
        for line in example["captures"].replace("<commit>", commit).splitlines()
    ]
    assert sorted(lines) == sorted(wanted)


def prose(seed):
    return "\n\n".join(paragraphs(seed, count=6))


def told(site):
    """URI -> (state, reason) of the items of every fetched or damaged capture."""
    rows = Ledger.open(site.store).db.rows(
        "SELECT c.uri, d.state, d.reason FROM capture c JOIN item i USING (capture_id) JOIN disposition d USING (item_id)"
        " WHERE d.state IS DISTINCT FROM 'split'"
    )
    return {row["uri"].removeprefix("upload://ours/"): (row["state"], row["reason"]) for row in rows}


def texts(folder):
    """An upload of texts in every container."""
    damaged = bytearray(zipped({"good.txt": prose("zip").encode(), "bad.txt": prose("bad").encode()}))
    damaged[damaged.index(b"bad.txt") + 60] ^= 1
    rows = [{"id": f"r{i}", "text": prose(f"row {i}"), "title": f"Row {i}"} for i in range(5)]
    write(folder, {
        "loose.txt": prose("loose").encode(),
        "copy.txt": prose("loose").encode(),
        "short.txt": b"Too short.",
        "a.tar": tar({"t/tar.txt": prose("tar").encode(), "t/.hidden.txt": prose("hidden").encode()}),
        "b.tar.gz": packed({"gz.txt": prose("gz").encode()}),
        "c.zip": bytes(damaged),
        "rows.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows),
    })  # fmt: skip


def packed(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One run over texts in every container: (recipe, site, result)."""
    folder = tmp_path_factory.mktemp("texts")
    texts(folder / "in")
    recipe, site = recipe_over(folder, 'lane = "web"\nfrom = "in"', TEXT_LANE), site_at(folder / "site")
    return recipe, site, run(recipe, site)


def sums(site, result):
    return (site.store.local(result.release_path) / "web" / "SHA256SUMS").read_text()


def test_texts_of_every_container_come_into_one_release(ran):
    _, site, result = ran
    kept = ("kept", None)
    fates = told(site)
    assert sorted([fates.pop("loose.txt"), fates.pop("copy.txt")], key=str) == [kept, ("merged", "exact_duplicate")]
    assert fates == {
        "short.txt": ("dropped", "too_few_words"), "a.tar!/t/tar.txt": kept, "a.tar!/t/.hidden.txt": kept,
        "b.tar.gz!/gz.txt": kept, "c.zip!/good.txt": kept, "c.zip!/bad.txt": ("quarantined", "digest_mismatch"),
        **{f"rows.jsonl!/r{i}": kept for i in range(5)},
    }  # fmt: skip
    assert result.balance.holds
    assert result.captures == {"damaged": 1, "evidence": 1, "fetched": 12}
    held = {row["kind"] for row in Ledger.open(site.store).db.rows("SELECT DISTINCT kind FROM holding")}
    assert held == {"upload", "members", "room", "shards", "release"}
    (row,) = why(Ledger.open(site.store), "upload://ours/c.zip!/bad.txt")["captures"]
    assert row["detail"].startswith("byte ")


def test_a_second_run_redoes_nothing(ran):
    recipe, site, first = ran
    again = run(recipe, site)
    assert (again.reused, again.release, again.captures) == (again.rooms, first.release, first.captures)


def test_batch_size_folder_and_beam_change_no_byte_of_a_release(ran, tmp_path):
    texts(tmp_path / "in")
    recipe = recipe_over(tmp_path, 'lane = "web"\nfrom = "in"', TEXT_LANE)
    site = site_at(tmp_path / "site", part_rows=5, runner="FnApiRunner")
    result = run(recipe, site)
    assert (sums(site, result), result.captures) == (sums(*ran[1:]), ran[2].captures)


def test_another_layout_or_lane_captures_anew(tmp_path):
    write(tmp_path / "in", {"t.jsonl": b'{"text": "one", "other": "other"}\n', "a.png": PNG, "a.txt": b"A."})
    site, seen = site_at(tmp_path / "site"), []
    for lane, more in ((TEXT_LANE, ""), (TEXT_LANE, '\ntext_column = "other"'), (MEDIA_LANE, "")):
        recipe = recipe_over(tmp_path, f'lane = "web"\nfrom = "in"{more}', lane)
        (receipts,) = [capture(recipe, site, recipe.sources[0]).receipts]
        rows = [
            row
            for receipt in receipts
            for part in receipt.all("capture")
            for row in site.store.read_part(part).to_pylist()
        ]
        seen.append({(row["uri"][14:], row["outcome"], row["payload_bytes"]) for row in rows})
    assert len({frozenset(found) for found in seen}) == 3
    assert [("t.jsonl!/1", "fetched", size) in found for size, found in zip((3, 5), seen, strict=False)] == [True, True]
    assert ("a.txt", "evidence", 2) in seen[2]


def test_pictures_and_their_words_meet_whatever_holds_them(tmp_path):
    words = {name: prose(name) for name in ("side", "table", "shard", "zip")}
    rows = [{"file_name": "b.png", "text": words["table"]}, {"file_name": "gone.png", "text": "of nothing"},
            {"file_name": "z.png", "text": words["zip"]}]  # fmt: skip
    write(tmp_path / "in", {
        "a.png": PNG + b"a", "a.txt": words["side"].encode(), "b.png": PNG + b"b", "silent.png": PNG + b"s",
        "metadata.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows),
        "shard.tar": tar({"k.png": PNG + b"k", "k.json": json.dumps({"caption": words["shard"]}).encode()}),
        "z.zip": zipped({"folder/z.png": PNG + b"z"}),
    })  # fmt: skip
    site = site_at(tmp_path / "site")
    result = run(recipe_over(tmp_path, 'lane = "web"\nfrom = "in"', MEDIA_LANE), site)
    kept = ("kept", None)
    assert told(site) == {
        "a.png": kept, "b.png": kept, "shard.tar!/k.png": kept, "z.zip!/folder/z.png": kept, "silent.png": ("dropped", "no_text"),
    }  # fmt: skip
    assert result.captures == {"evidence": 3, "fetched": 5}
    assert result.ignored == (
        "upload://ours/metadata.jsonl, row 2: describes upload://ours/gone.png, which is not there",
    )


def test_a_table_of_captions_that_is_nowhere_is_said(tmp_path):
    write(tmp_path / "in", {"a.tar": tar({"x.png": PNG})})
    recipe = recipe_over(tmp_path, 'lane = "web"\nfrom = "in"\ncaptions = "gone.csv"', MEDIA_LANE)
    found = capture(recipe, site_at(tmp_path / "site"), recipe.sources[0])
    assert found.ignored == ("source ours: no table gone.csv that says anything was found",)


def test_of_many_rows_that_describe_nothing_the_first_are_named(tmp_path):
    rows = "file_name,text\n" + "".join(f"{i:03d}.png,words\n" for i in range(30))
    write(tmp_path / "in", {"metadata.csv": rows.encode(), "000.png": PNG})
    recipe = recipe_over(tmp_path, 'lane = "web"\nfrom = "in"', MEDIA_LANE)
    found = capture(recipe, site_at(tmp_path / "site"), recipe.sources[0])
    assert len(found.ignored) == 21
    assert found.ignored[-1] == "source ours: 9 more table rows describe files that are not there"


def test_check_and_run_say_what_there_is(tmp_path, monkeypatch, capsys):
    from pipelines import recipe as recipes
    from pipelines.cli import main

    write(tmp_path, {
        "in/a.txt": prose("a").encode(), "in/b.tar": tar({"c.txt": prose("c").encode()}), "in/.hidden": b"",
        "corpus.toml": RECIPE.format(keys='lane = "web"\nfrom = "in"').encode(),
    })  # fmt: skip
    monkeypatch.setattr(recipes, "LANES", (TEXT_LANE,))
    assert main(["check", str(tmp_path / "corpus.toml"), "--site", str(tmp_path / "site")]) == 0
    assert "in: 2 files, " in capsys.readouterr().out
    assert main(["run", str(tmp_path / "corpus.toml"), "--site", str(tmp_path / "site"), "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"fetched\s*│\s*2 │", out)
    assert f"ignored: 1 hidden files or folders in {tmp_path}/in" in out


def test_what_lanes_ask_follows_from_their_roles():
    from pipelines.lanes.lane import wanted_by

    assert wanted_by([WEB]) == Wanted(files=False, words=False, texts=True, evidence={})
    assert wanted_by([MEDIA_LANE]) == Wanted(files=True, words=True, texts=False, evidence={})
    assert wanted_by([WEB, MEDIA_LANE]) == Wanted(files=True, words=True, texts=True, evidence={})
    finds = dataclasses.replace(WEB, evidence=len)
    assert wanted_by([finds]).identity != wanted_by([WEB]).identity
