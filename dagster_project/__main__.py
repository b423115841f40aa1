"""`headwater ui`: the Dagster page of a recipe at a site, behind the guard, with its daemon (schedules, sensors, queue) beside it."""

import argparse
import ipaddress
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dagster_project.workplace import DEFAULT_RECIPE, DEFAULT_SITE

MODULE = "dagster_project.definitions"
DAGSTER_YAML = "telemetry: {enabled: false}\nnux: {enabled: false}\n"  # no sign-up window, nothing sent to anybody
WAIT_S = 10.0  # Chosen: a daemon that is told to stop takes one or two


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="headwater ui", description=__doc__, epilog="example: headwater ui --site ours --recipe ours/corpus.toml"
    )
    parser.add_argument("--recipe", default=os.environ.get("HEADWATER_RECIPE", DEFAULT_RECIPE))
    parser.add_argument("--site", default=os.environ.get("HEADWATER_SITE", DEFAULT_SITE))
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; off loopback a token is asked for")
    parser.add_argument("--port", type=int, default=3000)
    asked = parser.parse_args()
    if why := unusable(asked.host, asked.port):
        print(
            f"headwater ui: {asked.host} port {asked.port} cannot be listened on: {why}; give another --port",
            file=sys.stderr,
        )
        return 2
    environment = prepared(asked.recipe, asked.site)
    os.environ.update(environment)
    token = None if _is_loopback(asked.host) else secrets.token_urlsafe(24)
    address = f"http://{_bracketed(asked.host)}:{asked.port}/"
    print(f"{address}{f'?token={token}' if token else ''}  (recipe {asked.recipe}, site {asked.site})", flush=True)
    # uvicorn raises a signal again once it has shut down: as an exception, so that the daemon is stopped too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with daemon():
        serve(asked.host, asked.port, token)
    return 0


def unusable(host: str, port: int) -> str | None:
    """Why nothing can listen there, or null; asked before five processes are started in vain."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None


def prepared(recipe: str, site: str) -> Mapping[str, str]:
    """What Dagster's processes need in their environment; its home lies in the site, and is made where it is missing."""
    named = Path(site).absolute()
    home = (named.parent if named.suffix == ".toml" else named) / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(DAGSTER_YAML, "utf-8")
    named_recipe = str(Path(recipe).absolute()) if Path(recipe).exists() else recipe
    return {"DAGSTER_HOME": str(home), "HEADWATER_RECIPE": named_recipe, "HEADWATER_SITE": str(named)}


@contextmanager
def daemon() -> Iterator[None]:
    """The Dagster daemon while the block runs, in a session of its own: an interrupt is ours to pass on, once."""
    command = [sys.executable, "-m", "dagster._daemon", "run", "-m", MODULE]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def serve(host: str, port: int, token: str | None) -> None:
    """The guarded page, until SIGINT or SIGTERM."""
    import uvicorn
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import ModuleTarget
    from dagster_webserver.app import create_app_from_workspace_process_context
    from dagster_webserver.version import __version__

    from dagster_project.guard import Guard

    # The location has the name that the daemon gives it, or runs queued from the page find no code.
    target = ModuleTarget(module_name=MODULE, attribute=None, working_directory=os.getcwd(), location_name=MODULE)
    with DagsterInstance.get() as instance, WorkspaceProcessContext(instance, target, version=__version__) as context:
        app = create_app_from_workspace_process_context(context)
        uvicorn.run(Guard(app=app, hosts=_hosts(host, port), token=token), host=host, port=port, log_level="warning")


def _hosts(host: str, port: int) -> frozenset[str]:
    names = {_bracketed(host)} | ({"localhost", "127.0.0.1", "[::1]"} if _is_loopback(host) else set())
    return frozenset(f"{name}:{port}" for name in names)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    sys.exit(main())
