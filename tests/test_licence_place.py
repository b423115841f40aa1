"""A licence that two files of a folder name is published with its most trusted place, however captures were grouped."""

import json

from pipelines.recipe import loads
from pipelines.run import run
from pipelines.shard.tar import read_shard
from tests.conftest import site_at

RECIPE = """
format = 1
name = "tiny"
policy = "permissive"
[[source]]
lane = "code"
from = "src"
[source.card]
name = "tiny"
kind = "user"
title = "Tiny"
provider = "us"
contact = "nobody@corpus.example"
[shards]
validation = 0.0
"""
MIT = """MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions: The above copyright notice and this permission notice
shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY
OF ANY KIND.
"""


def words(name):
    return "".join(f"def {name}_{n}(value):\n    return value * {n} + {len(name)}\n\n\n" for n in range(12))


def test_the_place_of_a_licence_does_not_follow_from_part_size(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    for name in ("tide", "ebb", "flood", "weir", "sluice", "gauge"):
        (source / f"{name}.py").write_text(words(name), "utf-8")
    (source / "LICENSE").write_text(MIT, "utf-8")
    (source / "package.json").write_text('{"name": "tiny", "version": "1.0.0", "license": "MIT"}', "utf-8")
    releases = set()
    for part_rows in (1, 2, 3, 2000):
        site = site_at(tmp_path / f"site{part_rows}", part_rows=part_rows)
        result = run(loads(RECIPE, base=tmp_path), site)
        (tar,) = site.store.local(result.release_path).rglob("*.tar")
        said = [json.loads(sample.parts["json"])["metadata"] for sample in read_shard(tar)]
        places = {(one["license"], one["license_source"]) for one in said if one["url"].endswith(".py")}
        assert places == {("MIT", "licence_file")}
        releases.add(result.release)
    assert len(releases) == 1
