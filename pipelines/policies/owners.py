"""Owners who want their code in no corpus: a list that the recipe names, held against the repository of each file."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.errors import RecipeError
from schemas.reasons import Reason

_ENTRY = re.compile(r"(?:[\w.-]+\.[a-z]{2,}/)?[\w.-]+(?:/[\w.-]+)?")


def judge_owners(stage: Stage, items: pa.RecordBatch, signals: pa.RecordBatch) -> pa.RecordBatch:
    """One decision a row: `drop` where the list has the repository (with or without its host) or its owner.

    A file whose repository is not known (null) is kept. `detail` is the repository.
    """
    repository = pc.struct_field(items.column("facts"), "repository")
    listed = pa.array(stage.settings["owners"], pa.string())
    parts = pc.split_pattern(repository, "/", max_splits=1)
    within = pc.list_element(pc.if_else(repository.is_valid(), parts, pa.scalar(["", ""], parts.type)), 1)
    owner = pc.replace_substring_regex(within, "/.*", "")
    of_host = pc.binary_join_element_wise(pc.replace_substring_regex(repository, "/.*", ""), owner, "/")
    is_listed = repository.is_valid()
    found = decisions(items.column("item_id"), stage.name)
    names = (repository, within, owner, of_host)
    hits = np.any([pc.is_in(name, value_set=listed).to_numpy(zero_copy_only=False) for name in names], axis=0)
    mask = hits & is_listed.to_numpy(zero_copy_only=False)
    found.set(mask, Verdict.DROP, Reason.OWNER_OPT_OUT, detail=repository.to_numpy(zero_copy_only=False))
    return found.batch()


def read_owners(path: Path) -> tuple[str, ...]:
    """The entries of a list, sorted: one a line, an owner, `owner/name`, or either after a host; `#` begins a comment.

    `https://github.com/River/Ferry.git` -> `github.com/river/ferry`

    Raises:
        RecipeError: the file cannot be read, or a line is no such entry.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"owner_opt_outs {path} cannot be read ({error}): without it nobody's opt-out counts, so nothing runs; give the path of the "
            "list, relative to the recipe, or leave the key out"
        ) from None
    found = set()
    for number, line in enumerate(lines, 1):
        entry = line.partition("#")[0].strip().lower().removeprefix("https://").removeprefix("http://").strip("/@")
        entry = entry.removesuffix(".git")
        if entry and not _ENTRY.fullmatch(entry):
            raise RecipeError(
                f"owner_opt_outs {path}, line {number}: {line.strip()!r} is neither an owner nor owner/name"
            )
        found.add(entry)
    return tuple(sorted(found - {""}))


CODE_OWNERS = Stage(name="owners.code", version=1, shape=Shape.JUDGE, fn=judge_owners, parameters=(("owners", ()),))
