"""Runners: who calls `run_part` for a list of work orders. Every one gives the same receipts.

local          this process, or `workers` processes of this machine
a Beam runner  by name; orders are elements, one DoFn calls `run_part` (pipelines.beam)
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

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
        return [
            _counted(run_part(recipe, site, order), name, i, len(orders), progress) for i, order in enumerate(orders, 1)
        ]
    # Spawned, not forked: Arrow, numba and the store hold threads that do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run_part, recipe, site, order) for order in orders]
        return [_counted(f.result(), name, i, len(orders), progress) for i, f in enumerate(futures, 1)]


def _counted(
    receipts: tuple[Receipt, ...], name: str, done: int, total: int, progress: Progress
) -> tuple[Receipt, ...]:
    progress(name, done, total)
    return receipts
