"""`python -m pipelines.models fetch`: get every model file that is missing."""

import sys

from pipelines.models.files import FILES, fetch, folder

if __name__ == "__main__":
    if sys.argv[1:] != ["fetch"]:
        sys.exit("usage: python -m pipelines.models fetch")
    for model in FILES:
        print(f"{model.name}: {'fetched' if fetch(model) else 'there'} in {folder()}")
