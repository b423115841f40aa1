"""Runners: who calls `run_part` for a list of work orders. Every one gives the same receipts.

local          this process, or `workers` processes of this machine
a Beam runner  by name; orders are elements, one DoFn calls `run_part` (pipelines.beam)
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from multiprocessing import active_children, get_context

from pipelines.child import keep_children, kept_children
from pipelines.receipt import Receipt
from pipelines.recipe import Recipe
from pipelines.site import Site
from pipelines.spine import Order, run_part

log = logging.getLogger(__name__)

# room, orders done, orders in all
Progress = Callable[[str, int, int], None]


def quiet(room: str, done: int, total: int) -> None:
    """Shows nothing."""


def run_orders(
    recipe: Recipe, site: Site, orders: Sequence[Order], name: str, progress: Progress = quiet
) -> list[tuple[Receipt, ...]]:
    """The receipts of all orders, in the order of `orders`.

    Raises:
        HeadwaterError: what the first failing order raised.
    """
    progress(name, 0, len(orders))
    if site.runner != "local":
        from pipelines.beam.build import run_on_beam

        run_on_beam(recipe, site, orders, name)
        # Workers leave receipts in the store; running the orders here finds them all.
        workers = 1
    else:
        workers = min(site.workers, len(orders))
    if workers <= 1:
        with kept_children():
            return [
                _counted(run_part(recipe, site, order), name, i, len(orders), progress)
                for i, order in enumerate(orders, 1)
            ]
    with _pool(site.workers) as pool:
        with _deaf_to_ctrl_c():
            futures = [pool.submit(run_part, recipe, site, order) for order in orders]
        try:
            return [_counted(f.result(), name, i, len(orders), progress) for i, f in enumerate(futures, 1)]
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)  # or all orders that wait would still be done
            if isinstance(error, KeyboardInterrupt):
                _end_workers()
            raise


_KEPT: ContextVar[list[ProcessPoolExecutor] | None] = ContextVar("kept", default=None)


@contextmanager
def one_pool() -> Iterator[None]:
    """Within this, all `run_orders` share their worker processes: each costs 1.1 s of CPU to start."""
    kept: list[ProcessPoolExecutor] = []
    token = _KEPT.set(kept)
    try:
        yield
    finally:
        _KEPT.reset(token)
        for pool in kept:
            pool.shutdown()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """The pool that `one_pool` keeps, else one of its own; the processes start with the first orders."""
    kept = _KEPT.get()
    if kept:
        yield kept[0]
        return
    # Spawned, not forked: Arrow, numba and the store hold threads that do not survive a fork.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    if kept is not None:
        kept.append(pool)
        yield pool
        return
    with pool:
        yield pool


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that ignore Ctrl-C until `_end_at_ctrl_c`: in the midst of their imports they would tell all about it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may, and only it is interrupted
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_workers() -> None:
    for worker in active_children():
        worker.terminate()  # in the midst of an order: nothing half done is visible, and the next run goes on


def _begin() -> None:
    """What a worker process does before its first order. Its children end with it."""
    keep_children()
    _end_at_ctrl_c()


def _end_at_ctrl_c() -> None:
    """Have this worker end at once and without a word: the parent, which gets the signal too, has the last one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _counted(
    receipts: tuple[Receipt, ...], name: str, done: int, total: int, progress: Progress
) -> tuple[Receipt, ...]:
    progress(name, done, total)
    return receipts
