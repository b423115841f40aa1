"""Pictures that are free and pages that are not: whose words are taken, and what becomes of a picture that has none left."""

import json

from pipelines.audit.open import Ledger
from pipelines.late.change import changed
from pipelines.late.replay import Replay
from pipelines.late.stored import stored
from pipelines.recipe import loads
from pipelines.run import run
from pipelines.shard.tar import read_shard
from tests.capture.archives import http, warc
from tests.conftest import site_at
from tests.split.pictures import encoded, recipe, scene

FREE = "Link: <https://creativecommons.org/licenses/by/4.0/>; rel=license"
HERON, MILL = "http://a.example/heron.jpg", "http://a.example/mill.jpg"
# The page without a licence says it better; the licence of a page is that of its words.
PAGES = {
    "http://a.example/unlicensed": b"<figure><img src=/heron.jpg><figcaption>A grey heron stands by the old mill.</figcaption></figure>"
    b'<img src=/mill.jpg alt="The wheel of the old mill is still.">',
    "http://b.example/free": b'<a rel=license href="https://creativecommons.org/licenses/by/4.0/">CC BY</a>'
    b'<img src=http://a.example/heron.jpg alt="A heron waits in the shallow water.">',
}


def test_words_are_taken_where_they_are_free_and_else_bar_the_picture(tmp_path):
    pictures = [
        (uri, http(encoded(scene(seed=n), "JPEG"), "Content-Type: image/jpeg", FREE))
        for n, uri in enumerate((HERON, MILL))
    ]
    pages = [(uri, http(html, "Content-Type: text/html", "TDM-Reservation: 0")) for uri, html in PAGES.items()]
    records = [
        warc("response", block, {"WARC-Target-URI": uri}, n=n) for n, (uri, block) in enumerate([*pages, *pictures])
    ]
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "a.warc").write_bytes(b"".join(records))
    text = recipe().replace('licence = "CC0-1.0"\n', "").replace("opt_out_respected", "permissive")
    site = site_at(tmp_path / "site")
    result = run(loads(text, base=tmp_path), site)
    (tar,) = site.store.local(result.release_path).rglob("*.tar")
    (one,) = [json.loads(sample.parts["json"]) for sample in read_shard(tar)]
    assert (one["caption"], one["page_url"]) == ("A heron waits in the shallow water.", "http://b.example/free")
    assert one["rights"]["signals"] == ["http_tdm:allow"]  # of the page: the picture says nothing
    with Ledger.open(site.store) as ledger:
        (row,) = ledger.db.rows("SELECT reason, detail FROM decision WHERE stage = 'rights'")
        assert row["reason"] == "licence_unknown"
        assert row["detail"].startswith("its words, of capture ")
        (told,) = ledger.why(HERON)["texts_from"]
        assert told["uri"] == "http://b.example/free"
        assert [said["expression"] for said in told["licences"]] == ["CC-BY-4.0"]
        then = stored(ledger, tmp_path)
        kept = Replay(then, changed(then.recipe, ["policy=opt_out_respected"])).fates()["image_caption"].after
        assert kept.column("state").to_pylist().count("kept") == 2
