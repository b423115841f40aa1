"""A decoder that does what a row tells it, for the tests of `pipelines.child`. Never import anything heavy here."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipelines.child import RowFailed, serve
from schemas.reasons import Reason

RESULT = pa.schema([pa.field("text", pa.string()), pa.field("pid", pa.int64())])


def decode(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row's payload in capitals, unless the row asks for a misdeed."""
    data: bytes = row["data"]
    misdeed, _, path = data.decode().partition(":")
    match misdeed:
        case "abort":
            os.abort()
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "exit":
            raise SystemExit(7)
        case "sleep":
            time.sleep(3600)
        case "nap":
            time.sleep(0.2)
        case "spin":
            while True:
                pass
        case "allocate":
            hoard = []
            while True:
                hoard.append(bytearray(2**22))
        case "bad_alloc":
            print("terminate called after throwing an instance of 'std::bad_alloc'", file=sys.stderr, flush=True)
            os.abort()
        case "raise":
            raise ValueError("no number: 'secret of the payload'")
        case "refuse":
            raise RowFailed(Reason.NOT_DECODABLE, "refused")
        case "killed_once":
            if not os.path.exists(path):
                with open(path, "w"):
                    os.kill(os.getpid(), signal.SIGKILL)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "print":
            print("on stdout", flush=True)
        case "pandas":
            return {"text": str(sys.modules.get("pandas")), "pid": os.getpid()}
        case "wrong_type":
            return {"text": 1, "pid": "x"}
    return {"text": data.decode().upper(), "pid": os.getpid()}


if __name__ == "__main__":
    serve(decode, RESULT)
