"""Learning in the array: rank-one changes by pulses."""

import dataclasses

import numpy as np
import pytest

from neuromem.core.errors import CapabilityError, ShapeError
from neuromem.hardware import Crossbar
from neuromem.hardware.devices.updates import UpdateModel, update_model

FINE = UpdateModel(kind="constant", bounds=(0.0, 1.0), step=1e-4)
"""Small equal steps without noise: what is left is the rounding to whole pulses."""


@pytest.mark.parametrize("scheme", ["differential", "two-sided", "offset", "digital-offset"])
def test_small_equal_steps_add_the_outer_product(scheme):
    draw = np.random.default_rng(0)
    weights = draw.uniform(-0.3, 0.3, (12, 20))
    left, right = draw.uniform(-0.3, 0.3, 12), draw.uniform(-0.3, 0.3, 20)
    # One-sided pairs start at the ends of their range, where a cell cannot give way.
    start = 0.5 * np.ones_like(weights) if scheme == "differential" else weights
    left = np.abs(left) if scheme == "differential" else left
    right = -np.abs(right) if scheme == "differential" else right
    crossbar = Crossbar.program(
        start, "ideal", scheme=scheme, update=FINE, w_max=1.0, tile=(8, 10), dtype=np.float64
    )
    before = crossbar.weights
    crossbar.add_outer(left, right)
    change = crossbar.weights - before
    if scheme == "differential":
        # The negative cell rises as well, the positive one falls: half each, from 0.5 and from 0.
        expected = np.outer(left, right)
        np.testing.assert_allclose(change, expected, atol=2e-4)
    else:
        # A pulse is 1e-4 of the range, +-1 pulse in each of the two cells.
        np.testing.assert_allclose(change, np.outer(left, right), atol=4.1e-4)


def test_hebbian_pulses_store_patterns_that_are_recalled():
    keys = np.random.default_rng(1).choice([-1.0, 1.0], (3, 60))
    crossbar = Crossbar.program(
        np.zeros((60, 60)), "ideal", scheme="two-sided", update="rpu-reference", w_max=1.0, rng=0
    )
    for key in keys:
        crossbar.add_outer(key / 8, key)
    fields = crossbar @ keys.T
    assert np.mean(np.sign(fields.T) == keys) > 0.97
    signs = np.sign(crossbar.weights) == np.sign(keys.T @ keys)
    assert signs.mean() > 0.8


def test_cells_that_only_rise_write_each_sign_into_a_cell_of_its_own():
    model = UpdateModel(kind="constant", bounds=(0.0, 1.0), step=1e-3, one_sided=True)
    crossbar = Crossbar.program(
        np.zeros((2, 2)), "ideal", update=model, w_max=1.0, dtype=np.float64
    )
    crossbar.add_outer([0.5, -0.25], [1.0, 1.0])
    np.testing.assert_allclose(crossbar.weights, [[0.5, 0.5], [-0.25, -0.25]], atol=1.1e-3)
    target, _ = crossbar.arrays.devices[0].target, None
    assert (target[:, [1, 2]] < 1e-9).all()  # neither the + cell of -0.25 nor the - cell of 0.5


def test_the_same_seed_learns_the_same_and_rounding_is_unbiased():
    def learned(rng, calls):
        crossbar = Crossbar.program(
            np.zeros((30, 40)),
            "ideal",
            scheme="two-sided",
            update=UpdateModel(kind="constant", bounds=(0.0, 1.0), step=0.01),
            w_max=1.0,
            rng=rng,
        )
        for _ in range(calls):
            crossbar.add_outer(np.full(30, 0.1), np.full(40, 0.05))
        return crossbar.weights

    np.testing.assert_array_equal(learned(3, 4), learned(3, 4))
    # Each change of 0.005 is a quarter of a pulse in either cell: 100 calls make 0.5 in the mean.
    # One weight has the variance 2 * 100 * 0.25 * 0.75 * 0.01^2; 1,200 of them, 4 s.e.
    error = 4 * np.sqrt(2 * 100 * 0.25 * 0.75 / 1200) * 0.01
    assert learned(5, 100).mean() == pytest.approx(0.5, abs=error)


def test_what_cannot_learn_says_so():
    with pytest.raises(CapabilityError, match="these devices are written once"):
        Crossbar.program(np.eye(3), "ideal").add_outer(np.ones(3), np.ones(3))
    with pytest.raises(CapabilityError, match="holds a weight in several cells"):
        Crossbar.program(np.eye(3), "ideal", scheme="sliced", update=FINE).add_outer(
            np.ones(3), np.ones(3)
        )
    one_sided = UpdateModel(kind="constant", bounds=(0.0, 1.0), step=0.1, one_sided=True)
    with pytest.raises(CapabilityError, match="takes up pulses only"):
        Crossbar.program(np.eye(3), "ideal", scheme="offset", update=one_sided).add_outer(
            np.ones(3), np.ones(3)
        )
    crossbar = Crossbar.program(np.eye(3), "pcm", update=FINE)
    with pytest.raises(ShapeError, match=r"left and right have shapes \(2,\) and \(3,\)"):
        crossbar.add_outer(np.ones(2), np.ones(3))
    with pytest.raises(CapabilityError, match="10 s have passed"):
        crossbar.at(10.0).add_outer(np.ones(3), np.ones(3))


@pytest.mark.parametrize("model", ["rram-exponential", "rram-soft-bounds", "ecram-metal-oxide"])
def test_a_small_change_at_mid_range_comes_out_in_the_mean(model):
    """Pulses are counted by the mean step at zero, the middle of a two-sided pair's weight 0."""
    noiseless = dataclasses.replace(
        update_model(model),
        c2c=0.0,
        write_noise=0.0,
        step_spread=0.0,
        high_spread=0.0,
        low_spread=0.0,
        bounds=(-1.0, 1.0),
        asymmetry=0.0,
        asymmetry_spread=0.0,
    )
    crossbar = Crossbar.program(
        np.zeros((40, 50)), "ideal", scheme="two-sided", update=noiseless, w_max=1.0, dtype=float
    )
    crossbar.add_outer(np.full(40, 0.1), np.full(50, 0.2))
    assert crossbar.weights.mean() == pytest.approx(0.02, rel=0.1)
