"""The user's own network for speech: a file of ONNX in the folder of models, and its tokens in a JSON file beside it."""

import hashlib
from functools import cache
from pathlib import Path

from pipelines.models.files import folder
from schemas.errors import ModelMissing


def recogniser(name: str, digest: str) -> tuple[str | None, str | None]:
    """(its path, its vocabulary as JSON); nulls for an empty name.

    Raises:
        ModelMissing: it is not in the folder, or has not this digest; the text says the cure.
    """
    if not name:
        return None, None
    path = folder() / name
    return str(path), _vocabulary(path, digest)


def digest_of(path: Path) -> str:
    """The digest of a network with its vocabulary: SHA-256 of the SHA-256 of each, hex.

    Raises:
        ModelMissing: one of the two files is missing.
    """
    files = (path, path.with_suffix(".json"))
    for file in files:
        if not file.is_file():
            raise ModelMissing(
                f"model file {file} is missing: a recogniser is NAME.onnx with its tokens, NAME.json, in {path.parent}"
            )
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()


@cache
def _vocabulary(path: Path, digest: str) -> str:
    if (found := digest_of(path)) != digest:
        raise ModelMissing(
            f"the recogniser {path} has digest {found}, and the recipe asks for {digest or 'none'}: if it is the right one, set "
            f'recogniser_sha256 = "{found}" under [stage."split.audio"]'
        )
    return path.with_suffix(".json").read_text("utf-8")
