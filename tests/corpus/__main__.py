"""Serve the corpus on loopback: `python -m tests.corpus`. Prints one JSON line {"hosts": {name: "address:port"}}, then serves
until its standard input closes, so that it never outlives whoever started it.
"""

import json
import sys

from tests.corpus.site import serving

if __name__ == "__main__":
    with serving() as hosts:
        print(json.dumps({"hosts": hosts}), flush=True)
        sys.stdin.read()
