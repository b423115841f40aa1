"""SPDX 3.0.1 of a release as JSON-LD: a dataset package of which each tar is a file, with the licences found and the sources behind it.

Source: SPDX 3.0.1, profiles Core, Software, SimpleLicensing and Dataset; serialization in JSON-LD.
"""

from collections.abc import Sequence

from pipelines.audit.words import Row
from pipelines.exports.facts import NOTICE, Facts
from pipelines.shard.files import side_json
from schemas.digest import Json
from schemas.source import SourceKind

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
# Source: SPDX 3.0.1, Dataset/DatasetType: what it calls the data of a modality.
TYPES = {"text": "text", "image": "image", "audio": "audio", "video": "video"}
_CREATION = "_:creation"
Element = dict[str, Json]


def spdx(facts: Facts) -> bytes:
    """The document as key-sorted JSON-LD."""
    base = f"urn:headwater:{facts.name}"
    made = facts.run["ended_at"].strftime("%Y-%m-%dT%H:%M:%SZ")
    tool: Element = {
        "type": "Tool",
        "spdxId": f"{base}:tool",
        "name": f"Headwater {facts.run['version']}",
        "creationInfo": _CREATION,
    }
    maker: Element = {
        "type": "Organization",
        "spdxId": f"{base}:user",
        "name": f"Whoever ran {facts.run['run']}",
        "creationInfo": _CREATION,
    }
    dataset: Element = _dataset(facts, base, made)
    files = [_file(one.path, one.sha256, base) for one in facts.tars]
    sources = [_source(row, base) for row in facts.sources]
    names = sorted({row["licence"] for row in facts.licences if row["licence"] != "unknown"})
    licences = [_licence(name, n, base) for n, name in enumerate(names)]
    links: list[Element] = [
        _link(base, "contains", "contains", dataset, files),
        _link(base, "sources", "hasInput", dataset, sources),
        _link(base, "licences", "hasConcludedLicense", dataset, licences),
    ]
    elements: list[Element] = [tool, maker, dataset, *files, *sources, *licences, *(link for link in links if link)]
    document: Element = {
        "type": "SpdxDocument", "spdxId": f"{base}:document", "name": facts.name, "comment": NOTICE, "creationInfo": _CREATION,
        "rootElement": [dataset["spdxId"]], "element": [one["spdxId"] for one in elements],
        "profileConformance": ["core", "software", "simpleLicensing", "dataset"],
    }  # fmt: skip
    creation: Element = {"type": "CreationInfo", "@id": _CREATION, "specVersion": "3.0.1", "created": made, "createdBy": [maker["spdxId"]],
                "createdUsing": [tool["spdxId"]]}  # fmt: skip
    graph: list[Json] = [creation, *elements, document]
    return side_json({"@context": CONTEXT, "@graph": graph})


def _dataset(facts: Facts, base: str, made: str) -> Element:
    unknown = sum(row["items"] for row in facts.licences if row["licence"] == "unknown")
    kinds = {TYPES.get(row["modality"], "other") for row in facts.sizes}
    found: Element = {
        "type": "dataset_DatasetPackage", "spdxId": f"{base}:dataset", "creationInfo": _CREATION, "name": facts.name,
        "software_packageVersion": facts.name, "software_primaryPurpose": "data", "builtTime": made, "releaseTime": made,
        "software_downloadLocation": f"urn:headwater:releases:{facts.name}",
        "originatedBy": [f"{base}:user"],
        "dataset_datasetType": [*sorted(kinds)],
        "dataset_datasetSize": facts.release["bytes"],
        "dataset_dataCollectionProcess": "; ".join(sorted({SourceKind(row["kind"]).value for row in facts.sources})),
        "dataset_dataPreprocessing": [*sorted({f"{row['stage']} {row['stage_version']}" for row in facts.stages})],
        "comment": f"Of {unknown} items the licence is unknown. {NOTICE}",
        "verifiedUsing": [_hash(facts.release["set_root"].hex())],
    }  # fmt: skip
    return found


def _hash(digest: str) -> Json:
    return {"type": "Hash", "algorithm": "sha256", "hashValue": digest}


def _file(path: str, digest: str, base: str) -> Element:
    return {"type": "software_File", "spdxId": f"{base}:file:{path}", "creationInfo": _CREATION, "name": path,
            "contentType": "application/x-tar", "verifiedUsing": [_hash(digest)]}  # fmt: skip


def _source(row: Row, base: str) -> Element:
    comment = (
        f"{row['kind']}; provider {row['provider']}; contact {row['contact']}; licence {row['licence'] or 'per item'}"
    )
    return {"type": "software_Package", "spdxId": f"{base}:source:{row['name']}", "creationInfo": _CREATION, "name": str(row["title"]),
            "software_primaryPurpose": "data", "comment": comment}  # fmt: skip


def _licence(expression: str, number: int, base: str) -> Element:
    return {"type": "simplelicensing_LicenseExpression", "spdxId": f"{base}:licence:{number}", "creationInfo": _CREATION,
            "simplelicensing_licenseExpression": expression}  # fmt: skip


def _link(base: str, name: str, kind: str, dataset: Element, to: Sequence[Element]) -> Element:
    ids = [one["spdxId"] for one in to]
    if not ids:
        return {}
    return {"type": "Relationship", "spdxId": f"{base}:link:{name}", "creationInfo": _CREATION, "relationshipType": kind,
            "from": dataset["spdxId"], "to": ids}  # fmt: skip
