"""Papers in formats of others, held against the models that their makers publish: SPDX 3.0.1 and OpenLineage."""

import copy
import io
import json
import warnings

import pytest

from pipelines.exports.openlineage import openlineage
from pipelines.exports.spdx import spdx

# --- SPDX --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    module = pytest.importorskip(
        "spdx_python_model", reason="spdx-python-model is not installed; it comes with the extra dev"
    )
    return module.v3_0_1


def read(model, document):
    """The objects of a document as SPDX's own model has them, each with every property that its class needs."""
    found = model.SHACLObjectSet()
    model.JSONLDDeserializer().read(io.BytesIO(json.dumps(document).encode()), found)
    model.JSONLDSerializer().write(found, io.BytesIO())  # reading checks types, writing what is needed
    return found


def test_the_model_of_spdx_reads_every_element_and_misses_none(model, known):
    document = json.loads(spdx(known))
    found = read(model, document)
    assert found.missing_ids == set()
    assert {one._id for one in found.foreach_type(model.Element)} == {
        one["spdxId"] for one in document["@graph"] if "spdxId" in one
    }
    (dataset,) = found.foreach_type(model.dataset_DatasetPackage)
    assert dataset.dataset_datasetSize == known.release["bytes"]


def first(document, kind):
    return next(one for one in document["@graph"] if one["type"] == kind)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda it: first(it, "dataset_DatasetPackage").update(dataset_datasetSize=-1),
        lambda it: first(it, "dataset_DatasetPackage").update(dataset_datasetType=["smell"]),
        lambda it: first(it, "dataset_DatasetPackage").pop("dataset_datasetType"),
        lambda it: first(it, "Relationship").update(relationshipType="likes"),
        lambda it: first(it, "Relationship").pop("from"),
        lambda it: first(it, "software_File").update(color="red"),
        lambda it: first(it, "CreationInfo").update(created="yesterday"),
        lambda it: first(it, "CreationInfo").pop("createdBy"),
    ],
)
def test_the_model_of_spdx_refuses_what_is_no_spdx(spoil, model, known):
    document = json.loads(spdx(known))
    spoil(document)
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        read(model, document)


# --- OpenLineage -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    """The event and its facets as OpenLineage's own client makes them from plain values."""
    pytest.importorskip("openlineage.client", reason="openlineage-python is not installed; it comes with the extra dev")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from openlineage.client import event_v2, serde
        from openlineage.client.facet_v2 import (
            dataset_version_dataset,
            documentation_dataset,
            output_statistics_output_dataset,
        )

    kinds = {
        "documentation": documentation_dataset.DocumentationDatasetFacet,
        "version": dataset_version_dataset.DatasetVersionDatasetFacet,
        "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    }

    def facets(told):
        return {
            name: kinds[name](producer=one["_producer"], **{key: value for key, value in one.items() if key[0] != "_"})
            for name, one in told.items()
        }

    def made(event):
        """The same event, made anew; facets of our own are not the client's business."""
        inputs = [event_v2.InputDataset(**{**one, "facets": facets(one["facets"])}) for one in event["inputs"]]
        outputs = [
            event_v2.OutputDataset(
                **{**one, "facets": facets(one["facets"]), "outputFacets": facets(one["outputFacets"])}
            )
            for one in event["outputs"]
        ]
        return serde.Serde.to_dict(
            event_v2.RunEvent(
                eventType=event_v2.RunState(event["eventType"]), eventTime=event["eventTime"], producer=event["producer"],
                run=event_v2.Run(runId=event["run"]["runId"]), job=event_v2.Job(**event["job"]), inputs=inputs, outputs=outputs,
            )
        )  # fmt: skip

    return made


def without_empty(value):
    """JSON without the empty facets that the client writes."""
    if isinstance(value, list):
        return [without_empty(one) for one in value]
    if isinstance(value, dict):
        return {name: without_empty(one) for name, one in value.items() if one != {}}
    return value


def test_the_client_of_openlineage_makes_the_same_event(client, known):
    event = json.loads(openlineage(known))
    own = event["run"].pop("facets")["headwater_ledger"]
    assert without_empty(client(event)) == event
    assert all(own[name].startswith("urn:headwater") for name in ("_producer", "_schemaURL"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda it: it.update(eventType="DONE"),
        lambda it: it.update(eventTime="yesterday"),
        lambda it: it["run"].update(runId="run-1"),
        lambda it: it["job"].pop("name"),
        lambda it: it["inputs"][0].pop("namespace"),
        lambda it: it["inputs"][0]["facets"]["documentation"].pop("description"),
        lambda it: it["outputs"][0]["outputFacets"]["outputStatistics"].update(rows=3),
    ],
)
def test_the_client_of_openlineage_refuses_what_is_no_event(spoil, client, known):
    event = copy.deepcopy(json.loads(openlineage(known)))
    spoil(event)
    with pytest.raises((ValueError, TypeError, KeyError)):
        client(event)
