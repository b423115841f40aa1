"""The corpus for a run: `python -m tests.corpus [FOLDER]`. Writes the uploads below the folder, serves the sites on loopback, and
prints one JSON line {"hosts": {name: "address:port"}}. It serves until its standard input closes, so that it never outlives
whoever started it.
"""

import json
import sys
from pathlib import Path

from tests.corpus.site import serving
from tests.corpus.uploads import write_uploads

if __name__ == "__main__":
    for folder in sys.argv[1:]:
        write_uploads(Path(folder))
    with serving() as hosts:
        print(json.dumps({"hosts": hosts}), flush=True)
        sys.stdin.read()
