"""A git repository at a commit: every file as git holds it, and nothing of the repository runs or decides."""

import dataclasses
import os
import subprocess

import pytest

from pipelines.capture import git
from pipelines.capture.git import parsed, repository
from pipelines.capture.layout import Layout
from pipelines.capture.upload import capture_upload
from pipelines.ledger.log import Log
from pipelines.payload import payload_bytes
from pipelines.phases import capture
from pipelines.recipe import loads
from pipelines.suppression import key_of, suppression_rows
from schemas.errors import SourceError
from tests.capture.uploads import TEXTS
from tests.conftest import site_at
from tests.test_recipe import RECIPE

WHO = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "us") | dict.fromkeys(
    ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "us@corpus.example"
)


def run(folder, *words):
    env = os.environ | WHO | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, env=env, check=True)
    return done.stdout.strip()


def test_a_repository_whose_owner_was_taken_down_is_not_asked_for(tmp_path):
    entry = "git+https://github.com/River/ferry.git@main"
    recipe = loads(RECIPE.replace('"archives"', f'"{entry}"'), base=tmp_path)
    site = dataclasses.replace(site_at(tmp_path / "site"), suppression_key=tmp_path / "key")
    gone = suppression_rows(key_of(site), "R", [("owner", b"github.com/river")])
    Log(site.store).append("r", None, [site.store.publish("suppression", gone)])
    found = capture(recipe, site, recipe.sources[0])
    assert found.ignored == (f"{entry}: not asked for: a request covers its owner or host",)
    assert found.names == {}


@pytest.fixture
def repo(tmp_path):
    """A repository of two commits, the first tagged v1."""
    folder = tmp_path / "code" / "tool.git"
    folder.mkdir(parents=True)
    run(folder, "init", "-q", "-b", "main")
    (folder / "src").mkdir()
    (folder / "src/ä b.py").write_bytes(b"print(1)\r\n")
    (folder / "LICENSE").write_bytes(b"MIT")
    (folder / ".gitignore").write_bytes(b"*.o\n")
    (folder / "empty").write_bytes(b"")
    (folder / "link").symlink_to("/etc/passwd")
    run(folder, "add", ".")
    run(folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    run(folder, "commit", "-q", "-m", "one")
    run(folder, "tag", "-a", "-m", "first", "v1")
    (folder / "LICENSE").write_bytes(b"GPL")
    run(folder, "commit", "-q", "-am", "two")
    return folder


def captured(tmp_path, repo, wanted="v1"):
    """(outcomes by path, payloads by path, rows) of the repository at a commit."""
    site = site_at(tmp_path / "site")
    file = repository(site, "s", f"git+file://{repo}@{wanted}")
    (batch,) = capture_upload(site.store, [file], "s", Layout(), TEXTS, 100)
    rows = {row["uri"].removeprefix(f"upload://s/{file.name}!/"): row for row in batch.captures.to_pylist()}
    payloads = {path: payload_bytes(site.store, row["payload"]) for path, row in rows.items() if row["payload"]}
    return file, rows, payloads


def test_every_file_of_the_commit_is_a_capture_under_its_path(tmp_path, repo):
    file, rows, payloads = captured(tmp_path, repo)
    assert file.name == f"tool@{run(repo, 'rev-parse', 'v1^{commit}')[:12]}"
    assert payloads == {".gitignore": b"*.o\n", "LICENSE": b"MIT", "src/%C3%A4%20b.py": b"print(1)\r\n"}
    assert rows["src/%C3%A4%20b.py"]["media_type"] == "text/x-python"
    assert {path: (row["outcome"], row["detail"]) for path, row in rows.items() if path not in payloads} == {
        "empty": ("empty", None),
        "link": ("refused", "a symbolic link to /etc/passwd"),
        "vendor/lib": ("refused", f"a symbolic link to the submodule at commit {'1' * 40}"),
    }
    assert {row["fetched_at"] for row in rows.values()} == {None}


@pytest.mark.parametrize("wanted", ["main", "HEAD", "HEAD~1", "full", "short"])
def test_any_name_of_a_commit_will_do(wanted, tmp_path, repo):
    commit = run(repo, "rev-parse", "HEAD")
    name = {"full": commit, "short": commit[:9]}.get(wanted, wanted)
    _, _, payloads = captured(tmp_path, repo, name)
    assert payloads["LICENSE"] == (b"MIT" if wanted == "HEAD~1" else b"GPL")


def test_a_second_reading_finds_the_first(tmp_path, repo):
    first, *_ = captured(tmp_path, repo)
    second, *_ = captured(tmp_path, repo, "main~1")
    assert second == first
    assert len(list((tmp_path / "site" / "captures").iterdir())) == 1
    assert list((tmp_path / "site" / ".scratch").iterdir()) == []


def test_nothing_of_the_repository_runs_or_decides(tmp_path, repo):
    marker = tmp_path / "ran"
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    trap.chmod(0o755)
    (repo / ".gitattributes").write_text("* filter=trap diff=trap eol=lf text export-ignore\n")
    run(repo, "add", ".gitattributes")
    run(repo, "commit", "-q", "-m", "attributes")
    (repo / "other").write_bytes(b"replaced")
    other = run(repo, "hash-object", "-w", "other")
    run(repo, "replace", run(repo, "rev-parse", "HEAD:LICENSE"), other)
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"):
        (repo / ".git/hooks" / hook).write_text(trap.read_text())
        (repo / ".git/hooks" / hook).chmod(0o755)
    for key in ("filter.trap.smudge", "filter.trap.process", "diff.trap.textconv", "core.fsmonitor", "core.pager", "pager.cat-file",
                "pager.ls-tree", "core.sshCommand", "uploadpack.packObjectsHook", "core.alternateRefsCommand"):  # fmt: skip
        run(repo, "config", key, str(trap))
    for key in ("alias.ls-tree", "alias.cat-file", "alias.rev-parse"):
        run(repo, "config", key, f"!{trap}")
    (repo / ".git/config").write_text(
        (repo / ".git/config").read_text() + "[core]\n\tquotePath = true\n\tautocrlf = true\n"
    )
    _, _, payloads = captured(tmp_path, repo, "HEAD")
    assert payloads["LICENSE"] == b"GPL"
    assert payloads["src/%C3%A4%20b.py"] == b"print(1)\r\n"
    assert not marker.exists()


def test_a_repository_of_another_user_and_a_bare_one_are_read(tmp_path, repo, monkeypatch):
    bare = tmp_path / "bare"
    run(tmp_path, "clone", "-q", "--bare", str(repo), str(bare))
    monkeypatch.setitem(git._ENVIRONMENT, "GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    _, _, payloads = captured(tmp_path, bare)
    assert payloads["LICENSE"] == b"MIT"


def test_a_folder_inside_a_repository_is_not_one(tmp_path, repo):
    with pytest.raises(SourceError, match=r"git rev-parse failed: .*not a git repository"):
        captured(tmp_path, repo / "src")


def test_what_is_missing_is_said(tmp_path, repo, monkeypatch):
    site = site_at(tmp_path / "site")
    with pytest.raises(SourceError, match=r"git rev-parse failed: .*; check the path, and that the commit is there"):
        repository(site, "s", f"git+file://{repo}@nowhere")
    with pytest.raises(SourceError, match=r"git rev-parse failed: .*No such file"):
        repository(site, "s", f"git+file://{tmp_path}/gone@main")
    with pytest.raises(SourceError, match="git rev-parse failed"):
        repository(site, "s", f"git+file://{repo}@--upload-pack=x")
    for blob in (repo / ".git/objects").glob("*/*"):
        if blob.parent.name + blob.name == run(repo, "rev-parse", "v1:LICENSE"):
            blob.unlink()
    with pytest.raises(SourceError, match="LICENSE is missing from the repository"):
        repository(site, "s", f"git+file://{repo}@v1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="git is not installed"):
        repository(site, "s", f"git+file://{repo}@v1")


@pytest.mark.parametrize(
    "entry", ["git+file:///x", "git+ssh://host/x@main", "git+file://x@", "git+http://h/x@main", "git+ext::sh@x"]
)
def test_an_entry_that_names_no_commit_or_another_protocol_is_refused(entry):
    with pytest.raises(SourceError, match=r"write git\+file:///path@commit"):
        parsed(entry)


def test_check_counts_files_without_reading_them(repo):
    assert git.count(f"git+file://{repo}@v1") == 6
    assert git.count("git+https://host.example/x.git@main") is None
