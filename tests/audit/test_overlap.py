"""A set that is newer than a run, held against what the run kept: the demo's items, from stored texts."""

import json

from pipelines.audit.duplicates import duplicates
from pipelines.audit.open import Ledger
from pipelines.audit.texts import edited_texts
from pipelines.cli import main

STORY = "http://river.example/stories/2.html"


def text_of(ledger, item):
    (((_,), (text,)),) = edited_texts(ledger, [item])
    return text


def test_a_new_set_finds_the_kept_item_and_not_the_merged_one(demo, tmp_path, capsys):
    ledger = Ledger.open(demo[1].store)
    kept, merged = duplicates(ledger, STORY)["clusters"][0]["members"]
    words = text_of(ledger, bytes.fromhex(kept["item_id"])).split()
    asked = " ".join(words[20:60]).upper()
    (tmp_path / "new.jsonl").write_text(json.dumps({"id": "n", "question": asked}) + "\n")
    place = ["--site", demo[1].store.root]
    assert main(["overlap", "--against", str(tmp_path / "new.jsonl"), *place]) == 0
    out, err = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert kept["item_id"] in {row["id"] for row in found}
    assert merged["item_id"] not in {row["id"] for row in found}
    (row,) = [row for row in found if row["id"] == kept["item_id"]]
    assert row["key"] == kept["item_id"][:32]
    assert [(hit["set"], hit["item"], hit["length"]) for hit in row["hits"]] == [("new.jsonl", "n", 40)]
    (n,) = ledger.db.rows("SELECT count(DISTINCT item_id) AS n FROM disposition WHERE state = 'kept'")
    assert f"{len(found)} of {n['n']} kept items hold something of 1 entries\n" in err


def test_a_release_that_is_not_there_and_two_things_to_search_are_errors(demo, tmp_path, capsys):
    (tmp_path / "new.jsonl").write_text('{"text": "Which of the boats sails past the old mill at dawn?"}')
    ask = ["overlap", "--against", str(tmp_path / "new.jsonl"), "--site", demo[1].store.root, "--release", "none"]
    assert main(ask) == 4
    assert main([*ask, "--jsonl", "x"]) == 2
    assert "one of the two" in capsys.readouterr().err
