"""`python -m pipelines.models fetch`: gets every model file that is missing. With `list`: the table of model files.

With `digest FILE`: what a recipe writes as `recogniser_sha256`, of a recogniser and the tokens beside it.
"""

import sys
from pathlib import Path

from pipelines.models.files import FILES, fetch, folder
from pipelines.models.recogniser import digest_of
from schemas.errors import ModelMissing


def main(arguments: list[str]) -> str | None:
    """What went wrong, for `sys.exit`; None if nothing did."""
    if arguments == ["list"]:
        for model in FILES:
            print(f"{model.name}  {model.size_bytes} bytes  {model.licence}  sha256 {model.sha256}  {model.url}")
        return None
    if len(arguments) == 2 and arguments[0] == "digest":
        try:
            print(digest_of(Path(arguments[1])))
        except ModelMissing as error:
            return str(error)
        return None
    if arguments != ["fetch"]:
        return "usage: python -m pipelines.models fetch|list|digest FILE"
    for model in FILES:
        try:
            done = "fetched into" if fetch(model, folder()) else "is in"
        except ModelMissing as error:
            return str(error)
        print(f"{model.name} {done} {folder()}")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
