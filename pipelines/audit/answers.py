"""The answers to the named questions, one function each: (ledger, values) -> table."""

from collections import Counter
from math import ceil

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.drops import drops
from pipelines.audit.evidence import evidence
from pipelines.audit.exposure import checkpoints, steps
from pipelines.audit.items import lineage, placements
from pipelines.audit.names import resolve
from pipelines.audit.open import Ledger
from pipelines.audit.words import UNKNOWN, Row
from pipelines.ledger.database import Database, among
from pipelines.rights.policy import policy
from pipelines.rights.spdx import licence_class
from schemas.item import ID
from schemas.reasons import Reason
from schemas.rights import RightsVerdict, Usage

# Captures of a page, or of a host and all below it. A row can be there twice (a record in two archives).
_SITE = (
    "SELECT DISTINCT capture_id, uri FROM capture_place WHERE uri = $site OR host = lower($site)"
    " OR ends_with(host, '.' || lower($site))"
)
_SHARD = "SELECT DISTINCT shard_id, release, lane, split, path, sha256 FROM shard"
_RESERVING = "verdict = '{}' AND usage IN ({})".format(
    RightsVerdict.DISALLOW.value, ", ".join(f"'{usage.value}'" for usage in (Usage.TRAIN_AI, Usage.TDM, Usage.ALL))
)


def _published(db: Database, *more: str) -> str:
    """What is in the release, and the licence that counts: its own, else that of its source card. A placement is there once.

    `more`: columns of the placement (p), the item (i) or the source card (s).
    """
    return (
        f"SELECT {''.join(f'{column}, ' for column in more)}p.item_id, i.capture_id, i.lane, i.modality, i.language, i.bytes, i.source, s.kind AS source_kind,"
        " coalesce(i.licence, s.licence) AS licence, i.licence IS NULL AND s.licence IS NOT NULL AS of_card"
        f" FROM placement p JOIN ({db.once('item')}) i USING (item_id) LEFT JOIN ({db.once('source')}) s ON s.name = i.source"
    )


def _captured(db: Database, *columns: str) -> str:
    """These columns of each capture (of its places, or of its facts), once: a record may lie in two archives."""
    table = "capture_fact" if "fetched_at" in columns else "capture_place"
    # Numbers are counted in less time than ids; where two ids have one hash, the longer way is taken for nothing.
    (row,) = db.rows(f"SELECT count(DISTINCT hash(capture_id)) AS n FROM {table}")
    if row["n"] == db.count(table):
        return f"SELECT capture_id, {', '.join(columns)} FROM {table}"
    return f"SELECT capture_id, {', '.join(f'max({name}) AS {name}' for name in columns)} FROM {table} GROUP BY 1"


def published(ledger: Ledger, site: str) -> pa.Table:
    """uri, release, lane, split, shard (relative to the store), key, offset and length in bytes; by uri and key.

    A page that says what a picture shows is in the release with that picture.
    """
    return ledger.db.table(
        f"WITH site AS ({_SITE}), found AS (SELECT item_id, uri FROM site JOIN item USING (capture_id)"
        " UNION SELECT item_id, uri FROM site JOIN item ON text_capture_id = site.capture_id)"
        " SELECT uri, p.release, s.lane, s.split, 'releases/' || p.release || '/' || s.path AS shard, p.key, p.offset, p.length"
        f" FROM found JOIN placement p USING (item_id) JOIN ({_SHARD}) s USING (shard_id, release) ORDER BY uri, key",
        {"site": site},
    )


def dropped(ledger: Ledger, site: str) -> pa.Table:
    """uri, item_id, state, stage, reason, signal, value, threshold, detail, witness_id of what was not kept; by uri."""
    return ledger.db.table(
        f"SELECT DISTINCT uri, item_id, d.state, d.stage, d.reason, x.signal, x.value, x.threshold, x.detail, d.successor_id AS witness_id"
        f" FROM (SELECT DISTINCT uri, item_id FROM ({_SITE}) JOIN item USING (capture_id)) JOIN disposition d USING (item_id) LEFT JOIN"
        " decision x USING (item_id, stage, reason) WHERE d.state NOT IN ('kept', 'split') ORDER BY uri, item_id",
        {"site": site},
    )


def origin(ledger: Ledger, name: str) -> pa.Table:
    """From each item up to its root: depth (0 is the item), item_id, uri, fetched_at, and the payload's place and sha256."""
    at, found = resolve(ledger, name)
    starts = list(found.items) or [
        row["item_id"] for row in lineage(at.db, (), found.captures) if row["capture_id"] in found.captures
    ]
    rows = {row["item_id"]: row for row in lineage(at.db, starts)}
    above: list[tuple[bytes, int, bytes]] = []
    for start in starts:
        item: bytes | None = start
        while item is not None:
            above.append((start, sum(one[0] == start for one in above), item))
            item = rows[item]["parent_id"]
    line = pa.table(
        {
            "start": pa.array([one[0] for one in above], ID), "depth": pa.array([one[1] for one in above], pa.int64()),
            "item_id": pa.array([one[2] for one in above], ID), "lane": pa.array([rows[one[2]]["lane"] for one in above], pa.string()),
            "capture_id": pa.array([rows[one[2]]["capture_id"] for one in above], ID),
        }
    )  # fmt: skip
    at.db.connection.register("line", line)
    captures = sorted({row["capture_id"] for row in rows.values()})
    return at.db.table(
        "SELECT start, depth, item_id, lane, uri, fetched_at, payload.uri AS stored, payload.offset AS offset,"
        " payload.length AS length, payload.sha256 AS payload_sha256 FROM line LEFT JOIN (SELECT DISTINCT capture_id, uri, fetched_at,"
        f" payload FROM capture WHERE {among('capture_id', captures)}) USING (capture_id) ORDER BY start, depth, stored"
    )


def robots(ledger: Ledger, site: str) -> pa.Table:
    """A row a capture: uri, fetched_at, outcome; status, time and sha256 of the robots.txt that held then; what barred it.

    `barred_by` is the decision's own sentence, null where robots.txt barred nothing. Null in all three: no robots.txt was recorded.
    """
    captures = ledger.db.rows(
        "SELECT capture_id, any_value(uri) AS uri, any_value(fetched_at) AS fetched_at, any_value(outcome) AS outcome FROM capture"
        f" WHERE capture_id IN (SELECT capture_id FROM ({_SITE})) GROUP BY 1 ORDER BY uri, fetched_at",
        {"site": site},
    )
    recorded = evidence(ledger.db, captures)
    barring = [Reason.ROBOTS_DISALLOWED.value, Reason.ROBOTS_UNREACHABLE.value]
    barred = {
        row["capture_id"]: row["detail"]
        for row in ledger.db.rows(
            f"SELECT DISTINCT capture_id, coalesce(detail, reason) AS detail FROM decision JOIN item USING (item_id)"
            f" WHERE reason IN (SELECT unnest($barring)) AND capture_id IN (SELECT capture_id FROM ({_SITE}))",
            {"site": site, "barring": barring},
        )
    }
    rows = []
    for row in captures:
        chain = recorded[row["capture_id"]]["robots"]
        last = {} if chain == UNKNOWN else chain[-1]
        rows.append(
            {name: row[name] for name in ("uri", "fetched_at", "outcome")}
            | {f"robots_{name}": last.get(of) for name, of in _ROBOTS.items()}
            | {"barred_by": barred.get(row["capture_id"])}
        )
    return pa.Table.from_pylist(rows, schema=_ROBOTS_ANSWER)


_ROBOTS = {"status": "status", "fetched_at": "fetched_at", "sha256": "body_sha256"}
_TIME = pa.timestamp("us", "UTC")
_ROBOTS_ANSWER = pa.schema(
    [
        ("uri", pa.string()), ("fetched_at", _TIME), ("outcome", pa.string()), ("robots_status", pa.int16()),
        ("robots_fetched_at", _TIME), ("robots_sha256", ID), ("barred_by", pa.string()),
    ]
)  # fmt: skip


def reservations(ledger: Ledger) -> pa.Table:
    """Statements that reserve, with how many published items they may touch: mechanism, usage, agent, subject, items, a uri.

    `agent` null: everyone; else whom the statement names, and whether the recipe counts that agent is the policy's business.
    `subject` null: the page itself, as fetched or at a later visit; else the site, and behind it the pattern of the paths meant (all
    items of the site count), or the source whose card states its terms or contract.
    """
    return ledger.db.table(
        f"WITH published AS ({_published(ledger.db)}), placed AS (SELECT capture_id, source, uri, count(*) AS n FROM published JOIN ({_captured(ledger.db, 'uri')})"
        " USING (capture_id) GROUP BY 1, 2, 3), said AS (SELECT DISTINCT capture_id, subject_kind, subject, mechanism, usage, agent FROM rights"
        f" WHERE {_RESERVING}), own AS (SELECT mechanism, usage, agent, NULL::VARCHAR AS subject, n, uri FROM said JOIN placed"
        " USING (capture_id) WHERE subject_kind IN ('capture', 'recheck')), stated AS (SELECT mechanism, usage, agent, subject, n, uri FROM"
        " (SELECT DISTINCT mechanism, usage, agent, subject FROM said WHERE subject_kind = 'source') JOIN placed ON source = subject), wide AS (SELECT mechanism, usage, agent, subject, n, uri FROM"
        " (SELECT DISTINCT mechanism, usage, agent, subject, regexp_extract(subject, '^[a-z]+://[^/*]*') AS origin FROM said"
        " WHERE subject_kind = 'origin') JOIN (SELECT *, lower(regexp_extract(uri, '^[a-zA-Z]+://[^/?#]*')) AS origin FROM placed)"
        " USING (origin)) SELECT mechanism, usage, agent, subject, sum(n)::BIGINT AS items, min(uri) AS uri"
        " FROM (FROM own UNION ALL FROM stated UNION ALL FROM wide) GROUP BY ALL ORDER BY items DESC, mechanism, usage, agent, subject"
    )


def licence_mix(ledger: Ledger) -> pa.Table:
    """licence, class, lane, items, bytes, of_card (items whose licence is their source card's), conflicts; by items.

    licence "unknown": none was found. conflicts: items whose capture names more than one licence.
    """
    found = ledger.db.table(
        f"WITH published AS ({_published(ledger.db)}), named AS (SELECT capture_id FROM licence WHERE expression IS NOT NULL GROUP BY 1"
        " HAVING count(DISTINCT expression) > 1) SELECT coalesce(licence, 'unknown') AS licence, lane, count(*) AS items,"
        " sum(bytes)::BIGINT AS bytes, count(*) FILTER (of_card) AS of_card, count(*) FILTER (capture_id IN (FROM named)) AS conflicts"
        " FROM published GROUP BY ALL ORDER BY items DESC, licence, lane"
    )
    return _with_class(found)


def _with_class(found: pa.Table) -> pa.Table:
    names = pc.unique(found.column("licence"))
    kinds = pa.array(
        [licence_class(None if name == UNKNOWN else name).value for name in names.to_pylist()], pa.string()
    )
    classes = kinds.take(pc.index_in(found.column("licence"), value_set=names))
    return found.add_column(found.column_names.index("licence") + 1, "class", classes)


def licence_evidence(ledger: Ledger, name: str) -> pa.Table:
    """What names a licence of these items, or of what they are about: uri, location, locator, expression, raw, sha256 of the evidence."""
    at, found = resolve(ledger, name)
    captures = sorted({*found.captures, *(row["capture_id"] for row in lineage(at.db, found.items))})
    rows = at.db.rows(f"SELECT DISTINCT capture_id, uri, fetched_at FROM capture WHERE {among('capture_id', captures)}")
    ids = {row["capture_id"]: row["uri"] for row in rows}
    uris = sorted({uri for uri in ids.values() if uri})
    # A statement about a folder has its URI, which ends in "/".
    return at.db.table(
        "WITH told AS (SELECT DISTINCT l.*, c.uri FROM licence l LEFT JOIN (SELECT DISTINCT capture_id, uri FROM capture) c"
        " USING (capture_id)) SELECT uri, subject, location, locator, expression, raw, evidence_sha256 FROM told"
        " WHERE (subject IS NULL AND capture_id IN (SELECT unnest($ids::BLOB[]))) OR subject IN (SELECT unnest($uris))"
        " OR (ends_with(subject, '/') AND list_any_value([u FOR u IN $uris IF starts_with(u, subject)]) IS NOT NULL)"
        " ORDER BY ALL",
        {"ids": list(ids), "uris": uris},
    )


def attribution(ledger: Ledger) -> pa.Table:
    """licence, class, source, host (null: an upload), items, a uri, for every licence but public domain; by licence, source and host."""
    found = ledger.db.table(
        f"SELECT coalesce(licence, 'unknown') AS licence, source, host, count(*) AS items, min(uri) AS uri FROM ({_published(ledger.db)})"
        f" LEFT JOIN ({_captured(ledger.db, 'uri', 'host')}) USING (capture_id) GROUP BY ALL ORDER BY licence, source, host"
    )
    classed = _with_class(found)
    return classed.filter(pc.not_equal(classed.column("class"), "public_domain"))


def outside_policy(ledger: Ledger) -> pa.Table:
    """item_id, lane, uri, licence, class of published items whose licence the run's policy does not allow: no row is right."""
    (run,) = ledger.db.rows("SELECT DISTINCT policy FROM run WHERE run = $run", {"run": _run(ledger)})
    allowed = policy(run["policy"]).allowed
    # Of all items, published or not: so few names cost nothing, and a join with placements would.
    names = ledger.db.rows("SELECT licence FROM item UNION SELECT licence FROM source")
    bad = [row["licence"] for row in names if licence_class(row["licence"]) not in allowed]
    found = ledger.db.table(
        f"SELECT item_id, lane, uri, coalesce(licence, 'unknown') AS licence FROM ({_published(ledger.db)}) LEFT JOIN ({_captured(ledger.db, 'uri')})"
        " USING (capture_id) WHERE licence IN (SELECT unnest($bad::VARCHAR[])) OR (licence IS NULL AND $null) ORDER BY item_id",
        {"bad": [name for name in bad if name is not None], "null": None in bad},
    )
    return _with_class(found)


def copies(ledger: Ledger, name: str) -> pa.Table:
    """item_id, uri, method and similarity to its witness, state, release and shard of everything in the clusters of these items.

    method "exact_content": the same digest, in whatever lane; null for an item that others were merged into.
    """
    at, found = resolve(ledger, name)
    ids = [row["item_id"] for row in lineage(at.db, found.items, found.captures)]
    contents, members = _like(at.db, ids)
    mine = f"SELECT DISTINCT item_id, capture_id, content_sha256 FROM item WHERE {among('item_id', members)}"
    captures = [row["capture_id"] for row in at.db.rows(f"SELECT DISTINCT capture_id FROM ({mine})")]
    # Every table is asked for the ids themselves: a join would read it whole.
    return at.db.table(
        f"SELECT DISTINCT m.item_id, uri, coalesce(d.method, CASE WHEN {among('content_sha256', contents)} AND NOT {among('m.item_id', ids)}"
        " THEN 'exact_content' END) AS method, d.similarity, e.state, p.release, s.path AS shard"
        f" FROM ({mine}) m LEFT JOIN (SELECT capture_id, uri FROM capture_place WHERE {among('capture_id', captures)}) USING (capture_id)"
        f" LEFT JOIN (FROM duplicate WHERE {among('item_id', members)}) d ON d.item_id = m.item_id"
        f" LEFT JOIN (FROM disposition WHERE {among('item_id', members)}) e ON e.item_id = m.item_id"
        f" LEFT JOIN (FROM placement WHERE {among('item_id', members)}) p ON p.item_id = m.item_id"
        f" LEFT JOIN ({_SHARD}) s USING (shard_id, release) ORDER BY m.item_id"
    )


def _like(db: Database, ids: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The content digests of these items; and the ids of them, of what is in their clusters and of what has one of those contents."""
    contents = db.rows(f"SELECT DISTINCT content_sha256 AS id FROM item WHERE {among('item_id', ids)}")
    clusters = db.rows(
        f"SELECT cluster_id AS id FROM duplicate WHERE {among('item_id', ids)}"
        f" UNION SELECT cluster_id FROM duplicate WHERE {among('witness_id', ids)}"
    )
    same, near = (sorted(row["id"] for row in rows) for rows in (contents, clusters))
    found = db.rows(
        f"SELECT item_id AS id FROM duplicate WHERE {among('cluster_id', near)} UNION SELECT witness_id FROM duplicate"
        f" WHERE {among('cluster_id', near)} UNION SELECT item_id FROM item WHERE {among('content_sha256', same)}"
    )
    return same, sorted({*ids, *(row["id"] for row in found)})


def checkpoints_of(ledger: Ledger, name: str) -> pa.Table:
    """item_id, checkpoint_id, training_run, step, path, times, of what is published of this; one row "unknown" where nothing was recorded.

    `times` null: the run, or one it went on from, did not record what it consumed.
    """
    return _exposure(ledger, name)[1]


def times(ledger: Ledger, name: str) -> pa.Table:
    """item_id, training_run, step (of its last checkpoint), times an item was fed until then, and the steps that fed it.

    `times` counts what the run went on from too; null: unknown. `steps`: of the run itself, from 1 to that checkpoint, ascending; null:
    the run did not record what it consumed.
    """
    at, seen = _exposure(ledger, name)
    found = seen.to_pylist()
    fed = steps(at.db, sorted({row["item_id"] for row in found}))
    last: dict[tuple[bytes, str], Row] = {}
    for row in found:
        key = (row["item_id"], row["training_run"])
        if key not in last or (row["step"] or 0) > (last[key]["step"] or 0):
            last[key] = row
    rows = []
    for row in last.values():
        own = fed.get(row["training_run"])
        until = None if own is None else [step for step in own.get(row["item_id"], []) if step <= row["step"]]
        rows.append({name: row[name] for name in _TIMES.names if name != "steps"} | {"steps": until})
    return pa.Table.from_pylist(rows, schema=_TIMES)


_EXPOSED = pa.schema(
    [
        ("item_id", ID), ("checkpoint_id", ID), ("training_run", pa.string()), ("step", pa.int64()), ("path", pa.string()),
        ("times", pa.int64()),
    ]
)  # fmt: skip
_TIMES = pa.schema(
    [*(_EXPOSED.field(name) for name in ("item_id", "training_run", "step", "times")), ("steps", pa.list_(pa.int64()))]
)


def _exposure(ledger: Ledger, name: str) -> tuple[Ledger, pa.Table]:
    """The ledger that knows the name, and _EXPOSED of what is published of it."""
    at, found = resolve(ledger, name)
    ids = [row["item_id"] for row in lineage(at.db, found.items, found.captures)]
    placed = sorted(placements(at.db, ids))
    seen = checkpoints(ledger.db, placed)
    rows: list[Row]
    if isinstance(seen, str):
        rows = [{"item_id": item, "training_run": UNKNOWN} for item in placed]
    else:
        rows = [
            {"item_id": item} | row | {"times": None if row["times"] == UNKNOWN else row["times"]}
            for item in placed
            for row in seen.get(item, [])
        ]
    return at, pa.Table.from_pylist(rows, schema=_EXPOSED)


def domains(ledger: Ledger) -> pa.Table:
    """host, bytes, items of the tenth of crawled hosts that gives most, of published items; the largest first.

    is_in_sme_list: whether a small or medium provider, who lists fewer, has to name the host too.
    Source of both: the EU's template for the summary of training content, section 2.3.
    """
    found = ledger.db.table(
        f"WITH hosts AS (SELECT host, sum(bytes)::BIGINT AS bytes, count(*) AS items FROM ({_published(ledger.db)}) JOIN ({_captured(ledger.db, 'host')})"
        " USING (capture_id) WHERE source_kind = 'web_crawl' AND host IS NOT NULL GROUP BY 1)"
        " SELECT *, count(*) OVER () AS of FROM hosts ORDER BY bytes DESC, host LIMIT (SELECT CAST(ceil(count(*) / 10) AS BIGINT) FROM hosts)"
    )
    listed = sme_domains(found.column("of")[0].as_py()) if found.num_rows else 0
    is_listed = pa.array([place < listed for place in range(found.num_rows)], pa.bool_())
    return found.drop_columns("of").append_column("is_in_sme_list", is_listed)


SME_DOMAINS = 1000


def sme_domains(hosts: int) -> int:
    """How many of so many crawled hosts a small or medium provider names: 5 %, or SME_DOMAINS, whichever is lower."""
    return min(ceil(hosts / 20), SME_DOMAINS)


def sizes(ledger: Ledger) -> pa.Table:
    """modality, items, bytes, languages (sorted; undecided ones left out), obtained from and until; by modality."""
    return ledger.db.table(
        "SELECT modality, count(*) AS items, sum(bytes)::BIGINT AS bytes, list_sort(list(DISTINCT language)"
        " FILTER (language IS NOT NULL)) AS languages, min(fetched_at) AS obtained_from, max(fetched_at) AS obtained_until"
        f" FROM ({_published(ledger.db)}) LEFT JOIN ({_captured(ledger.db, 'fetched_at')}) USING (capture_id) GROUP BY 1 ORDER BY 1"
    )


def source_shares(ledger: Ledger) -> pa.Table:
    """modality, kind, source, items, bytes, share of the modality's bytes (0..1); the largest first within each modality."""
    return ledger.db.table(
        "SELECT modality, source_kind AS kind, source, count(*) AS items, sum(bytes)::BIGINT AS bytes,"
        " sum(bytes) / sum(sum(bytes)) OVER (PARTITION BY modality) AS share"
        f" FROM ({_published(ledger.db)}) GROUP BY 1, 2, 3 ORDER BY modality, bytes DESC, source"
    )


def funnel(ledger: Ledger) -> pa.Table:
    """lane, state, stage, reason, items, share of the lane's items (0..1): what `headwater drops` prints."""
    return drops(ledger)


def changes(ledger: Ledger, release: str) -> pa.Table:
    """change (added, removed), why, lane, items against another release of this ledger; the most first.

    why: the reason that the other ledger state gives for what it does not hold; "not_captured" where it does not know it.

    Raises:
        NotFound: no commit holds that release.
    """
    other = ledger.of_release(release)
    mine, theirs = (_placed_ids(one.db) for one in (ledger, other))
    added, removed = _minus(mine, theirs), _minus(theirs, mine)
    rows = [("added", *key, n) for key, n in _why_not(other.db, ledger.db, added)]
    rows += [("removed", *key, n) for key, n in _why_not(ledger.db, other.db, removed)]
    names = ("change", "why", "lane", "items")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=_CHANGES)


_CHANGES = pa.schema([("change", pa.string()), ("why", pa.string()), ("lane", pa.string()), ("items", pa.int64())])


def _placed_ids(db: Database) -> pa.Table:
    return db.table("SELECT DISTINCT item_id FROM placement")


def _minus(some: pa.Table, others: pa.Table) -> pa.Table:
    known = others.column("item_id").combine_chunks()
    return some.filter(pc.invert(pc.is_in(some.column("item_id"), value_set=known)))


def _why_not(without: Database, holder: Database, ids: pa.Table) -> list[tuple[tuple[str, str], int]]:
    """((why `without` does not hold them, lane), how many), the most first."""
    if not ids.num_rows:
        return []
    lanes = _of_ids(holder, ids, "lane", UNKNOWN)
    why = _of_ids(without, ids, "coalesce(reason, state)", "not_captured")
    counts = Counter(zip(why.to_pylist(), lanes.to_pylist(), strict=True))
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _of_ids(db: Database, ids: pa.Table, what: str, missing: str) -> pa.ChunkedArray:
    """What the dispositions say of these items, in their order."""
    db.connection.register("asked", ids.append_column("place", pa.array(range(ids.num_rows))))
    sql = (
        f"SELECT coalesce({what}, '{missing}') AS said FROM asked LEFT JOIN disposition USING (item_id) ORDER BY place"
    )
    return db.table(sql).column("said")


def made_by(ledger: Ledger) -> pa.Table:
    """A row a stage: release, run, recipe, recipe_digest, policy, runner, version of Headwater; lane, stage, its version, parameters
    and models (name and sha256 of each model file it used; null: not recorded).
    """
    return ledger.db.table(
        "SELECT r.release, r.run, r.recipe, r.recipe_digest, r.policy, r.runner, r.version, o.lane, o.stage, o.version AS stage_version,"
        " o.parameters, o.models FROM (SELECT DISTINCT * FROM run) r, (SELECT DISTINCT * FROM op) o WHERE r.run = $run ORDER BY lane, stage, parameters",
        {"run": _run(ledger)},
    )


def _run(ledger: Ledger) -> str:
    """The run whose release the commit holds: its own, or, of a training commit, that which it was laid upon."""
    found: str = ledger.db.rows("SELECT run FROM run ORDER BY ended_at DESC LIMIT 1")[0]["run"]
    return found
