"""The verb that serves a page of its own: lookup."""

import argparse
import importlib.util
import sys

from pipelines.verbs import show
from schemas.errors import InputError


def lookup_arguments(parser: argparse.ArgumentParser) -> None:
    """What `lookup` takes."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one, which is printed)")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="a name that the page answers to; may come several times",
    )
    parser.add_argument("--proxy", metavar="ADDRESS", help="the proxy before it, whose X-Forwarded-For says who asks")


def lookup(asked: argparse.Namespace) -> None:
    """Serve the page over a site's ledger until it is interrupted."""
    if importlib.util.find_spec("starlette") is None or importlib.util.find_spec("uvicorn") is None:
        raise InputError("the lookup page is not installed: pip install 'headwater[lookup]'")
    if not 0 <= asked.port < 65536:
        raise InputError(f"--port {asked.port} is no port; give 0 (a free one) to 65535")
    from pipelines.audit.open import Ledger
    from pipelines.lookup.serve import serve
    from pipelines.site import load_site

    store = load_site(asked.site).store
    Ledger.open(store).db.close()  # says so now where there is none

    def ready(address: str) -> None:
        show.as_json({"address": address}) if asked.json else print(f"the page is at {address}")
        sys.stdout.flush()

    serve(store, host=asked.host, port=asked.port, names=asked.name, proxy=asked.proxy, ready=ready)
