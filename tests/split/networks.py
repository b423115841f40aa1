"""A network that hears: ONNX written byte by byte, as its description in protobuf has it (onnx/onnx.proto of the ONNX project)."""

import json
from pathlib import Path

import numpy as np

from schemas.digest import sha256

WINDOW = 160  # samples, 10 ms
TOKENS = {"<pad>": 0, "|": 1, "a": 2, "b": 3}
_LEVELS = {"a": 0.5, "b": -0.5}


def sound_of(text: str) -> np.ndarray:
    """float64 at 16 kHz that the network reads as this text of a, b and spaces: a level of 0.1 s for each letter, silence between."""
    silence = np.zeros(1600)
    return np.concatenate([part for letter in text for part in (np.full(1600, _LEVELS.get(letter, 0.1)), silence)])


def write(folder: Path) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Lay the network and its tokens into the folder; (their digests as a recipe gives them, their paths as a site does)."""
    files = {"recogniser": ("ears.onnx", _network()), "recogniser_tokens": ("ears.json", json.dumps(TOKENS).encode())}
    for name, data in files.values():
        (folder / name).write_bytes(data)
    digests = {setting: sha256(data).hex() for setting, (_, data) in files.items()}
    return digests, tuple((setting, str(folder / name)) for setting, (name, _) in files.items())


def _network() -> bytes:
    """Of each window: blank where it is silent, a where it lies high, b where it lies low, a space in between."""
    level = np.ones(WINDOW) / WINDOW
    filters = np.stack([0 * level, 2 * level, 10 * level, -10 * level])[:, None].astype("<f4")
    bias = np.array([0.2, 0.1, -3.0, -3.0], "<f4")
    nodes = [
        _node("Unsqueeze", ("sound", "axes"), "wide"),
        _node("Conv", ("wide", "filters", "bias"), "high", ("strides", (WINDOW,))),
        _node("Transpose", ("high",), "logits", ("perm", (0, 2, 1))),
    ]
    tensors = [_tensor("axes", np.array([1], "<i8"), 7), _tensor("filters", filters, 1), _tensor("bias", bias, 1)]
    graph = b"".join(
        [*(_field(1, node) for node in nodes), _field(2, b"ears"), *(_field(5, tensor) for tensor in tensors),
         _field(11, _value("sound", (1, None))), _field(12, _value("logits", (1, None, len(TOKENS))))]
    )  # fmt: skip
    return _number(1, 8) + _field(7, graph) + _field(8, _number(2, 13))


def _node(
    kind: str, inputs: tuple[str, ...], output: str, attribute: tuple[str, tuple[int, ...]] | None = None
) -> bytes:
    found = (
        b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode()) + _field(4, kind.encode())
    )
    if attribute:
        name, values = attribute
        found += _field(5, _field(1, name.encode()) + b"".join(_number(8, value) for value in values) + _number(20, 7))
    return found


def _tensor(name: str, values: np.ndarray, kind: int) -> bytes:
    dims = b"".join(_number(1, dim) for dim in values.shape)
    return dims + _number(2, kind) + _field(8, name.encode()) + _field(9, values.tobytes())


def _value(name: str, shape: tuple[int | None, ...]) -> bytes:
    dims = b"".join(_field(1, _field(2, b"n") if dim is None else _number(1, dim)) for dim in shape)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, 1) + _field(2, dims)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
