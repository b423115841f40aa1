"""OpenLineage: the run that made a release as one RunEvent, for catalogues of lineage.

Source: OpenLineage 2-0-2, RunEvent; facets DataSource 1-0-1, Documentation 1-1-0, Version 1-0-1, OutputStatistics 1-0-2.
"""

import uuid

from pipelines.exports.facts import NOTICE, Facts
from pipelines.shard.files import side_json
from schemas.digest import Json, plain

PRODUCER = "urn:headwater"
_SPEC = "https://openlineage.io/spec"


def openlineage(facts: Facts) -> bytes:
    """The event as key-sorted JSON. Its run id is a UUID made from the hash of the commit."""
    run = facts.run
    namespace = f"headwater:{run['recipe']}"
    # Source: RFC 9562, 5.8: version 8 holds what its maker wants, here the first bits of a SHA-256.
    number = uuid.UUID(bytes=bytes.fromhex(facts.commit.hash)[:16])
    identity = uuid.UUID(int=number.int & ~(0xF << 76) & ~(0x3 << 62) | 8 << 76 | 2 << 62)
    body: dict[str, Json] = {
        "eventType": "COMPLETE",
        "eventTime": plain(run["ended_at"]),
        "producer": f"{PRODUCER}:{run['version']}",
        "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {
            "runId": str(identity),
            "facets": {"headwater_ledger": _facet("headwater_ledger", {
                "run": run["run"], "commit": facts.commit.seq, "hash": facts.commit.hash, "recipeDigest": run["recipe_digest"].hex(),
                "policy": run["policy"], "notice": NOTICE,
            })},
        },
        "job": {"namespace": namespace, "name": run["recipe"]},
        "inputs": [
            {
                "namespace": namespace, "name": row["name"],
                "facets": {"documentation": _standard("1-1-0/DocumentationDatasetFacet", {
                    "description": f"{row['title']}, {row['provider']} ({row['kind']}); licence {row['licence'] or 'per item'}"})},
            }
            for row in facts.sources
        ],
        "outputs": [
            {
                "namespace": namespace, "name": f"releases/{facts.name}",
                "facets": {"version": _standard("1-0-1/DatasetVersionDatasetFacet", {"datasetVersion": facts.release["set_root"].hex()})},
                "outputFacets": {"outputStatistics": _standard("1-0-2/OutputStatisticsOutputDatasetFacet", {
                    "rowCount": facts.release["items"], "size": facts.release["bytes"], "fileCount": len(facts.tars)})},
            }
        ],
    }  # fmt: skip
    return side_json(body)


def _standard(name: str, said: dict[str, Json]) -> Json:
    version, _, kind = name.partition("/")
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/facets/{version}/{kind}.json#/$defs/{kind}", **said}


def _facet(name: str, said: dict[str, Json]) -> Json:
    return {"_producer": PRODUCER, "_schemaURL": f"{PRODUCER}:facet:{name}:1", **said}
