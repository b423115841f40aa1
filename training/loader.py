"""Rows of a plan as tensors. The state of a loader is the number of the next row, and nothing else.

Legend: B rows, T places of a row, P pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from schemas.digest import sha256
from schemas.plan import Plan
from schemas.training import Kind
from training.documents import TRAINING, Document, Weights, assemble
from training.tokens import Tokens

# What a held-out loss is told by: what is given, and what is asked of it.
TASKS = ("text", "image.caption", "image.repair", "audio.transcribe", "audio.repair", "question.answer", "image.pair")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows as tensors.

    `ids`, `positions` (in the document), `parts` (who may see whom: equal numbers, 0 is padding): int64[B, T].
    `targets`: int64[N], ids to predict; `at`: int64[N], the place (row x T + column) that predicts each; `weights`:
    float32[N], above 0; `tasks`: int64[N], of TASKS. `image_at`, `text_at`: int64[P], places of `embed` in both halves of
    each pair; `captions`: int64[P], equal where captions are, in every process.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    parts: torch.Tensor
    targets: torch.Tensor
    at: torch.Tensor
    weights: torch.Tensor
    tasks: torch.Tensor
    image_at: torch.Tensor
    text_at: torch.Tensor
    captions: torch.Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return Batch(**{one.name: getattr(self, one.name).to(device, non_blocking=True) for one in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Documents, where their ids lie, and the plan that orders them."""

    tokens: Tokens
    documents: list[dict[str, Any]]
    items: list[dict[str, Any]]
    plan: Plan
    hidden: float
    weights: Weights = TRAINING

    @staticmethod
    def of(tokens: Tokens, documents: pa.Table, plan: Plan, hidden: float, weights: Weights = TRAINING) -> "Feed":
        """The feed of a table of documents (DOCUMENT) over a token store."""
        by_id = {row["item_id"]: row for row in tokens.index.to_pylist()}
        rows = documents.to_pylist()
        items = [by_id[row["item_id"]] for row in rows]
        return Feed(tokens=tokens, documents=rows, items=items, plan=plan, hidden=hidden, weights=weights)

    def batch(self, rows: Sequence[int]) -> Batch:
        """The batch of these rows of training; -1 is a row of padding."""
        made = _Making(len(rows), self.plan.row_tokens)
        for at, row in enumerate(rows):
            if row >= 0:
                self._fill(made, at, row)
        return made.batch()

    def _fill(self, made: "_Making", at: int, row: int) -> None:
        column = 0
        for number in self.plan.row(row).tolist():
            document = assemble(
                self.documents[number],
                self.items[number],
                self.tokens.ids,
                hidden=self.hidden,
                weights=self.weights,
                seed=self.plan.seed,
                epoch=row // self.plan.rows,
                place=number,
            )
            made.put(at, column, document, _task(document.kind, self.items[number]["modality"]))
            column += len(document.ids)


def _task(kind: Kind, modality: str) -> int:
    return TASKS.index("text" if kind is Kind.TEXT else f"{modality}.{kind}")


class _Making:
    """A batch while it is filled."""

    def __init__(self, rows: int, row_tokens: int) -> None:
        shape = (rows, row_tokens)
        self.ids, self.positions, self.parts, self.tasks = (np.zeros(shape, np.int64) for _ in range(4))
        self.weights = np.zeros(shape, np.float32)
        self.pairs: list[tuple[int, int, int]] = []

    def put(self, row: int, column: int, document: Document, task: int) -> None:
        """One document from `column` on."""
        size, second = len(document.ids), document.second
        span = slice(column, column + size)
        self.ids[row, span], self.weights[row, span], self.tasks[row, span] = document.ids, document.weights, task
        last = int(self.parts[row].max())
        for half, (begin, end) in enumerate(((0, second), (second, size)), 1):
            self.positions[row, column + begin : column + end] = np.arange(end - begin)
            self.parts[row, column + begin : column + end] = last + half
        if document.kind is Kind.PAIR:
            place = row * self.ids.shape[1] + column
            caption = int.from_bytes(sha256(document.ids[second:].tobytes())[:8], "little", signed=True)
            self.pairs.append((place + second - 1, place + size - 1, caption))

    def batch(self) -> Batch:
        # The id at place t is predicted at t - 1, which is of the same document: the first id of one never counts.
        (wanted,) = np.nonzero(self.weights.ravel())
        image_at, text_at, captions = np.array(self.pairs, np.int64).reshape(-1, 3).T
        arrays = {
            "ids": self.ids,
            "positions": self.positions,
            "parts": self.parts,
            "targets": self.ids.ravel()[wanted],
            "at": wanted - 1,
            "weights": self.weights.ravel()[wanted],
            "tasks": self.tasks.ravel()[wanted],
            "image_at": image_at,
            "text_at": text_at,
            "captions": captions,
        }
        return Batch(**{name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()})


def step_rows(step: int, rows: int, *, rank: int = 0, world: int = 1) -> list[int]:
    """The rows that one process feeds in a step (from 0): its share of step*rows..., with -1 up to the size of the others.

    `step_rows(1, 3, rank=1, world=2)` is `[4, -1]`: of rows 3, 4 and 5 the second process feeds the second.
    """
    mine = list(range(step * rows + rank, (step + 1) * rows, world))
    return mine + [-1] * (-(-rows // world) - len(mine))
