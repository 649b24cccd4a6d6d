"""Independent tasks in processes of one thread each.

Threads of a BLAS help large products only: for the small ones of these figures they wait for one another, which takes
seven times as long.  How many there are is fixed when numpy is loaded, so tasks run in fresh processes, told so before.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from tqdm.auto import tqdm

from commands.threads import one_thread

_MOST = 8  # processes; each of them needs half a gigabyte


def in_processes(tasks: Sequence[tuple[Any, ...]], name: str) -> list[Any]:
    """Return function(*arguments) for every task (function, *arguments), in their order, with a progress bar.

    Functions and arguments have to be known to pickle.  Results do not depend on the number of processes; what depends
    on rounding, such as a basis of singular vectors, may differ from that of the process that asks.
    """
    count = min(os.cpu_count() or 1, len(tasks), _MOST)
    context = multiprocessing.get_context("spawn")
    with one_thread(), ProcessPoolExecutor(count, mp_context=context) as pool:
        futures = [pool.submit(*task) for task in tasks]
        try:
            return [future.result() for future in tqdm(futures, desc=name, unit="scale", disable=None)]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
