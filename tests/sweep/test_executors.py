"""The same Dataset, attributes included, wherever the cells run and in whichever order."""

import signal
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numba
import pytest
import scipy.linalg  # noqa: F401 - its BLAS is to be counted
import threadpoolctl
import xarray as xr

from neuromem.core.errors import NeuromemError, ParameterError
from neuromem.sweep import executors, load_script, run_script
from neuromem.sweep.executors import interrupt_deferred

identical = xr.testing.assert_identical


def test_the_result_is_identical_for_one_and_four_worker_processes(sweep):
    identical(sweep.run(workers=4), sweep.run(workers=1))


class Backwards(Executor):
    """Waits until `count` calls have come, then makes them, the last one first."""

    def __init__(self, count):
        self.count = count
        self.calls = []
        self.order = []

    def submit(self, function, cell):
        future = Future()
        self.calls.append((future, function, cell))
        if len(self.calls) == self.count:
            for waiting, call, place in reversed(self.calls):
                self.order.append(place.index)
                waiting.set_result(call(place))
        return future


def test_the_order_of_completion_does_not_matter(sweep, tmp_path):
    backwards = Backwards(40)
    identical(sweep.run(executor=backwards), sweep.run())
    assert backwards.order[0] == (1, 1, 9)
    identical(sweep.run(executor=Backwards(40), store=tmp_path / "x.zarr"), sweep.run())
    with ThreadPoolExecutor(4) as threads:
        identical(sweep.run(executor=threads), sweep.run())


def test_a_dask_cluster_gives_the_identical_result(walks, sweep, tmp_path):
    distributed = pytest.importorskip("distributed")
    here = run_script(walks, out=tmp_path / "here")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        identical(sweep.run(executor=client.get_executor()), sweep.run())
        there = run_script(walks, out=tmp_path / "there", scheduler=cluster.scheduler_address)
    identical(there.datasets["walks"], here.datasets["walks"])


def test_only_a_few_cells_are_handed_out_at_a_time(sweep, monkeypatch):
    monkeypatch.setattr(executors, "IN_FLIGHT", 5)
    handed_out, peak = set(), 0

    class Counting(ThreadPoolExecutor):
        def submit(self, function, cell):
            nonlocal peak
            future = super().submit(function, cell)
            handed_out.add(future)
            peak = max(peak, len(handed_out))
            future.add_done_callback(handed_out.discard)
            return future

    with Counting(2) as threads:
        sweep.run(executor=threads)
    assert 1 <= peak <= 5


THREADS = """
import numba, threadpoolctl
from neuromem.core.results import Variable
from neuromem.sweep import Sweep

BLAS, NUMBA = Variable("blas", "1", "threads of BLAS"), Variable("numba", "1", "threads of Numba")

def trial(x, rng):
    import scipy.linalg
    pools = threadpoolctl.threadpool_info()
    blas = max(pool["num_threads"] for pool in pools if pool["user_api"] == "blas")
    return {BLAS: blas, NUMBA: numba.get_num_threads()}

SWEEP = Sweep(trial, grid={"x": range(4)}, measures=(BLAS, NUMBA))
"""


def blas_threads():
    pools = threadpoolctl.threadpool_info()
    return [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]


def test_a_worker_has_one_compute_thread_and_this_process_gets_its_own_back(write_script):
    sweep = load_script(write_script(THREADS)).SWEEP
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        in_workers, here = sweep.run(workers=2), sweep.run()
        assert blas_threads() == before
    assert (in_workers.blas == 1).all()
    assert (in_workers.numba == 1).all()
    assert (here.blas == 1).all()
    assert (here.numba == numba.get_num_threads()).all()


DIES = """
import os
from neuromem.core.results import Variable
from neuromem.sweep import Sweep

def trial(x, rng):
    os._exit(3)

SWEEP = Sweep(trial, grid={"x": [1, 2]}, measures=Variable("y", "1", "never"))
"""


def test_a_worker_that_dies_is_reported(write_script):
    with pytest.raises(NeuromemError, match=r"a worker process ended .*give store=path to keep"):
        load_script(write_script(DIES)).SWEEP.run(workers=2)


def test_workers_and_executor_exclude_each_other_and_an_executor_is_one(sweep):
    with pytest.raises(ParameterError, match="workers and executor are both given; give one"):
        sweep.run(workers=2, executor=Backwards(1))
    with pytest.raises(ParameterError, match=r"executor is a type; give a concurrent\.futures\.E"):
        sweep.run(executor=ThreadPoolExecutor)


def test_an_interrupt_waits_for_the_end_of_a_write():
    steps = []

    def write():
        with interrupt_deferred():
            signal.raise_signal(signal.SIGINT)
            steps.append("written")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert steps == ["written"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
