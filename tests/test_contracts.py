"""The JSON Schemas in `schemas/json/` are those of the code, and what Headwater writes and reads is as they say."""

import json
import re
import tarfile
import tomllib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from pipelines.contracts.arrow import of_fields
from pipelines.contracts.classes import described, of_class
from pipelines.contracts.comments import fields_of
from pipelines.contracts.faces import documented
from pipelines.contracts.files import FOLDER, made
from pipelines.ledger.training import REGISTER
from pipelines.recipe import SHIPPED, dump, load
from pipelines.verbs.corpus import CARD, CORPUS
from schemas.errors import InputError
from schemas.reasons import Reason
from schemas.run import Balance
from schemas.tables import TABLES
from schemas.training import RECORD
from tests.conftest import RECIPE as WHOLE
from tests.corpus import archive
from tests.corpus.pages import pages
from tests.test_cli import headwater, told
from tests.test_recipe import RECIPE, read

COMMAND = "python -m pipelines.contracts"
SPANS = '[stage."dedup.spans"]\non = true\nspan_words = 8\nmax_removed_share = 1.0\n'


@pytest.fixture(scope="module")
def validators():
    return {name: Draft202012Validator(json.loads(text)) for name, text in made().items()}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """(site folder, what `run --json` told, the recipe)."""
    folder = tmp_path_factory.mktemp("contracts")
    archive.write(folder / "all.warc.gz", pages())
    (folder / "corpus.toml").write_text(WHOLE.format(more=SPANS), "utf-8")
    site = folder / "site"
    return site, told("run", folder / "corpus.toml", "--site", site, "--workers", 1), folder / "corpus.toml"


def complaints(validator, value):
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(value)]


# --- the files ---------------------------------------------------------------------------------------------------


def test_the_files_are_those_of_the_code():
    stored = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    now = made()
    changed = sorted(name for name in stored.keys() | now.keys() if stored.get(name) != now.get(name))
    assert changed == [], f"run `{COMMAND}`"


def test_every_file_is_a_json_schema(validators):
    for validator in validators.values():
        Draft202012Validator.check_schema(validator.schema)


def test_the_closed_lists_are_in_them(validators):
    found = {
        f"{name} {column}"
        for name, validator in validators.items()
        for column, schema in validator.schema.get("properties", {}).items()
        if "enum" in schema and name.removesuffix(".json") in TABLES
    }
    assert found == {
        "annotation.json role", "capture.json outcome", "capture.json reason", "capture_place.json outcome", "capture_place.json reason", "decision.json reason", "decision.json verdict",
        "disposition.json reason", "disposition.json state", "document.json kind", "request.json scope_kind", "request.json status",
        "rights.json mechanism", "rights.json usage", "rights.json verdict", "shard.json split", "source.json kind",
    }  # fmt: skip
    reason = validators["decision.json"].schema["properties"]["reason"]
    assert reason["enum"] == [*(one.value for one in Reason), None]
    assert reason["x-explanations"]["no_text"] == Reason.NO_TEXT.explanation
    assert reason["type"] == ["string", "null"]


# --- what is written ---------------------------------------------------------------------------------------------


# Not in the ledger of this run: what training records (tests/ledger/test_training.py), annotations (tests/test_demo.py), requests
# (tests/takedown).
@pytest.mark.parametrize("table", sorted(TABLES.keys() - RECORD.keys() - {"annotation", *REGISTER}))
def test_rows_of_the_ledger_are_as_their_schema_says(ran, validators, table):
    rows = told("sql", f"select * from {table}", "--site", ran[0])
    assert rows
    assert [text for row in rows for text in complaints(validators[f"{table}.json"], row)] == []


def test_signals_are_as_their_schema_says(ran, validators):
    rows = told("sql", "select * from signal_web", "--site", ran[0])
    assert rows
    assert [text for row in rows for text in complaints(validators["signal-web.json"], row)] == []


def test_what_drops_and_whatif_print_is_as_their_schemas_say(ran, validators):
    for by in ("reason", "source", "language"):
        rows = told("drops", "--by", by, "--site", ran[0])
        assert [text for row in rows for text in complaints(validators["drops-row.json"], row)] == []
    for reason in ("too_few_words", "near_duplicate", "robots_disallowed", "no_text"):
        rows = told("drops", "--reason", reason, "--site", ran[0])
        assert [row["reason"] for row in rows if complaints(validators["drops-sample.json"], row) == []] == [
            reason
        ] * len(rows)
    answer = told("whatif", "quality.gopher.min_words=400", "policy=permissive", "--site", ran[0])
    assert answer["lost"]["samples"]
    assert complaints(validators["whatif.json"], answer) == []


def test_answers_of_the_audit_are_as_their_schemas_say(ran, validators, tmp_path):
    def says(name, *command):
        answer = told(*command, "--site", ran[0])
        rows = answer if isinstance(answer, list) else [answer]
        assert [text for row in rows for text in complaints(validators[f"{name}.json"], row)] == []
        return answer

    rows = told("sql", "select state, min(lower(hex(item_id))) as item from disposition group by 1", "--site", ran[0])
    of = {row["state"]: row["item"] for row in rows}
    for name in (of["kept"], of["merged"], "http://river.example/"):
        says("why", "why", name)
    says("where", "where", of["kept"])
    assert says("verified", "verify")["ok"]
    says("verified", "verify", ran[1]["release"])
    assert len(says("question", "ask")) > 20
    proof = says("proof", "prove", of["kept"])
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    assert told("prove", "--check", tmp_path / "proof.json") == {"ok": True, "problems": []}
    says("export", "export", "card", ran[1]["release"], "--out", tmp_path / "README.md")
    says("export", "export", "jsonl", ran[1]["release"], "--out", tmp_path / "rows.jsonl")
    says("takedown-plan", "forget", "--item", of["kept"], "--request", "R-1")
    told("requests", "add", "R-1", "--domain", "river.example", "--contact", "me@river.example", "--site", ran[0])
    assert len(says("register-row", "requests")) == 1


def test_times_are_rfc_3339(ran):
    (row,) = told("sql", "select started_at from run", "--site", ran[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["started_at"])


def test_what_run_and_plan_and_inspect_print_is_as_their_schema_says(ran, validators, tmp_path):
    _, result, recipe = ran
    assert complaints(validators["run-result.json"], result) == []
    assert complaints(validators["plan-estimate.json"], told("plan", recipe, "--sample", 3)["estimate"]) == []
    page = tmp_path / "page.html"
    page.write_bytes(pages()[2].body)
    _, out, _ = headwater("inspect", page, recipe.parent / "all.warc.gz", "http://127.0.0.1/", "--recipe", recipe)
    lines = [json.loads(line) for line in out.splitlines()]
    assert "error" in lines[-1]
    assert [text for line in lines for text in complaints(validators["inspect-line.json"], line)] == []


def test_samples_are_as_their_schema_says(ran, validators):
    site, result, _ = ran
    release = site / result["release_path"]
    samples = []
    for path in release.rglob("*.tar"):
        with tarfile.open(path) as tar:
            found = [tar.extractfile(member).read() for member in tar if member.name.endswith(".json")]
            samples += [json.loads(data) for data in found]
    samples = [sample for sample in samples if "metadata" in sample]
    assert len(samples) == result["balance"]["kept"]
    assert [text for sample in samples for text in complaints(validators["sample-text.json"], sample)] == []
    rows = [row for path in release.rglob("meta/*.parquet") for row in pq.read_table(path).to_pylist()]
    rows = json.loads(json.dumps(rows, default=bytes.hex))
    assert len(rows) == len(samples)
    assert [text for row in rows for text in complaints(validators["sample-text-row.json"], row)] == []


# --- what is read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(file.stem for file in SHIPPED.glob("*.toml")))
def test_shipped_recipes_and_what_dump_writes_are_as_their_schema_says(validators, name):
    recipe = validators["recipe.json"]
    assert complaints(recipe, tomllib.loads((SHIPPED / f"{name}.toml").read_text("utf-8"))) == []
    assert complaints(recipe, tomllib.loads(dump(load(name)))) == []


def test_what_init_writes_is_as_its_schema_says(validators):
    assert complaints(validators["recipe.json"], tomllib.loads(CORPUS)) == []
    assert complaints(validators["card.json"], tomllib.loads(CARD)) == []


@pytest.mark.parametrize(
    "change",
    [
        ("format = 1", "format = 2"),
        ('name = "ours"', 'name = "o u r s"'),
        ('name = "ours"', ""),
        ('policy = "opt_out_respected"', 'policy = "yolo"'),
        ('lane = "web"', 'lane = "smell"'),
        ('from = "archives"', "from = 3"),
        ('from = "archives"', 'from = "a"\nsample = 0.0'),
        ('from = "archives"', 'from = "a"\nfrm = "b"'),
        ('kind = "web_crawl"', 'kind = "loot"'),
        ('contact = "you@example.org"', ""),
        ("[source.card]", '[stage."quality.gopher"]\nmin_wrods = 7\n[source.card]'),
        ("[source.card]", '[stage."quality.gopher"]\nmin_words = "7"\n[source.card]'),
        ("[source.card]", '[source.crawl]\ndelay_s = "x"\n[source.card]'),
        ("[source.card]", "[mix]\nweb = -1\n[source.card]"),
    ],
)
def test_what_a_recipe_may_not_say_its_schema_refuses_too(validators, change):
    text = RECIPE.replace(*change)
    with pytest.raises(InputError):
        read(text)
    assert complaints(validators["recipe.json"], tomllib.loads(text)) != []


@pytest.mark.parametrize(
    ("change", "at"),
    [
        (('name = "ours"', 'name = "ours"\nnope = 1'), ()),
        (('from = "archives"', 'from = "a"\nnope = 1'), ("source", "items")),
    ],
)
def test_the_schema_of_recipes_knows_the_keys_that_recipes_know(validators, change, at):
    with pytest.raises(InputError) as refused:
        read(RECIPE.replace(*change))
    known = set(str(refused.value).partition("known keys: ")[2].split(", "))
    schema = validators["recipe.json"].schema
    for part in at:
        schema = schema["properties"][part] if part in schema.get("properties", {}) else schema[part]
    assert schema["properties"].keys() == known


# --- how they are made -------------------------------------------------------------------------------------------


def test_a_field_has_the_comment_beside_it_or_before_it_and_fields_within_have_theirs():
    said = fields_of("schemas.capture", "CAPTURE")
    assert said["status"].text == "HTTP status; null where there was no HTTP answer"
    assert said["record_type"].text.startswith("response | resource | ")
    assert said["capture_id"].text == ""
    assert said["payload"].within["offset"].text == "bytes; of the first byte in the file as stored"
    assert fields_of("schemas.annotation", "ANNOTATION")["subject"].text.startswith("What it is about: a URI")
    assert fields_of("schemas.sample", "TEXT")["metadata"].within["rights"].text.startswith("Recorded signals")


def test_every_type_of_a_column_has_its_json():
    schema = pa.schema([
        pa.field("a", pa.map_(pa.string(), pa.string())), pa.field("b", pa.binary(), nullable=False), ("c", pa.int16()),
        pa.field("d", pa.list_(pa.field("item", pa.bool_(), nullable=False)), nullable=False),
    ])  # fmt: skip
    validator = Draft202012Validator(of_fields(list(schema), {}))
    assert complaints(validator, {"a": [["x", None]], "b": "00ff", "c": -5, "d": [True]}) == []
    wrong = {"a": [["x"]], "b": "0", "c": 70_000, "d": [None]}
    for key, value in wrong.items():
        assert complaints(validator, {"a": None, "b": "", "c": None, "d": []} | {key: value}) != []


def test_words_of_docstrings_and_pages_go_to_the_names_they_are_about():
    assert described("Head. `a`: one thing; `b`, `c`: others.\n\n    `d` is it.") == {
        "a": "one thing", "b": "others", "c": "others", "d": "it",
    }  # fmt: skip
    assert described("Nothing named.") == {}
    assert documented("| `[[x]] a`, `b` | text | 1 |\n| key | meaning |\n") == {"[[x]] a": "text", "[[x]] b": "text"}
    assert of_class(Balance)["required"][0] == "captured"
