"""The killable child: untrusted bytes are decoded in a process of their own, under limits, one row at a time.

Parent: `Child(module, result).map(batch)` gives one row for each row: the columns of `result`, or a `failure`.
Child: `module` is a small program that ends in `serve(decode, result)`; it is started by `python -m` and lives long.

C code ignores signals and exceptions, so nothing less than killing helps. Before each row the child marks its index in
memory shared with the parent. A row that hangs, eats memory or takes the process down is the marked one: it gets its
failure and the rest goes to a fresh child (one restart a death, 0.34 s; bisecting took 27 s). Every row has the whole
of its limits, whatever came before it, so that what is found does not depend on how rows were batched.

    frame   magic, length, Arrow IPC stream of one batch; over stdin a request, over stdout one or more answers to it
    mark    index of the row, -1 while the request is read; size of the child's stderr when the row began

Needs Linux: limits count from what /proc says is in use, and prctl makes the child end with its parent.
"""

import ctypes
import fcntl
import io
import mmap
import os
import re
import resource
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from types import ModuleType, TracebackType
from typing import IO, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import ChildError
from schemas.reasons import Reason

Decode: TypeAlias = Callable[[Mapping[str, Any]], Mapping[str, Any]]

FAILURE_FIELDS = (
    pa.field("failure", pa.string()),  # Reason; null where the row was decoded
    pa.field("detail", pa.string()),  # one sentence on the failure; no payload, no address of memory
)

_FRAME = struct.Struct("<4sQ")
_MAGIC = b"HWC1"
_MARK = struct.Struct("<qq")
_READING = -1

# Chosen: a chunk bounds what a death costs in decoding again, and what either side holds in memory.
CHUNK_ROWS = 128
CHUNK_BYTES = 16 * 2**20
# Chosen: starting takes 0.4 s; a cold disk under load may take a hundred times that.
_START_SECONDS = 60.0
# Chosen: how often the parent looks at the mark, and so how late it may see a deadline pass.
_TICK_SECONDS = 0.05
_PIPE_BYTES = 2**20
# Chosen: a decoder writes no files; this is for what it says on stderr.
_FILE_BYTES = 2**20
# Chosen: enough for one sentence in the ledger.
_DETAIL_CHARS = 200
# What the child keeps of the environment: where programs and libraries lie. No credentials, no locale, no time zone.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME")
# Signals that others send, not the row: the kernel when memory runs out, an operator, the end of the parent's thread.
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
# What allocators say before they abort: C++, Rust, Python and Arrow.
_OUT_OF_MEMORY = re.compile(r"bad_alloc|memory allocation of \d+ bytes failed|out of memory|MemoryError", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one row may use. The processor limit is the one meant to decide; the wall deadline is for what sleeps.

    row_seconds: wall time. cpu_seconds: processor time, met to within a second. memory_bytes: address space on top of
    what the child has mapped when the row begins.
    """

    row_seconds: float = 10.0  # Source: FAULTS.md, row 48
    cpu_seconds: int = 5  # Chosen: half the deadline, so that a machine at half speed still gives the same answer
    memory_bytes: int = 2**30  # Chosen: 200 times the largest page that is let in (5 MiB)


class RowFailed(Exception):
    """Raised by a decoder to give its row this reason. `detail` is one sentence and holds nothing of the payload."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class _Death:
    """On which row of a request a child ended (`_READING`: on none) and of what; null where the row may be innocent."""

    row: int
    reason: Reason | None
    detail: str


class Child:
    """A decoding process, started when first needed and replaced when it dies. Not for two threads at once.

        with Child(html_child, html_child.RESULT) as child:
            found = child.map(batch)

    `module` is the imported program, or its dotted name. `result` is the schema it answers in; a row that failed is
    null in all of it. Pickles without its process, so that it travels to Beam and `spawn` workers.
    """

    def __init__(self, module: ModuleType | str, result: pa.Schema, limits: Limits | None = None) -> None:
        self._module = module if isinstance(module, str) else _dotted_name(module)
        self._result, self._limits = result, limits or Limits()
        self._answer = pa.schema([*result, *FAILURE_FIELDS])
        self._process: _Process | None = None

    def __reduce__(self) -> tuple[type["Child"], tuple[str, pa.Schema, Limits]]:
        return Child, (self._module, self._result, self._limits)

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        kept = _KEPT.get()
        if kept is None or self._process is None or (self._module, self._limits) in kept:
            self.close()
        else:
            kept[self._module, self._limits], self._process = self._process, None

    def close(self) -> None:
        """End the process, if there is one. The next `map` starts another."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def map(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """One row for each row of `batch`, in order: the columns of `result`, then `failure` and `detail`.

        Raises:
            ChildError: the program does not start or does not keep the protocol; never because of what a row holds.
        """
        return pa.concat_batches([_rows([], self._answer), *map(self._map_chunk, _chunks(batch))])

    def _map_chunk(self, chunk: pa.RecordBatch) -> pa.RecordBatch:
        """The answer for one chunk, after as many restarts as it holds rows that kill."""
        left = np.arange(len(chunk))
        found = _rows([], self._answer)
        failures: dict[int, dict[str, str]] = {}
        spared: set[int] = set()  # rows, or none (_READING), on which a child died that may not have been to blame
        while len(left):
            outcome = self._ask(chunk if len(left) == len(chunk) else chunk.take(pa.array(left)))
            if isinstance(outcome, pa.RecordBatch):
                found = outcome
                break
            row = _READING if outcome.row == _READING else int(left[outcome.row])
            if (row == _READING or outcome.reason is None) and row not in spared:
                spared.add(row)
                continue
            if row == _READING:
                raise ChildError(
                    f"python -m {self._module} ended twice before any row: {outcome.detail}; run it by hand"
                )
            failures[row] = {"failure": outcome.reason or Reason.MEMORY_LIMIT, "detail": outcome.detail}
            left = np.delete(left, outcome.row)
        if not failures:
            return found
        both = pa.concat_batches([found, _rows([*failures.values()], self._answer)])
        return both.take(pa.array(np.argsort(np.concatenate([left, [*failures]]))))

    def _ask(self, batch: pa.RecordBatch) -> "pa.RecordBatch | _Death":
        """The child's answer to one batch, or how it died of it."""
        if self._process is None:
            self._process = (_KEPT.get() or {}).pop((self._module, self._limits), None)
        if self._process is None or not self._process.is_alive():
            self.close()
            self._process = _Process(self._module, self._limits)
        try:
            answers = self._process.exchange(_packed(batch), len(batch))
            if not isinstance(answers, _Death):
                return self._checked(answers, len(batch))
        except BaseException:
            self.close()  # a half-done exchange can not be taken up again
            raise
        self.close()
        return answers

    def _checked(self, answers: list[pa.RecordBatch], rows: int) -> pa.RecordBatch:
        """The answers as one batch; they come from a process that read hostile input, so nothing is taken on trust."""
        schemas = {answer.schema for answer in answers}
        if schemas != {self._answer} or sum(map(len, answers)) != rows:
            raise ChildError(f"{self._module} answered {rows} rows by {sum(map(len, answers))} rows of {schemas}")
        found = pa.concat_batches(answers)
        found.validate(full=True)
        return found


_KEPT: ContextVar["dict[tuple[str, Limits], _Process] | None"] = ContextVar("kept", default=None)


def keep_children() -> None:
    """From now on, in this context and to its end, what a `with Child(...)` leaves behind serves the next one of its program and limits."""
    _KEPT.set({})


@contextmanager
def kept_children() -> Iterator[None]:
    """`keep_children` within this: to start one costs 0.7 s of CPU. Ends them all; one within another keeps nothing of its own."""
    if _KEPT.get() is not None:
        yield
        return
    kept: dict[tuple[str, Limits], _Process] = {}
    token = _KEPT.set(kept)
    try:
        yield
    finally:
        _KEPT.reset(token)
        for process in kept.values():
            process.close()


class _Process:
    """One running child, seen from the parent: its pipes, its mark, its stderr."""

    def __init__(self, module: str, limits: Limits) -> None:
        self._module, self._limits, self._overdue = module, limits, False
        self._mark_file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - both files live until close()
        self._mark_file.truncate(mmap.PAGESIZE)
        self._mark = mmap.mmap(self._mark_file.fileno(), mmap.PAGESIZE)
        self._stderr: IO[bytes] = tempfile.TemporaryFile("a+b")  # noqa: SIM115
        mark = self._mark_file.fileno()
        self._popen = subprocess.Popen(
            # -P: a file that happens to lie in the working directory is never imported.
            [sys.executable, "-P", "-m", module, str(mark), str(limits.cpu_seconds), str(limits.memory_bytes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, pass_fds=(mark,), bufsize=0,
            env=_environment(),
        )  # fmt: skip
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._in, self._out = self._popen.stdin, self._popen.stdout
        fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)  # 64 KiB at a time cost 8 % more
        os.set_blocking(self._in.fileno(), False)

    def is_alive(self) -> bool:
        """Whether the process runs (it may have ended while idle)."""
        return self._popen.poll() is None

    def close(self) -> None:
        """Kill the process and let go of everything it held."""
        self._popen.kill()
        self._popen.wait()
        for held in (self._in, self._out, self._mark, self._mark_file, self._stderr):
            held.close()

    def exchange(self, request: memoryview, rows: int) -> "list[pa.RecordBatch] | _Death":
        """The answers to `request`, together of `rows` rows, or how the child died."""
        self._mark[: _MARK.size] = _MARK.pack(_READING, 0)
        self._stderr.truncate(0)
        unsent = [memoryview(_FRAME.pack(_MAGIC, len(request))), request]
        found: list[pa.RecordBatch] = []
        while sum(map(len, found)) < rows:
            frame = self._frame(unsent)
            if frame is None:
                return self._death()
            try:
                found.append(pa.ipc.open_stream(frame).read_next_batch())
            except (pa.ArrowException, StopIteration) as error:
                raise ChildError(f"{self._module} answered what is no Arrow stream: {error}") from error
        return found

    def _frame(self, unsent: list[memoryview]) -> memoryview | None:
        """The next frame, while what is unsent is written as the child takes it; null when the child is gone."""
        frame = bytearray()
        deadline, last = time.monotonic() + _START_SECONDS, _READING
        ready = select.poll()  # not select(): that refuses descriptors from 1024 on
        ready.register(self._out, select.POLLIN)
        if unsent:
            ready.register(self._in, select.POLLOUT)
        while missing := self._missing(frame):
            for fd, _ in ready.poll(_TICK_SECONDS * 1000):
                if fd == self._in.fileno():
                    self._write(unsent)
                    if not unsent:
                        ready.unregister(fd)
                elif part := os.read(fd, min(_PIPE_BYTES, missing)):
                    frame += part
                else:
                    return None
            now, row = time.monotonic(), _MARK.unpack_from(self._mark)[0]
            if row != last:
                deadline, last = now + self._limits.row_seconds, row
            if now > deadline:
                self._overdue = True
                self._popen.kill()
                return None
        return memoryview(frame)[_FRAME.size :]

    def _write(self, unsent: list[memoryview]) -> None:
        """Write what the pipe takes of the first part."""
        try:
            sent = os.write(self._in.fileno(), unsent[0][:_PIPE_BYTES])
        except BrokenPipeError:
            unsent.clear()  # it is gone, and the end of its output will tell
            return
        unsent[0] = unsent[0][sent:]
        if not unsent[0]:
            del unsent[0]

    def _missing(self, frame: bytearray) -> int:
        """How many bytes of the frame are still to come, as far as can be told."""
        if len(frame) < _FRAME.size:
            return _FRAME.size - len(frame)
        magic, length = _FRAME.unpack_from(frame)
        if magic != _MAGIC or length > 2 * CHUNK_BYTES + self._limits.memory_bytes:
            raise ChildError(f"{self._module} broke the protocol by {bytes(frame[:12])!r}; only serve() may use stdout")
        return _FRAME.size + int(length) - len(frame)

    def _death(self) -> _Death:
        """Which row the child died on, and of what."""
        row, said_before = _MARK.unpack_from(self._mark)
        code = self._popen.wait()
        if self._overdue:
            return _Death(row, Reason.TIME_LIMIT, f"not done after {self._limits.row_seconds:g} s of wall time")
        if code == -signal.SIGXCPU:
            return _Death(row, Reason.TIME_LIMIT, f"used up {self._limits.cpu_seconds} s of processor time")
        ended = f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        if -code in _FROM_OUTSIDE:
            return _Death(row, None, f"{ended}, sent from outside as when memory runs out")
        said = self._said(said_before)
        reason = Reason.MEMORY_LIMIT if _OUT_OF_MEMORY.search(said) else Reason.DECODER_CRASHED
        last = said.rpartition("\n")[2] if row == _READING else _without_payload(said)
        return _Death(row, reason, f"{ended}: {last}" if last else ended)

    def _said(self, since: int) -> str:
        """The end of what the child wrote to stderr from this offset on."""
        size = self._stderr.seek(0, io.SEEK_END)
        self._stderr.seek(max(since, size - 4096))
        return self._stderr.read().decode("utf-8", "replace").strip()


def serve(decode: Decode, result: pa.Schema) -> None:
    """The child's whole life: answer requests, row by row, until stdin ends.

    `decode` takes a row as a dict and gives the columns of `result` (all nullable), or raises: RowFailed for a reason of
    its own; MemoryError becomes `memory_limit` and any other exception `stage_failed`.
    """
    _die_with_parent()
    sys.meta_path.insert(0, _NoPandas())
    mark_fd, cpu_seconds, memory_bytes = (int(argument) for argument in sys.argv[1:4])
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder prints goes to stderr: stdout is the protocol's alone
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    given = resource.getrlimit(resource.RLIMIT_FSIZE)[1]  # a shell may have set less already (ulimit -f)
    cap = _FILE_BYTES if given == resource.RLIM_INFINITY else min(_FILE_BYTES, given)
    resource.setrlimit(resource.RLIMIT_FSIZE, (cap, cap))
    mark = mmap.mmap(mark_fd, mmap.PAGESIZE)
    answer = pa.schema([*result, *FAILURE_FIELDS])
    while header := requests.read(_FRAME.size):
        length = _FRAME.unpack(header)[1]
        _limit(cpu_seconds, memory_bytes + length)
        batch = pa.ipc.open_stream(requests.read(length)).read_next_batch()
        found: list[pa.RecordBatch] = []
        held_bytes = 0
        for row in range(len(batch)):
            mark[: _MARK.size] = _MARK.pack(row, os.fstat(2).st_size)
            _limit(cpu_seconds, memory_bytes)
            found.append(_decoded(decode, batch, row, answer))
            held_bytes += found[-1].nbytes
            if row == len(batch) - 1 or held_bytes > CHUNK_BYTES:
                _send(answers, pa.concat_batches(found))
                found, held_bytes = [], 0
        if _memory_bytes()[1] > memory_bytes:
            return  # a decoder that leaks: the parent starts a fresh child


class _NoPandas(MetaPathFinder):
    """pyarrow imports pandas, where there is one, before it makes its first array: 0.13 s of the 0.35 s that a start takes."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def _decoded(decode: Decode, batch: pa.RecordBatch, row: int, answer: pa.Schema) -> pa.RecordBatch:
    """The answer for one row, as a batch of one."""
    try:
        return _rows([dict(decode({name: batch.column(name)[row].as_py() for name in batch.schema.names}))], answer)
    except RowFailed as error:
        failure, detail = error.reason, error.detail
    except MemoryError:
        failure, detail = Reason.MEMORY_LIMIT, "no memory left under the limit of a row"
    except Exception as error:  # whatever it is, it is this row's failure, and the parent must account for it
        failure, detail = Reason.STAGE_FAILED, f"{type(error).__name__}: {_without_payload(str(error))}"
    return _rows([{"failure": failure, "detail": detail[:_DETAIL_CHARS]}], answer)


def _limit(cpu_seconds: int, memory_bytes: int) -> None:
    """Give what begins now its whole limits, on top of what the process has used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    # The kernel counts whole seconds: rounded up, so that a row never gets less.
    seconds = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (_memory_bytes()[0] + memory_bytes, resource.RLIM_INFINITY))


def _memory_bytes() -> tuple[int, int]:
    """What this process has mapped, and what of it is resident. Source: proc(5), statm, in pages."""
    with open("/proc/self/statm", "rb", buffering=0) as statm:
        mapped, resident = statm.read().split()[:2]
    return int(mapped) * mmap.PAGESIZE, int(resident) * mmap.PAGESIZE


def _die_with_parent() -> None:
    """Have the kernel end this process with the parent: a decoder that hangs would never see stdin end.

    By SIGTERM, because it is the end of the *thread* that started us which counts, and that may come while another
    thread of the parent waits for an answer; from the signal the parent knows that the row is not to blame.
    Source: prctl(2), PR_SET_PDEATHSIG is 1.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes us
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _without_payload(message: str) -> str:
    """The last line of a message, without what it quotes (it may be payload) and without addresses of memory."""
    last = message.strip().rpartition("\n")[2]
    return re.sub(r"\b0x[0-9a-fA-F]+", "0x", re.sub(r"'[^']*'|\"[^\"]*\"", "'...'", last))[:_DETAIL_CHARS]


def _rows(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def _packed(batch: pa.RecordBatch) -> memoryview:
    """A batch as an Arrow IPC stream."""
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema) as stream:
        stream.write_batch(batch)
    return memoryview(out.getvalue())


def _send(answers: IO[bytes], batch: pa.RecordBatch) -> None:
    packed = _packed(batch)
    answers.write(_FRAME.pack(_MAGIC, len(packed)))
    answers.write(packed)
    answers.flush()


def _chunks(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Slices of at most CHUNK_ROWS rows and about CHUNK_BYTES of text and bytes, of at least one row each."""
    sizes = np.zeros(len(batch), dtype=np.int64)
    for column in batch.columns:
        if pa.types.is_large_binary(column.type) or pa.types.is_binary(column.type) or pa.types.is_string(column.type):
            sizes += pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    by_bytes, by_rows = (np.cumsum(sizes) - sizes) // CHUNK_BYTES, np.arange(len(batch)) // CHUNK_ROWS
    ends = [*(np.flatnonzero(np.diff(by_bytes) | np.diff(by_rows)) + 1).tolist(), len(batch)]
    for start, end in zip([0, *ends], ends, strict=False):
        if end > start:
            yield batch.slice(start, end - start)


def _environment() -> dict[str, str]:
    """The child's environment: the parent's import path, one thread, and malloc, whose use of memory is what is asked."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # mimalloc reserves a GiB of address space at once
    }


def _dotted_name(module: ModuleType) -> str:
    if module.__spec__ is None:
        raise ChildError(f"{module.__name__} was not imported, so that python -m can not start it")
    return module.__spec__.name
