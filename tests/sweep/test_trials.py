"""A cell that fails names its coordinates and its cause, in this process and in a worker."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zarr

from neuromem.core.errors import ParameterError
from neuromem.core.results import Variable
from neuromem.sweep import Sweep, TrialError, load_script

LEVEL = Variable("level", "V", "what comes out")
WALK = Variable("walk", "1", "cumulated draws", dims=("step",))


def answering(x, answer, rng):
    return answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"level": 1.0}, "the measures level; the sweep declares level, walk."),
        ({"level": 1, "walk": [1, 2, 3], "w": 0}, "the measures level, w, walk; the sweep decl"),
        (1.0, "a float; the sweep has 2 measures, give a dict with level, walk."),
        ({"level": [1.0], "walk": [1, 2, 3]}, "level of shape (1,); expected (), one number."),
        ({"level": 1, "walk": [1, 2]}, "walk of shape (2,); expected (3,) with the axes step."),
        ({"level": 1, "walk": [[1], [2, 3]]}, "walk = [[1], [2, 3]]; a measure is real numbers."),
        ({"level": "1", "walk": [1, 2, 3]}, "level = '1'; a measure is real numbers."),
        ({"level": 1j, "walk": [1, 2, 3]}, "level = 1j; a measure is real numbers."),
        ({"level": np.nan, "walk": [1, 2, 3]}, "level = NaN; mend the trial, or declare the Var"),
    ],
)
def test_an_answer_that_does_not_fit_names_the_cell(answer, message):
    sweep = Sweep(
        answering,
        grid={"x": [0.5]},
        measures=(LEVEL, WALK),
        coords={"step": 3},
        fixed={"answer": answer},
    )
    text = re.escape(f"Sweep.run: the trial at x=0.5, trial=0 gave {message}")
    with pytest.raises(TrialError, match=text):
        sweep.run()


def test_numbers_of_any_kind_become_float64():
    answer = {LEVEL: np.float32(0.5), "walk": np.array([True, False, True])}
    sweep = Sweep(
        answering,
        grid={"x": [1]},
        measures=(LEVEL, WALK),
        coords={"step": 3},
        fixed={"answer": answer},
    )
    result = sweep.run()
    assert result.level.dtype == result.walk.dtype == np.float64
    assert result.walk.values.ravel().tolist() == [1.0, 0.0, 1.0]


def inverse(x, rng):
    return 1 / x


@pytest.mark.parametrize("threaded", [False, True])
def test_a_failing_trial_names_its_cell_and_its_cause_and_keeps_the_finished(tmp_path, threaded):
    store = tmp_path / "x.zarr"
    sweep = Sweep(inverse, grid={"x": [4, 2, 0, 1]}, measures=LEVEL)
    with ThreadPoolExecutor(1) as pool, pytest.raises(TrialError) as caught:
        sweep.run(store=store, executor=pool if threaded else None)
    assert str(caught.value) == (
        "Sweep.run: the trial failed at x=0, trial=0: ZeroDivisionError: division by zero. "
        f"2 of 4 cells are kept in {store}; run again with resume=True (--resume) to go on."
    )
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert zarr.open_group(store)["done"][...].ravel().tolist() == [True, True, False, False]


def test_without_a_store_a_failure_says_that_the_rest_is_lost():
    with pytest.raises(TrialError, match=r"1 of 2 cells were done and are lost; give store=path"):
        Sweep(inverse, grid={"x": [1, 0]}, measures=LEVEL).run()


ODD = """
from neuromem.core.results import Variable
from neuromem.sweep import Sweep

class Odd(Exception):
    def __init__(self, first, second):
        super().__init__(first + second)

def trial(x, rng):
    raise Odd("no ", "spikes")

SWEEP = Sweep(trial, grid={"x": [1, 2, 3]}, measures=Variable("y", "1", "never"))
"""


def test_a_failure_in_a_worker_keeps_its_text_even_if_its_class_does_not_unpickle(write_script):
    with pytest.raises(TrialError, match=r"the trial failed at x=\d, trial=0: Odd: no spikes\. "):
        load_script(write_script(ODD)).SWEEP.run(workers=2)


def test_a_local_function_cannot_be_sent_to_workers(tmp_path):
    sweep = Sweep(lambda x, rng: x, grid={"x": [1, 2]}, measures=LEVEL)
    with pytest.raises(ParameterError, match=r"cannot be sent to another process .*top level of"):
        sweep.run(workers=2, store=tmp_path / "x.zarr")
    assert not (tmp_path / "x.zarr").exists()
    assert sweep.run().level.values.ravel().tolist() == [1.0, 2.0]
