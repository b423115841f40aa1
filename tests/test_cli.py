"""The command `headwater`, verb by verb, in this process: what it prints, writes and ends with."""

import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from pipelines.cli import VERBS, main
from tests.conftest import RECIPE
from tests.corpus import archive
from tests.corpus.pages import pages
from tests.test_store import full_disk

STORY = "http://river.example/stories/1.html"
ENDS = ("dropped", "merged", "split", "quarantined", "withdrawn")


def headwater(*arguments):
    """(exit code, what was printed, what was said on standard error)."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


def told(*arguments):
    """The JSON on the last line of a verb that goes well."""
    code, out, err = headwater(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out.splitlines()[-1])


def refused(*arguments):
    """The message of a verb that ends with exit code 2, the same on standard error and as JSON."""
    code, out, err = headwater(*arguments, "--json")
    assert code == 2
    message = json.loads(out.splitlines()[-1])["message"]
    assert err == f"headwater {arguments[0]}: {message}\n"
    return message


@pytest.fixture
def recipe(tmp_path):
    """A recipe over one archive of two pages."""
    archive.write(tmp_path / "all.warc.gz", [page for page in pages() if page.host == "river.example"][2:4])
    path = tmp_path / "corpus.toml"
    path.write_text(RECIPE.format(more=""), "utf-8")
    return path


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One run over two hosts of the corpus: (site folder, what `run --json` told)."""
    folder = tmp_path_factory.mktemp("cli")
    archive.write(folder / "all.warc.gz", [page for page in pages() if page.host in ("river.example", "mill.example")])
    (folder / "corpus.toml").write_text(RECIPE.format(more=""), "utf-8")
    site = folder / "site"
    return site, told("run", folder / "corpus.toml", "--site", site, "--workers", 1)


# --- recipes -----------------------------------------------------------------------------------------------------


def test_init_writes_what_a_run_starts_from_and_refuses_to_overwrite(tmp_path):
    folder = tmp_path / "ours"
    files = [folder / name for name in ("corpus.toml", "cards/example.toml", "site.toml")]
    assert told("init", folder) == {"written": [str(path) for path in files]}
    before = [path.read_bytes() for path in files]
    assert refused("init", folder) == f"{files[0]} exists already; init only writes new files: choose another folder"
    assert [path.read_bytes() for path in files] == before


def test_init_touches_nothing_where_one_of_its_files_exists(tmp_path):
    (tmp_path / "site.toml").write_text("mine", "utf-8")
    assert str(tmp_path / "site.toml") in refused("init", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["site.toml"]


def test_what_init_writes_passes_check_as_soon_as_there_is_an_archive(tmp_path):
    folder = tmp_path / "ours"
    headwater("init", folder)
    archive.write(folder / "archives" / "all.warc.gz", pages()[:3])
    found = told("check", folder / "corpus.toml", "--site", folder)
    assert found["ok"] is True
    checked = {row["what"]: row["found"] for row in found["checked"]}
    assert checked["source example"].startswith("archives: 1 files, ")
    assert checked["store"] == str(folder)


def test_check_leaves_nothing_in_the_store(recipe, tmp_path):
    told("check", recipe, "--site", tmp_path / "site")
    assert [path for path in (tmp_path / "site").rglob("*") if path.is_file()] == []


def test_plan_lists_every_stage_rights_first_with_its_settings(recipe):
    found = told("plan", recipe, "--sample", 0)
    assert (found["recipe"], found["policy"], len(bytes.fromhex(found["digest"]))) == ("test", "opt_out_respected", 32)
    names = [stage["stage"] for stage in found["stages"]]
    assert names[:2] == ["rights", "split.html"]
    assert names[-2:] == ["dedup.text", "dedup.spans"]
    gopher = next(stage for stage in found["stages"] if stage["stage"] == "quality.gopher")
    assert (gopher["lane"], gopher["shape"], gopher["settings"]["min_words"]) == ("web", "judge", 50.0)
    assert gopher["sources"].keys() == gopher["settings"].keys() - {"shadow", "on"}


def test_plan_estimates_from_a_sample_and_reads_nothing_where_none_is_asked_for(recipe):
    found = told("plan", recipe)["estimate"]
    assert (found["captures"], found["inputs"][0]["files"]) == (2, 1)
    assert [by["policy"] for by in found["lanes"][0]["policies"]][-1] == "opt_out_respected"
    assert found["basis"].startswith("estimates from a sample")
    assert told("plan", recipe, "--sample", 0)["estimate"] is None
    assert "--sample -1 is no number of captures" in refused("plan", recipe, "--sample", -1)


def test_plan_for_people_says_that_it_is_an_estimate(recipe):
    code, out, err = headwater("plan", recipe)
    assert (code, err) == (0, "")
    for words in ("estimate from 2 captures", "yield under each policy", "estimates from a sample"):
        assert words in out


def test_plan_shows_an_override_and_gives_it_another_digest(recipe):
    before = told("plan", recipe, "--sample", 0)
    recipe.write_text(RECIPE.format(more='[stage."quality.gopher"]\nmin_words = 7'), "utf-8")
    after = told("plan", recipe, "--sample", 0)
    gopher = next(stage for stage in after["stages"] if stage["stage"] == "quality.gopher")
    assert gopher["settings"]["min_words"] == 7.0
    assert after["digest"] != before["digest"]


# --- run ---------------------------------------------------------------------------------------------------------


def test_run_ends_with_one_line_of_json(ran):
    site, found = ran
    assert {"run", "release", "balance", "shards", "seconds"} <= found.keys()
    balance = found["balance"]
    assert balance.keys() == {"captured", "born", "kept", *ENDS}
    assert balance["captured"] + balance["born"] == balance["kept"] + sum(balance[end] for end in ENDS)
    assert found["shards"] >= 1
    assert found["seconds"] > 0
    assert (site / found["release_path"]).is_dir()


def test_run_again_finds_everything_and_prints_the_same_run_for_people(ran):
    site, first = ran
    code, out, err = headwater("run", site.parent / "corpus.toml", "--site", site, "--workers", 1)
    assert (code, err) == (0, "")
    assert first["run"] in out
    assert f"release: {first['release']}" in out
    assert f"reused: {first['rooms']}" in out


# --- audit -------------------------------------------------------------------------------------------------------


def test_why_tells_the_life_of_a_uri(ran):
    life = told("why", STORY, "--site", ran[0])
    assert life["captures"]
    assert STORY in json.dumps(life)


def test_where_names_a_shard_that_exists(ran):
    site, found = ran
    kept = told("sql", "select lower(hex(item_id)) as id from disposition where state = 'kept' limit 1", "--site", site)
    places = json.dumps(told("where", kept[0]["id"], "--site", site))
    assert found["release"] in places
    assert any(path.name in places for path in (site / found["release_path"]).rglob("*.tar"))


@pytest.mark.parametrize("by", ["reason", "stage", "source", "language"])
def test_drops_add_up_to_the_balance(ran, by):
    site, found = ran
    rows = told("drops", "--by", by, "--site", site)
    ended = {state: sum(row["items"] for row in rows if row["state"] == state) for state in ("kept", *ENDS)}
    assert ended == {state: found["balance"][state] for state in ended}
    assert sum(row["items"] for row in rows) == found["balance"]["captured"] + found["balance"]["born"]


def test_sql_answers_one_select(ran):
    site, found = ran
    statement = "select state, count(*) as n from disposition group by 1 order by 1"
    states = {row["state"]: row["n"] for row in told("sql", statement, "--site", site)}
    assert states == {state: n for state in ("kept", *ENDS) if (n := found["balance"][state])}


def test_sql_refuses_to_write(ran):
    assert "takes one SELECT, this is DELETE" in refused("sql", "delete from disposition", "--site", ran[0])


def test_sql_refuses_a_limit_below_zero(ran):
    assert "a limit of -1 rows" in refused("sql", "select 1", "--limit", -1, "--site", ran[0])


def test_verify_finds_the_ledger_and_the_release_whole(ran):
    site, found = ran
    whole = told("verify", "--site", site)
    assert (whole["ok"], whole["problems"]) == (True, [])
    release = told("verify", found["release"], "--site", site)
    assert (release["ok"], release["samples"]) == (True, found["balance"]["kept"])


def test_verify_of_a_release_nobody_knows_is_said_so(ran):
    code, out, err = headwater("verify", "none-000000000000", "--site", ran[0], "--json")
    assert (code, json.loads(out)["error"]) == (4, "NotFound")
    assert "release none-000000000000 is no folder" in err


def test_verify_ends_with_one_where_a_byte_was_changed(curate, tmp_path):
    archive.write(tmp_path / "in" / "all.warc.gz", [page for page in pages() if page.host == "mill.example"])
    site, result = curate(tmp_path / "in")
    tar = next(site.store.local(result.release_path).rglob("*.tar"))
    content = bytearray(tar.read_bytes())
    content[600] ^= 1
    tar.write_bytes(content)
    out = StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as ended:
        main(["verify", "--site", str(tmp_path / "site"), "--json"])
    found = json.loads(out.getvalue())
    assert (ended.value.code, found["ok"]) == (1, False)
    assert any(problem["path"].endswith(tar.name) for problem in found["problems"])


@pytest.mark.parametrize("verb", ["why", "where"])
def test_a_name_that_nobody_knows_is_said_so(ran, verb):
    code, out, err = headwater(verb, "http://nowhere.example/", "--site", ran[0], "--json")
    assert (code, json.loads(out)["error"]) == (4, "NotFound")
    assert "'http://nowhere.example/'" in err
    assert "give the URI exactly as captured, an id, or a file" in err


@pytest.mark.parametrize("arguments", [("why", "x"), ("where", "x"), ("drops",), ("sql", "select 1"), ("verify", "x")])
def test_a_site_without_a_ledger_answers_with_an_error_and_not_with_nothing(tmp_path, arguments):
    code, out, err = headwater(*arguments, "--site", tmp_path / "none")
    assert (code != 0, out) == (True, "")
    assert err.startswith(f"headwater {arguments[0]}: ")


# --- inspect -----------------------------------------------------------------------------------------------------


def test_inspect_says_of_each_line_what_would_become_of_it(tmp_path):
    page = next(page for page in pages() if page.url == STORY)
    lines = [{"id": "page", "html": page.body.decode()}, {"id": 7, "text": "Too short to keep."}]
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    code, out, err = headwater("inspect", "--jsonl", path, "--json")
    assert (code, err) == (0, "")
    good, short = map(json.loads, out.splitlines())
    for found in (good, short):
        assert found.keys() == {
            "id", "lane", "text", "language", "licence", "signals", "decisions", "rights", "robots", "licences",
        }  # fmt: skip
    assert (good["id"], good["lane"], good["language"], good["licence"]) == ("page", "web", "en", "CC-BY-4.0")
    assert good["signals"]["word_count"] == len(good["text"].split())
    assert {row["verdict"] for row in good["decisions"]} == {"keep"}
    assert (short["id"], short["text"], short["licence"]) == (7, "Too short to keep.", None)
    gopher = next(row for row in short["decisions"] if row["stage"] == "quality.gopher")
    assert gopher == {
        "stage": "quality.gopher", "verdict": "drop", "reason": "too_few_words", "signal": "word_count", "value": 4.0,
        "threshold": 50.0, "detail": None,
    }  # fmt: skip


def test_inspect_reads_a_page_and_an_archive_to_the_same_text(tmp_path):
    page = next(page for page in pages() if page.url == STORY)
    file = tmp_path / "story.html"
    file.write_bytes(page.body)
    warc = archive.write(tmp_path / "story.warc.gz", [page])
    found = [told("inspect", path) for path in (file, warc)]
    assert [one["id"] for one in found] == [str(file), STORY]
    assert found[0]["text"] == found[1]["text"] != ""
    assert found[0]["signals"] == found[1]["signals"]


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["check", "plan", "run"])
def test_a_missing_recipe_names_the_file_and_how_to_get_one(tmp_path, verb):
    message = refused(verb, tmp_path / "none.toml", "--site", tmp_path / "site")
    assert str(tmp_path / "none.toml") in message
    assert "headwater init" in message


@pytest.mark.parametrize("verb", ["check", "plan", "run"])
def test_an_unknown_key_names_the_key_and_the_file(recipe, tmp_path, verb):
    recipe.write_text(RECIPE.format(more="polcy = 1"), "utf-8")
    message = refused(verb, recipe, "--site", tmp_path / "site")
    assert f"{recipe}: unknown key 'polcy'; known keys: " in message
    assert "policy" in message


def test_an_unknown_setting_names_the_stage_and_what_it_has(recipe):
    recipe.write_text(RECIPE.format(more='[stage."quality.gopher"]\nmin_word = 7'), "utf-8")
    message = refused("plan", recipe)
    assert "quality.gopher has no setting 'min_word'; it has: " in message
    assert "min_words" in message


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_missing_archive_names_the_path(recipe, tmp_path, verb):
    recipe.write_text(RECIPE.format(more="").replace("*.warc.gz", "none.warc.gz"), "utf-8")
    message = refused(verb, recipe, "--site", tmp_path / "site")
    assert f"{tmp_path / 'none.warc.gz'} does not exist; its lanes read .warc, " in message


@pytest.mark.parametrize(
    ("line", "says"), [("{", "not JSON"), ("[1]", 'needs "id"'), ('{"id": 1}', 'one of "text", "html", "path"')]
)
def test_a_bad_line_is_named_by_file_and_number(tmp_path, line, says):
    path = tmp_path / "pages.jsonl"
    path.write_text(f'{{"id": 1, "text": "fine"}}\n\n{line}\n', "utf-8")
    message = refused("inspect", "--jsonl", path)
    assert f"{path}, line 3: " in message
    assert says in message


def test_a_missing_page_is_named(tmp_path):
    assert str(tmp_path / "none.html") in refused("inspect", tmp_path / "none.html")


def test_a_missing_site_file_says_how_to_name_one(recipe, tmp_path):
    message = refused("check", recipe, "--site", tmp_path / "none" / "site.toml")
    assert "--site DIR" in message
    assert "HEADWATER_SITE" in message


def test_a_full_disk_is_one_line_and_the_next_run_goes_on(recipe, tmp_path):
    run = ("run", recipe, "--site", tmp_path / "site", "--workers", 1, "--json")
    with full_disk(10_000):
        code, out, err = headwater(*run)
    said = json.loads(out)
    assert (code, said["error"]) == (1, "StoreError")
    assert "File too large; make room" in said["message"]
    assert err == f"headwater run: {said['message']}\n"
    code, out, _ = headwater(*run)
    assert (code, json.loads(out)["balance"]["captured"]) == (0, 2)


def test_ctrl_c_is_one_line_and_ends_with_130(tmp_path):
    """The recipe is a pipe that nobody fills, so the verb waits in it until the signal comes."""
    os.mkfifo(tmp_path / "corpus.toml")
    command = [sys.executable, "-m", "pipelines.cli", "plan", str(tmp_path / "corpus.toml"), "--json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores it
    ) as verb:
        with open(tmp_path / "corpus.toml", "wb"):  # returns when the verb has opened it
            verb.send_signal(signal.SIGINT)
        out, err = verb.communicate()  # a signal between two steps of Python is seen when the pipe ends
    assert verb.returncode == 130
    assert json.loads(out)["error"] == "Interrupted"
    assert err == "headwater plan: stopped; nothing half done is visible: run it again to go on\n"


def test_init_refuses_a_file_and_a_site_refuses_no_workers(recipe, tmp_path):
    assert f"{recipe} is a file" in refused("init", recipe)
    assert "at least 1, are 0 and 2000" in refused("run", recipe, "--site", tmp_path / "site", "--workers", 0)


def test_a_recipe_or_site_that_is_no_utf_8_is_named(recipe, tmp_path):
    (tmp_path / "site.toml").write_bytes(b"# caf\xe9")
    assert f"site {tmp_path / 'site.toml'} is not UTF-8: " in refused("check", recipe, "--site", tmp_path)
    recipe.write_bytes(recipe.read_bytes() + b"# caf\xe9")
    assert f"recipe {recipe} is not UTF-8: " in refused("plan", recipe)


def test_an_unknown_verb_ends_with_two():
    with redirect_stderr(StringIO()) as err, pytest.raises(SystemExit) as ended:
        main(["fly"])
    assert ended.value.code == 2
    assert "fly" in err.getvalue()


@pytest.mark.parametrize("verb", VERBS, ids=[verb.name for verb in VERBS])
def test_every_verb_explains_itself_with_an_example(verb):
    with redirect_stdout(StringIO()) as out, pytest.raises(SystemExit) as ended:
        main([verb.name, "--help"])
    assert ended.value.code == 0
    assert "example: headwater " + verb.name in " ".join(out.getvalue().split())
