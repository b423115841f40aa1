"""The run folder: one training run, from its first file to its last.

run.json          what decides the run: preset, seed, release, vocabulary, plan, what it goes on from
vocabulary/       the encoders, so that the folder alone can read and write
tokens/           the token store (not where --tokens names one)
checkpoints/      the last ones, and the best
curve.parquet     a row a step; curve.png is a picture of it
record/           rows for the ledger: training_run, consumption, checkpoint, document, and record.json without documents
base/             such rows of the run that this one goes on from, and of those before it
result.json       how it ended; where it is, the run is complete
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.shard.files import write_file
from schemas.digest import digest, plain
from schemas.errors import PresetError, TrainingError
from schemas.item import ID
from schemas.training import DOCUMENT, RECORD
from training import checkpoint
from training.checkpoint import Checkpoint
from training.config import Config, from_plain
from training.files import write_json

RUN, RESULT = "run.json", "result.json"
_NOT_DECIDING = ("training_run", "started_at", "version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What decides a run. `kind`: pretrain | tune. `init`: the checkpoint it goes on from; `task`: what tuning is for."""

    kind: str
    config: Config
    release_root: bytes
    vocabulary: bytes
    plan: bytes
    block: int
    init: bytes | None = None
    task: Mapping[str, Any] | None = None

    @property
    def training_run(self) -> str:
        """The name of the run: the same for the same training, wherever and whenever."""
        named = digest(
            "training_run", self.kind, self.config.digest, self.release_root, self.vocabulary, self.plan, self.init
        )
        return f"{self.kind}-{named.hex()[:12]}"


def clock() -> datetime:
    """Now. The only clock of a run: no other byte but `started_at` and the seconds in its result depends on it."""
    return datetime.now(UTC)


def begin(folder: Path, setup: Setup, documents: pa.Table, now: datetime) -> None:
    """Write run.json and the documents of the plan, or check that what is there is of this very run.

    Raises:
        PresetError: the folder holds another run.
    """
    facts = {
        "training_run": setup.training_run,
        "kind": setup.kind,
        "config": plain(setup.config),
        "release_root": setup.release_root.hex(),
        "vocabulary": setup.vocabulary.hex(),
        "plan": {"digest": setup.plan.hex(), "row_tokens": setup.config.model.row_tokens, "block": setup.block},
        "init": setup.init.hex() if setup.init else None,
        "task": setup.task,
        "started_at": plain(now),
        "version": metadata.version("headwater"),
    }
    if not (folder / RUN).is_file():
        digests = pa.array([setup.plan] * len(documents), ID)
        _write_table(folder / "record" / "document.parquet", documents.append_column("plan_digest", digests), DOCUMENT)
        write_json(folder / RUN, facts)
        return
    before = facts_of(folder)
    if before["training_run"] != setup.training_run:
        differing = ", ".join(key for key in facts if before.get(key) != facts[key] and key not in _NOT_DECIDING)
        raise PresetError(f"{folder} holds {before['training_run']}, which differs in {differing}; give another --out")


def facts_of(folder: Path) -> dict[str, Any]:
    """What run.json says. Raises TrainingError where the folder holds no run."""
    try:
        return dict(json.loads((folder / RUN).read_bytes()))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{folder} holds no training run: {error}; `headwater train` makes one") from error


def config_of(folder: Path) -> Config:
    """The preset of the run in a folder."""
    return from_plain(facts_of(folder)["config"])


def result_of(folder: Path) -> dict[str, Any] | None:
    """How the run in a folder ended, None where it has not."""
    path = folder / RESULT
    return dict(json.loads(path.read_bytes())) if path.is_file() else None


def chosen(path: Path) -> tuple[Path, Checkpoint]:
    """The run folder and checkpoint that a path names: a run's (its result's, else its last), or one checkpoint's.

    Raises:
        TrainingError: there is none.
    """
    if (path / checkpoint.MANIFEST).is_file():
        return path.parent.parent, checkpoint.read(path)
    ended = result_of(path)
    found = checkpoint.checkpoints(path)
    if ended is not None and (path / ended["checkpoint"]).is_dir():
        return path, checkpoint.read(path / ended["checkpoint"])
    if not found:
        raise TrainingError(f"{path} holds no checkpoint; `headwater train` makes one")
    return path, found[-1]


def record(folder: Path) -> dict[str, pa.Table]:
    """The rows that the ledger keeps of a run (RECORD), from run.json and the manifests of its checkpoints."""
    facts = facts_of(folder)
    found = checkpoint.checkpoints(folder)
    seed, plan = int(facts["config"]["seed"]), facts["plan"]
    run_row = {
        "training_run": facts["training_run"],
        "kind": facts["kind"],
        "release_root": bytes.fromhex(facts["release_root"]),
        "config_digest": from_plain(facts["config"]).digest,
        "vocabulary_digest": bytes.fromhex(facts["vocabulary"]),
        "plan_digest": bytes.fromhex(plan["digest"]),
        "seed": seed,
        "row_tokens": plan["row_tokens"],
        "block": plan["block"],
        "rows_per_step": _stage(facts)["rows"],
        "init_checkpoint": bytes.fromhex(facts["init"]) if facts["init"] else None,
        "started_at": datetime.fromisoformat(facts["started_at"]),
        "version": facts["version"],
    }
    fed = max((int(one.facts["rows"]) for one in found), default=0)
    consumed = {name: run_row[name] for name in ("training_run", "plan_digest", "seed")}
    rows = {
        "training_run": [run_row],
        "consumption": [consumed | {"first_row": 0, "last_row": fed - 1}] if fed else [],
        "checkpoint": [_checkpoint_row(folder, facts, one) for one in found],
    }
    own = {name: pa.Table.from_pylist(of, RECORD[name]) for name, of in rows.items()}
    own["document"] = pq.ParquetFile(folder / "record" / "document.parquet").read()
    return own


def lineage(folder: Path) -> dict[str, pa.Table]:
    """The record of a run and of those it went on from: enough to say alone who saw what (`schemas.exposure`)."""
    own, before = record(folder), read_record(folder / "base")
    return {name: pa.concat_tables([before[name], own[name]]) for name in RECORD}


def read_record(folder: Path) -> dict[str, pa.Table]:
    """The tables that `write_record` left in a folder; empty ones where there is no such folder."""
    if not folder.is_dir():
        return {name: schema.empty_table() for name, schema in RECORD.items()}
    return {name: pq.ParquetFile(folder / f"{name}.parquet").read() for name in RECORD}


def _stage(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(facts["config"]["train" if facts["kind"] == "pretrain" else "tune"])


def _checkpoint_row(folder: Path, facts: Mapping[str, Any], one: Checkpoint) -> dict[str, Any]:
    rows = int(one.facts["rows"])
    return {
        "checkpoint_id": one.checkpoint_id,
        "training_run": facts["training_run"],
        "step": one.step,
        "rows": rows,
        "tokens": rows * int(facts["plan"]["row_tokens"]),
        "path": one.path.relative_to(folder).as_posix(),
        "weights_sha256": bytes.fromhex(one.files[checkpoint.WEIGHTS]),
        "bytes": sum((one.path / name).stat().st_size for name in one.files),
    }


def write_record(folder: Path) -> None:
    """Write record/<table>.parquet, and the small ones as record.json too."""
    tables = record(folder)
    for name, table in tables.items():
        if name != "document":
            _write_table(folder / "record" / f"{name}.parquet", table, RECORD[name])
    rows = {name: plain(table.to_pylist()) for name, table in tables.items() if name != "document"}
    write_json(folder / "record" / "record.json", rows)


def write_base(folder: Path, base: Path) -> None:
    """Write base/: the lineage of the run in `base`, that the one in `folder` goes on from."""
    for name, table in lineage(base).items():
        _write_table(folder / "base" / f"{name}.parquet", table, RECORD[name])


def _write_table(path: Path, table: pa.Table, schema: pa.Schema) -> None:
    buffer = io.BytesIO()
    pq.write_table(table.select(schema.names).cast(schema), buffer, compression="zstd")
    write_file(path, buffer.getvalue())
