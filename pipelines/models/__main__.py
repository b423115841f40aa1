"""`python -m pipelines.models fetch`: gets every model file that is missing. With `list`: the table of model files."""

import sys

from pipelines.models.files import FILES, fetch, folder
from schemas.errors import ModelMissing


def main(arguments: list[str]) -> str | None:
    """What went wrong, for `sys.exit`; None if nothing did."""
    if arguments == ["list"]:
        for model in FILES:
            print(f"{model.name}  {model.size_bytes} bytes  {model.licence}  sha256 {model.sha256}  {model.url}")
        return None
    if arguments != ["fetch"]:
        return "usage: python -m pipelines.models fetch|list"
    for model in FILES:
        try:
            done = "fetched into" if fetch(model, folder()) else "is in"
        except ModelMissing as error:
            return str(error)
        print(f"{model.name} {done} {folder()}")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
