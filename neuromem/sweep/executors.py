"""Where cells run: in this process, in worker processes, or on any executor that is given."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from queue import SimpleQueue
from types import FrameType
from typing import TypeVar

from neuromem.sweep.layout import Cell

T = TypeVar("T")

IN_FLIGHT = 1000
"""Cells that are handed out at a time: enough for a cluster, little beside a million cells."""

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def completed(
    executor: Executor | None, call: Callable[[Cell], T], cells: Iterator[Cell]
) -> Generator[tuple[Cell, T]]:
    """Yield each cell with what `call` gives for it, as they are done; None runs them here.

    A cell that raises, raises here; what was not started is cancelled when this is closed.
    """
    if executor is None:
        for cell in cells:
            yield cell, call(cell)
        return
    # A queue, and not futures.wait(), whose time grows with the number of futures in flight.
    done: SimpleQueue[tuple[Cell, Future[T]]] = SimpleQueue()
    running: dict[Cell, Future[T]] = {}

    def hand_out(count: int) -> None:
        for cell in islice(cells, count):
            future = executor.submit(call, cell)
            running[cell] = future
            future.add_done_callback(partial(_put, done, cell))

    try:
        hand_out(IN_FLIGHT)
        while running:
            cell, future = done.get()
            del running[cell]
            hand_out(1)
            yield cell, future.result()
    finally:
        for future in running.values():
            future.cancel()


def _put(done: SimpleQueue[tuple[Cell, Future[T]]], cell: Cell, future: Future[T]) -> None:
    done.put((cell, future))


@contextmanager
def process_pool(workers: int) -> Iterator[Executor]:
    """Give a pool of spawned processes with one compute thread each; an error ends them at once.

    Spawned, because a fork copies the locks of threads (BLAS, Numba, HDF5) that it does not copy.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        with _interrupts_held():
            for _ in range(workers):
                pool.submit(int)  # starts a process
        yield pool
    except BaseException:
        # A running cell may take hours, and its number is not wanted any more.
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        raise
    pool.shutdown()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back: here for a moment, for good in the processes that are started meanwhile.

    It comes to the whole group of processes; a worker that is loading modules would answer with
    a traceback of its own.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def interrupt_deferred() -> Iterator[None]:
    """Let what is inside come to its end before Ctrl-C interrupts.

    A mask does not do: with other threads about, the signal comes through one of them, and a write
    that they have begun goes on after the interrupt.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda *arrived: caught.append(arrived))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught and callable(before):
        before(*caught[0])


@contextmanager
def one_compute_thread() -> Iterator[None]:
    """Hold BLAS and OpenMP in this process to one thread.

    The order of the sums in a threaded product depends on the number of threads, so that a cell
    would give other last bits here than in a worker.
    """
    import scipy.linalg  # noqa: F401 - what is loaded later would not be held
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def _start_worker() -> None:
    """Set up a worker process: one compute thread, Ctrl-C left to the parent, no orphan."""
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    threadpool_limits(limits=1)
    if "numba" in sys.modules:
        sys.modules["numba"].set_num_threads(1)
    else:
        os.environ["NUMBA_NUM_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the end of the parent: killed, it cannot tell its workers, who would wait on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
