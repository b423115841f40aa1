"""SIGKILL in the middle of a run: the next run ends in the same release, and nobody ever sees half of one."""

import json
import subprocess
import sys
import time

import pytest

from tests.conftest import RECIPE
from tests.corpus import archive
from tests.corpus.pages import pages

MOMENTS_S = (0.8, 1.2, 1.6, 2.0)  # over the rooms of a run that takes about 3 s, most of them imports


def command(folder, site):
    return [
        sys.executable,
        "-m",
        "pipelines.cli",
        "run",
        str(folder / "corpus.toml"),
        "--site",
        str(site),
        "--workers",
        "1",
        "--json",
    ]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    archive.write(folder / "all.warc.gz", pages())
    (folder / "corpus.toml").write_text(RECIPE.format(more=""))
    return folder


def release(site, result):
    return (site / result["release_path"] / "web" / "SHA256SUMS").read_text()


def test_a_killed_run_starts_again_and_ends_in_the_same_release(corpus):
    def finish(site):
        done = subprocess.run(command(corpus, site), check=True, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])

    whole = finish(corpus / "whole")
    killed = corpus / "killed"
    for moment in MOMENTS_S:
        with subprocess.Popen(command(corpus, killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            time.sleep(moment)
            run.kill()
        releases = killed / "releases"
        for found in releases.iterdir() if releases.is_dir() else ():
            assert (found / "manifest.json").is_file(), "half a release is visible"
    again = finish(killed)
    assert (again["run"], again["balance"]) == (whole["run"], whole["balance"])
    assert release(killed, again) == release(corpus / "whole", whole)
