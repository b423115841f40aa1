"""The benchmarks still run. What they measure is for people to read: no time is asserted."""

import json
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO

import pytest

from tests.benchmarks import bench


@pytest.mark.parametrize("name", ["measures", "capture", "dedup", "extract", "media", "dedup_peers", "spans"])
def test_a_benchmark_prints_its_steps(name):
    with redirect_stdout(StringIO()) as out:
        import_module(f"tests.benchmarks.{name}").main(["--docs", "20", "--repeat", "1", "--json"])
    found = json.loads(out.getvalue())
    assert {timing["docs"] for timing in found["timings"]} == {20}
    assert found["title"].startswith("20 ")


@pytest.mark.parametrize("name", ["fetch", "whatif", "whole", "why", "dedup_scale", "text_peers"])
def test_a_longer_benchmark_takes_arguments(name):
    with redirect_stdout(StringIO()) as out, pytest.raises(SystemExit) as ended:
        import_module(f"tests.benchmarks.{name}").main(["--help"])
    assert ended.value.code == 0
    assert "--docs DOCS" in out.getvalue()


def test_the_same_seed_makes_the_same_pages():
    assert bench.pages(30, 1) == bench.pages(30, 1) != bench.pages(30, 2)
