"""The gate of a release: nothing in it that was taken down, is on the suppression list, or is reserved by the newest evidence."""

from typing import Any

from pipelines.audit.open import Ledger
from pipelines.rights.agreements import SUBJECT as SOURCE
from pipelines.rights.judge import OWN_KINDS
from pipelines.rights.policy import policy
from pipelines.suppression import Suppression
from schemas.rights import RightsVerdict


def barred(ledger: Ledger, gone: Suppression | None) -> list[dict[str, Any]]:
    """Items of the release that must not be in it: item_id, and why (withdrawn | suppressed | reserved); none where all is well."""
    found = [
        {"item_id": row["item_id"], "why": "withdrawn"}
        for row in ledger.db.rows(
            "SELECT DISTINCT item_id FROM placement JOIN request_match USING (item_id) ORDER BY item_id"
        )
    ]
    if gone is not None:
        rows = ledger.db.rows(
            "SELECT DISTINCT p.item_id, i.content_sha256, c.uri, s.uri AS said_at FROM placement p JOIN item i USING (item_id)"
            " LEFT JOIN capture c USING (capture_id) LEFT JOIN capture s ON s.capture_id = i.text_capture_id ORDER BY p.item_id"
        )
        found += [
            {"item_id": row["item_id"], "why": "suppressed"}
            for row in rows
            if gone.has_content(row["content_sha256"]) or gone.has_uri(row["uri"]) or gone.has_uri(row["said_at"])
        ]
    return found + [{"item_id": one, "why": "reserved"} for one in _reserved(ledger)]


def _reserved(ledger: Ledger) -> list[bytes]:
    """Items of captures that say, as fetched or at a later visit, that nobody may use them so, and of sources whose terms or contract
    do: as the run's policy counts uses.
    """
    (row,) = ledger.db.rows("SELECT DISTINCT policy FROM run") or [{"policy": None}]
    if row["policy"] is None:
        return []
    rows = ledger.db.rows(
        "WITH said AS (SELECT * FROM rights WHERE usage IN (SELECT unnest($usages::VARCHAR[])) AND agent IS NULL AND verdict = $verdict),"
        " placed AS (SELECT item_id, i.source, i.capture_id, i.text_capture_id FROM placement JOIN item i USING (item_id))"
        " SELECT item_id FROM placed p JOIN said r ON r.capture_id IN (p.capture_id, p.text_capture_id)"
        " WHERE r.subject_kind IN (SELECT unnest($kinds::VARCHAR[]))"
        f" UNION SELECT item_id FROM placed JOIN said ON subject = source WHERE subject_kind = '{SOURCE}' ORDER BY item_id",
        {
            "kinds": list(OWN_KINDS),
            "usages": [one.value for one in policy(row["policy"]).usages],
            "verdict": RightsVerdict.DISALLOW.value,
        },
    )
    return [one["item_id"] for one in rows]
