"""Small evidence by hand: captures, statements, licences and robots files as the tables the judge reads."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from pipelines.rights.weighed import Evidence
from schemas.capture import CAPTURE
from schemas.digest import sha256
from schemas.item import item_schema
from schemas.rights import LICENCE, RIGHTS, ROBOTS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(hours: float) -> datetime:
    """Noon, and so many hours later."""
    return NOON + timedelta(hours=hours)


def key(name: str) -> bytes:
    """The capture_id that stands for this name."""
    return sha256(name.encode())


def capture(name: str, uri: str | None, fetched_at: datetime | None = NOON) -> dict[str, Any]:
    return {
        "capture_id": key(name), "source": "web", "outcome": "fetched", "uri": uri, "fetched_at": fetched_at, "headers": [],
        "record_type": "response",
    }  # fmt: skip


def statement(
    capture_name: str, mechanism: str, usage: str = "train-ai", verdict: str = "disallow", **columns: Any
) -> dict[str, Any]:
    defaults = {
        "capture_id": key(capture_name), "subject_kind": "capture", "subject": None, "mechanism": mechanism, "usage": usage,
        "verdict": verdict, "agent": None, "locator": "here", "excerpt": "said", "evidence_sha256": key("e"), "observed_at": NOON,
    }  # fmt: skip
    return defaults | columns


def site_statement(subject: str, mechanism: str, **columns: Any) -> dict[str, Any]:
    return statement("site", mechanism, **({"subject_kind": "origin", "subject": subject} | columns))


def licence(capture_name: str, location: str, expression: str | None) -> dict[str, Any]:
    return {
        "capture_id": key(capture_name), "location": location, "locator": "byte 1", "expression": expression, "raw": "x",
        "evidence_sha256": key("e"),
    }  # fmt: skip


def robots(
    origin: str, body: str = "", status: int | None = 200, hours: float = 0, location: str | None = None
) -> dict[str, Any]:
    raw = body.encode()
    return {
        "capture_id": sha256(f"{origin} {hours}".encode()), "origin": origin, "fetched_at": at(hours), "status": status,
        "location": location, "body": raw, "body_sha256": sha256(raw),
    }  # fmt: skip


def item(capture_name: str, licence: str | None = "CC0-1.0", source: str = "web", n: int = 0) -> dict[str, Any]:
    return {
        "item_id": sha256(f"{capture_name} {n}".encode()), "capture_id": key(capture_name), "source": source, "modality": "text",
        "media_type": "text/html", "text": "x", "content_sha256": key("x"), "licence": licence,
    }  # fmt: skip


def items(*rows: Mapping[str, Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=item_schema(pa.struct([])))


def evidence(
    captures: Iterable[Mapping[str, Any]] = (),
    rights: Iterable[Mapping[str, Any]] = (),
    licences: Iterable[Mapping[str, Any]] = (),
    robots: Iterable[Mapping[str, Any]] = (),
    cards: Mapping[str, str | None] | None = None,
) -> Evidence:
    return Evidence(
        captures=pa.Table.from_pylist(list(captures), schema=CAPTURE),
        rights=pa.Table.from_pylist(list(rights), schema=RIGHTS),
        licences=pa.Table.from_pylist(list(licences), schema=LICENCE),
        robots=pa.Table.from_pylist(list(robots), schema=ROBOTS),
        card_licences=cards or {},
    )
