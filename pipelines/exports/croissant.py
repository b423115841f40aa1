"""Croissant 1.1 of a release, with terms of RAI (what was done with the data) and PROV (what it was made from and by).

    croissant(facts(ledger, release)) -> bytes of JSON-LD

The record sets read the Parquet files with a row a sample, not the tars: of texts in tars mlcroissant 1.1.1 gave no record and no
error. Paths are relative to the release's folder.
"""

from collections.abc import Sequence

import pyarrow as pa

from pipelines.exports.facts import NOTICE, Facts, Stored
from pipelines.shard.files import side_json
from schemas.digest import Json, plain
from schemas.sample import ABOUT, PLACE
from schemas.source import SourceKind

# Source: Croissant specification 1.1, "Appendix 1: JSON-LD context"; with the prefixes of RAI 1.0 and of PROV-O added.
_TERMS = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject", "fileProperty",
    "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
    "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Json] = {
    **{term: f"cr:{term}" for term in _TERMS},
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
}
CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
# Croissant wants MAJOR.MINOR.PATCH. A release never changes, and its name says which one it is: so the number says nothing.
VERSION = "1.0.0"
# Source: Croissant RAI 1.0, dataCollectionType: the words it recommends; a kind that it has no word for keeps ours.
COLLECTION = {
    SourceKind.WEB_CRAWL: "Web Scraping",
    SourceKind.PUBLIC_DATASET: "Secondary Data Analysis",
    SourceKind.LICENSED: "Secondary Data Analysis",
    SourceKind.PRIVATE: "Secondary Data Analysis",
    SourceKind.USER: "Direct measurement",
    SourceKind.SYNTHETIC: "Software Collection",
    SourceKind.OTHER: "Others",
}
_SPDX = "https://spdx.org/licenses/"


def croissant(facts: Facts) -> bytes:
    """The JSON-LD, indented and key-sorted."""
    body: dict[str, Json] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS),
        "name": facts.name,
        "version": VERSION,
        "description": _description(facts),
        "citeAs": f"{facts.run['recipe']}, release {facts.name}, root {facts.release['set_root'].hex()}",
        "datePublished": facts.run["ended_at"].date().isoformat(),
        "license": _licences(facts),
        "url": next(
            (row["url"] for row in facts.sources if row["url"]), f"urn:sha256:{facts.release['set_root'].hex()}"
        ),
        "identifier": f"urn:sha256:{facts.release['set_root'].hex()}",
        "inLanguage": list(facts.languages),
        "creator": [_organization(name) for name in sorted({row["provider"] for row in facts.sources})],
        "distribution": _distribution(facts),
        "recordSet": _record_sets(facts),
        **_responsible(facts),
        **_provenance(facts),
    }
    return side_json({key: value for key, value in body.items() if value not in ([], None)})


def _description(facts: Facts) -> str:
    items = ", ".join(f"{row['items']:,} of modality {row['modality']}" for row in facts.sizes)
    return f"Release {facts.name} of the corpus {facts.run['recipe']}: {items}. {NOTICE}"


def _licences(facts: Facts) -> list[Json]:
    """SPDX addresses, or the expression where it is no single listed licence; "unknown" where none was found."""
    names = sorted({row["licence"] for row in facts.licences})
    listed = [_SPDX + name if name.replace("-", "").replace(".", "").replace("+", "").isalnum() and name != "unknown"
              and not name.startswith("LicenseRef-") else name for name in names]  # fmt: skip
    return [*listed]


def _organization(name: str) -> Json:
    return {"@type": "sc:Organization", "name": name}


def _distribution(facts: Facts) -> list[Json]:
    files = [_file(one, "application/x-tar") for one in facts.tars]
    files += [_file(one, "application/x-parquet") for one in facts.rows]
    lanes = sorted({one.path.split("/")[0] for one in facts.rows})
    sets: list[Json] = [
        {
            "@type": "cr:FileSet", "@id": f"{lane}-rows", "name": f"{lane}-rows",
            "description": f"The Parquet files of lane {lane}: a row a sample, with the place of its parts in the tars.",
            "encodingFormat": "application/x-parquet", "includes": f"{lane}/meta/*.parquet",
        }
        for lane in lanes
    ]  # fmt: skip
    return files + sets


def _file(one: Stored, encoding: str) -> Json:
    return {
        "@type": "cr:FileObject", "@id": one.path, "name": one.path, "contentUrl": one.path, "contentSize": f"{one.bytes} B",
        "encodingFormat": encoding, "sha256": one.sha256,
    }  # fmt: skip


def _record_sets(facts: Facts) -> list[Json]:
    lanes = sorted({one.path.split("/")[0] for one in facts.rows})
    return [
        {
            "@type": "cr:RecordSet", "@id": f"{lane}-samples", "name": f"{lane}-samples",
            "description": f"The samples of lane {lane}: key in the tar, digest, source, licence and language of each.",
            "key": {"@id": f"{lane}-samples/key"},
            "field": _fields(lane, [*PLACE, *ABOUT]),
        }
        for lane in lanes
    ]  # fmt: skip


def _fields(lane: str, columns: Sequence[pa.Field]) -> list[Json]:
    """The columns that Croissant has a type for; binary digests and lists of parts it has none for."""
    return [
        {
            "@type": "cr:Field", "@id": f"{lane}-samples/{column.name}", "name": f"{lane}-samples/{column.name}",
            "description": f"Column {column.name}.",
            "dataType": "sc:Text" if pa.types.is_string(column.type) else "sc:Integer",
            "source": {"fileSet": {"@id": f"{lane}-rows"}, "extract": {"column": column.name}},
        }
        for column in columns
        if pa.types.is_string(column.type) or pa.types.is_integer(column.type)
    ]  # fmt: skip


def _responsible(facts: Facts) -> dict[str, Json]:
    """Terms of RAI. What nobody recorded (biases, use cases, social impact) is left out rather than made up."""
    kinds = [SourceKind(row["kind"]) for row in facts.sources]
    unknown = sum(row["items"] for row in facts.licences if row["licence"] == "unknown")
    conflicts = sum(row["conflicts"] for row in facts.licences)
    replaced = [f"{row['kind']}: {row['places']} places in {row['items']} items, by {row['stage']}"
                for row in facts.edited if row["kind"]]  # fmt: skip
    withheld = [f"{row['reason']}: {row['items']} ({row['what']}s)" for row in facts.withheld]
    first, last = facts.period
    found: dict[str, Json] = {
        "rai:dataCollection": "; ".join(
            f"{row['title']} by {row['provider']} ({row['kind']}, {row['items']} items)" for row in facts.sources
        ),
        "rai:dataCollectionType": [*sorted({COLLECTION[kind] for kind in kinds})],
        "rai:dataCollectionTimeframe": [first, last] if first and last else [],
        "rai:dataPreprocessingProtocol": [f"{lane}: {', '.join(names)}" for lane, names in _stages(facts).items()],
        "rai:dataManipulationProtocol": f"Rules and edits of recipe {facts.run['recipe']}, digest {facts.run['recipe_digest'].hex()};"
        " the ledger holds every decision with its reason.",
        "rai:personalSensitiveInformation": [*replaced],
        "rai:dataLimitations": [
            f"Of {unknown} items the licence is unknown; of {conflicts} the evidence names more than one licence.",
            *(f"Left out because of rights: {line}" for line in withheld),
            NOTICE,
        ],
        "rai:dataReleaseMaintenancePlan": "Whoever wants to be taken out writes to "
        + "; ".join(sorted({row["contact"] for row in facts.sources}))
        + ". A release never changes; the next one lacks what was taken out.",
    }
    return found


def _stages(facts: Facts) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in facts.stages:
        name = f"{row['stage']} {row['stage_version']}"
        lane = found.setdefault(row["lane"], [])
        if name not in lane:
            lane.append(name)
    return found


def _provenance(facts: Facts) -> dict[str, Json]:
    """Terms of PROV: the sources it is derived from, and the run that made it with recipe, version and commit."""
    run = facts.run
    return {
        "prov:wasDerivedFrom": [
            {
                key: value
                for key, value in {
                    "@type": "prov:Entity", "@id": f"source/{row['name']}", "prov:label": row["title"], "prov:atLocation": row["url"],
                    "dct:license": row["licence"], "dct:type": row["kind"],
                    "prov:wasAttributedTo": {"@type": "prov:Agent", "prov:label": row["provider"]},
                }.items()
                if value is not None
            }
            for row in facts.sources
        ],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity", "@id": f"run/{run['run']}", "prov:label": f"headwater run {run['recipe']}",
            "prov:startedAtTime": plain(run["started_at"]), "prov:endedAtTime": plain(run["ended_at"]),
            "prov:wasAssociatedWith": {"@type": "prov:SoftwareAgent", "prov:label": f"Headwater {run['version']}"},
            "prov:used": {"@type": "prov:Plan", "prov:label": f"recipe {run['recipe']}",
                          "dct:identifier": f"urn:sha256:{run['recipe_digest'].hex()}"},
            "prov:generated": {"@type": "prov:Entity", "prov:label": f"commit {facts.commit.seq} of the ledger",
                               "dct:identifier": f"urn:sha256:{facts.commit.hash}"},
        },
    }  # fmt: skip
