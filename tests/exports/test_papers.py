"""Papers about a whole release: each is read by somebody else's reader, or held against the ledger."""

import json
import re
import shutil
import warnings
from collections import Counter
from html.parser import HTMLParser

import pytest
import yaml

from pipelines.audit.questions import ask
from pipelines.exports.card import body, card
from pipelines.exports.credited import works
from pipelines.exports.croissant import croissant
from pipelines.exports.export import content, exports
from pipelines.exports.facts import NOTICE
from pipelines.exports.openlineage import openlineage
from pipelines.exports.spdx import spdx
from pipelines.verbs.exports import KINDS
from schemas.sample import CONFIGS


def test_the_verb_offers_every_export():
    assert tuple(one.name for one in exports()) == KINDS


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "eu-summary"])
def test_the_same_release_gives_the_same_bytes_and_says_that_it_is_no_legal_advice(kind, released):
    ledger, name, _ = released
    found = content(ledger, kind, name)
    assert found == content(ledger, kind, name)
    if kind != "jsonl":  # a line of it is a row, and nothing else
        assert NOTICE.encode() in found


@pytest.fixture(scope="module")
def read(known, released, tmp_path_factory):
    """The Croissant of the demo beside a copy of its release, as mlcroissant reads it."""
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed; it comes with the extra dev")
    folder = tmp_path_factory.mktemp("croissant")
    shutil.copytree(released[2], folder, dirs_exist_ok=True)
    (folder / "croissant.json").write_bytes(croissant(known))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas and rdflib, about themselves
        return mlcroissant.Dataset(jsonld=folder / "croissant.json")


def test_mlcroissant_finds_nothing_to_say_against_the_croissant(read):
    assert (read.metadata.ctx.issues.errors, read.metadata.ctx.issues.warnings) == (set(), set())


def test_mlcroissant_reads_a_record_for_every_sample(read, known):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {one.id: sum(1 for _ in read.records(record_set=one.id)) for one in read.metadata.record_sets}
    lanes = sorted({row["lane"] for row in known.splits})
    assert found == {
        f"{lane}-samples": sum(row["items"] for row in known.splits if row["lane"] == lane) for lane in lanes
    }


def test_the_croissant_names_every_shard_with_its_digest(known, released):
    (rows,) = [released[0].db.rows("SELECT path, sha256 FROM shard")]
    files = {
        one["contentUrl"]: one["sha256"] for one in json.loads(croissant(known))["distribution"] if "sha256" in one
    }
    assert {row["path"]: row["sha256"].hex() for row in rows}.items() <= files.items()


def test_the_croissant_says_what_it_was_made_from_and_by(known):
    found = json.loads(croissant(known))
    assert [one["prov:label"] for one in found["prov:wasDerivedFrom"]] == [row["title"] for row in known.sources]
    made = found["prov:wasGeneratedBy"]
    assert made["prov:used"]["dct:identifier"] == f"urn:sha256:{known.run['recipe_digest'].hex()}"
    assert made["prov:generated"]["dct:identifier"] == f"urn:sha256:{known.commit.hash}"
    assert any(line.startswith("email: ") for line in found["rai:personalSensitiveInformation"])


def test_what_nobody_recorded_is_not_in_the_croissant(known):
    assert (
        not {"rai:dataBiases", "rai:dataUseCases", "rai:dataCollectionTimeframe"} & json.loads(croissant(known)).keys()
    )


def test_the_card_has_a_config_for_every_lane_with_the_files_that_are_there(known, released):
    front = yaml.safe_load(card(known).decode().split("---\n")[1])
    assert [one["config_name"] for one in front["configs"]] == sorted({row["lane"] for row in known.splits})
    for one in front["configs"]:
        assert all(list(released[2].glob(files["path"])) for files in one["data_files"])
    assert front["size_categories"] == ["n<1K"]


def test_the_card_gives_the_figures_of_the_ledger(known):
    lines = body(known).splitlines()
    assert f"| items | {sum(row['items'] for row in known.splits):,} in {len(known.tars):,} shards |" in lines
    for lane in {row["lane"] for row in known.splits}:
        ended = Counter()
        for row in known.funnel:
            ended[row["state"]] += row["items"] if row["lane"] == lane else 0
        states = ("kept", "dropped", "merged", "quarantined", "withdrawn")
        assert f"| {lane} | " + " | ".join(f"{ended[state]:,}" for state in states) + " |" in lines
    for row in known.licences:
        assert any(line.startswith(f"| {row['licence']} | ") for line in lines)
    assert f"> {NOTICE}" in lines
    assert any(line.startswith("Whoever wants something taken out writes to ") for line in lines)


def test_hugging_face_understands_the_columns_of_every_lane(known):
    datasets = pytest.importorskip("datasets", reason="datasets is not installed; it comes with the extra dev")
    front = yaml.safe_load(card(known).decode().split("---\n")[1])
    for one in front["dataset_info"]:
        found = datasets.Features._from_yaml_list(one["features"])
        parts = CONFIGS[known.configs[one["config_name"]]].parts
        assert list(found) == [*parts, "__key__", "__url__"]


def test_every_element_that_spdx_names_is_there(known):
    graph = json.loads(spdx(known))["@graph"]
    ids = {one.get("spdxId") for one in graph}
    named = {end for one in graph if one["type"] == "Relationship" for end in [one["from"], *one["to"]]}
    assert named | set(graph[-1]["element"]) <= ids
    licences = {one["simplelicensing_licenseExpression"] for one in graph if one["type"].startswith("simplelicensing")}
    assert licences == {row["licence"] for row in known.licences} - {"unknown"}


def test_the_lineage_event_has_a_uuid_its_sources_and_the_release(known):
    event = json.loads(openlineage(known))
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", event["run"]["runId"])
    assert [one["name"] for one in event["inputs"]] == [row["name"] for row in known.sources]
    assert event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == known.release["items"]


@pytest.fixture(scope="module")
def lines(released):
    """The notice of the demo, a row an item."""
    ledger, name, _ = released
    return [json.loads(line) for line in content(ledger, "notice", name, suffix=".jsonl").splitlines()]


def test_the_notice_has_each_item_that_is_owed_something_once(released, lines):
    ledger = released[0]
    assert [one["item_id"] for one in lines] == [row["item_id"].hex() for row in ask(ledger, "credits").to_pylist()]
    assert "CC0-1.0" not in {one["licence"] for one in lines}
    by_river = next(one for one in lines if one["source"] == "http://river.example/")
    assert (by_river["title"], by_river["author"], by_river["owed"]) == ("By the river", None, "attribution")
    assert by_river["licence_url"] == ["https://creativecommons.org/licenses/by/4.0/"]


def test_the_notice_for_people_gathers_what_is_owed_alike_and_leaves_nothing_out(released, lines):
    ledger, name, _ = released
    text = content(ledger, "notice", name).decode()
    assert '- "By the river", author not recorded, http://river.example/\n' in text
    assert text.count("\n- ") == len(list(works(lines))) < len(lines)
    flat = re.sub(r"\s+", " ", text)
    page = Cells()
    page.feed(content(ledger, "notice", name, suffix=".html").decode())
    for one in works(lines):
        for said in (one.place, one.title, one.licence, *one.copyright, *one.files):
            assert said is None or said == "unknown" or " ".join(said.split()) in flat
            assert said is None or said == "unknown" or " ".join(said.split()) in page.text
    assert not {"script", "img", "link"} & page.tags


class Cells(HTMLParser):
    """The text and the tags of a page."""

    def __init__(self):
        super().__init__()
        self.text, self.tags = "", set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.text += data
