"""The verb that hands over to another program: ui."""

import argparse
import importlib.util
import os
import sys

from schemas.errors import InputError


def ui_arguments(parser: argparse.ArgumentParser) -> None:
    """What `ui` takes."""
    parser.add_argument("--recipe", default="demo", help="a corpus.toml, or a shipped recipe by name (default: demo)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; off loopback a token is asked for")
    parser.add_argument("--port", type=int, default=3000)


def ui(asked: argparse.Namespace) -> None:
    """Become the Dagster page of a recipe at a site, until it is interrupted."""
    if importlib.util.find_spec("dagster_webserver") is None:
        raise InputError("the Dagster page is not installed: pip install 'headwater[ui]'")
    site = asked.site or os.environ.get("HEADWATER_SITE") or "demo-site"
    options = ["--recipe", asked.recipe, "--site", site, "--host", asked.host, "--port", str(asked.port)]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "dagster_project", *options])
