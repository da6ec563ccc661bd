"""Roofline, memory wall, and arrays against processors: closed forms."""

import math

import numpy as np
import pytest

from neuromem.core.errors import ParameterError
from neuromem.hardware.cost.digital import digital_cost
from neuromem.hardware.cost.products import read_cost, write_cost
from neuromem.hardware.cost.roofline import (
    Roofline,
    against_processor,
    crossover_batch,
    dense_intensity,
    in_memory_intensity,
    memory_wall,
)

MACHINE = Roofline(peak=100e9, bandwidth=20e9)


def test_H52_ridge_and_dense_product():
    assert MACHINE.ridge == 100e9 / 20e9
    assert dense_intensity(batch=1, weight_bits=16) == 1.0
    assert dense_intensity(batch=4, weight_bits=8) == 8.0
    assert crossover_batch(MACHINE, weight_bits=16) == MACHINE.ridge
    assert crossover_batch(MACHINE, weight_bits=8) == MACHINE.ridge / 2


def test_roof_is_flat_above_the_ridge_and_a_slope_below():
    intensity = np.array([0.0, 1.0, 5.0, 50.0])
    np.testing.assert_array_equal(MACHINE.attainable(intensity), [0.0, 20e9, 100e9, 100e9])
    assert MACHINE.bound(4.99) == "memory"
    assert MACHINE.bound(5.0) == "compute"
    assert MACHINE.time(1e9, 1e9) == 1e9 / 20e9
    assert MACHINE.time(1e9, 1e6) == 1e9 / 100e9


def test_time_is_operations_over_what_is_attainable():
    for operations, moved in ((3e6, 1e6), (9e6, 1e6)):
        rate = float(MACHINE.attainable(operations / moved))
        assert MACHINE.time(operations, moved) == pytest.approx(operations / rate, rel=1e-12)


def test_in_memory_product_moves_inputs_and_outputs_alone():
    assert in_memory_intensity(300, 100, io_bits=16) == 2 * 300 * 100 / (400 * 2)
    # A dense product of a large batch moves little else, too: the same limit.
    assert dense_intensity(10**9, 8, shape=(100, 300), io_bits=8) == pytest.approx(
        in_memory_intensity(300, 100, io_bits=8), rel=1e-6
    )


def test_crossover_batch_with_vectors_meets_the_ridge():
    shape = (400, 600)
    batch = crossover_batch(MACHINE, 8, shape=shape, io_bits=8)
    assert dense_intensity(1, 8, shape=shape, io_bits=8) < MACHINE.ridge
    # B is no whole number: intensity at B is M N 2 B / (M N + B (M + N)) = ridge
    moved = 240_000 + batch * 1000
    assert 2 * 240_000 * batch / moved == pytest.approx(MACHINE.ridge, rel=1e-12)
    assert crossover_batch(MACHINE, 8, shape=(2, 2), io_bits=32) == math.inf


def test_memory_wall_of_twenty_years():
    """Gholami et al. 2024: 60 000, 100 and 30 times (rounded there)."""
    growth = memory_wall([0, 2, 20]).growth
    np.testing.assert_allclose(growth.sel(year=0), 1.0)
    np.testing.assert_allclose(growth.sel(year=2), [3.0, 1.6, 1.4])
    np.testing.assert_allclose(growth.sel(year=20), [60_000, 100, 30], rtol=0.11)
    assert growth.dims == ("year", "component")


def cost_of(interval_duration):
    return read_cost(256, 256, cell_energy=1e-9, dac_bits=8, adc_bits=8, duration=interval_duration)


def test_array_against_processor_by_hand():
    cost = cost_of(130e-9)
    result = against_processor(cost, MACHINE, batch=4, memory="DRAM")
    weights, vectors = 65536, 512
    assert float(result.time.sel(where="array")) == pytest.approx(4 * float(cost.interval))
    assert float(result.time.sel(where="processor")) == pytest.approx(
        max(4 * 131072 / 100e9, (weights + 4 * vectors) / 20e9), rel=1e-12
    )
    digital = digital_cost(256, 256, memory="DRAM", batch=4)
    assert float(result.energy.sel(where="processor")) == pytest.approx(
        4 * float(digital.energy.sum()), rel=1e-12
    )
    assert float(result.energy.sel(where="array")) == pytest.approx(4 * float(cost.energy.sum()))
    assert float(result.break_even) == 0.0
    assert result.attrs["bound"] == "compute"
    assert "8 b inputs, analog weights" in result.attrs["precision"]


def test_crossover_is_where_the_times_meet():
    slow = cost_of(2e-6)  # 131072 operations in 1.31 us are as fast as the peak
    batch = float(against_processor(slow, MACHINE).crossover_batch)
    interval = float(slow.interval)
    assert batch == pytest.approx((65536 / 20e9) / (interval - 512 / 20e9), rel=1e-12)
    below = against_processor(slow, MACHINE, batch=math.floor(batch))
    above = against_processor(slow, MACHINE, batch=math.ceil(batch))
    assert float(below.time[0]) < float(below.time[1])
    assert float(above.time[0]) > float(above.time[1])


def test_a_fast_array_is_never_caught_up_with():
    assert float(against_processor(cost_of(130e-9), MACHINE).crossover_batch) == math.inf


def test_programming_pays_after_as_many_products_as_it_takes():
    cost = cost_of(130e-9)
    write = write_cost(65536, pulses=8.5, voltage=2.0, pulse=100e-9, conductance=10e-6)
    result = against_processor(cost, MACHINE, memory="DRAM", write=write)
    array, processor = result.energy.values
    products = float(result.break_even)
    assert products * (processor - array) == pytest.approx(float(write.energy.sum()), rel=1e-12)
    in_place = against_processor(
        read_cost(256, 256, cell_energy=1e-6, adc_bits=8), MACHINE, memory="in place", write=write
    )
    assert float(in_place.break_even) == math.inf
    assert in_place.attrs["bound"] == "compute"  # 512 bytes a product: 256 operations each


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Roofline(0, 1e9), "Roofline: peak is 0; give a number above zero"),
        (lambda: MACHINE.attainable(-1.0), "intensity is -1.0; give operations per byte >= 0"),
        (lambda: MACHINE.attainable([math.nan]), "intensity is .*nan.*; give operations"),
        (lambda: MACHINE.attainable("a"), "attainable: intensity is 'a'; give operations per byte"),
        (lambda: MACHINE.bound(math.nan), "Roofline.bound: intensity is nan; give operations per"),
        (lambda: MACHINE.bound(-1.0), "Roofline.bound: intensity is -1.0; give operations per"),
        (lambda: MACHINE.bound("a"), "Roofline.bound: intensity is 'a'; give operations per byte"),
        (lambda: MACHINE.bound([1.0, 9.0]), r"bound: intensity is \[1.0, 9.0\]; give one number"),
        (lambda: dense_intensity(batch=0), "dense_intensity: batch is 0; give a whole number"),
        (lambda: dense_intensity(shape=5), r"shape is 5; give \(outputs, inputs\)"),
        (lambda: in_memory_intensity(0, 5), "in_memory_intensity: inputs is 0"),
        (lambda: crossover_batch(MACHINE, 0), "weight_bits is 0; give a number above zero"),
        (lambda: memory_wall([math.inf]), r"years is \[inf\]; give a list of numbers"),
        (lambda: memory_wall("a"), "years is 'a'; give a list of numbers"),
        (
            lambda: crossover_batch("cpu"),
            r"crossover_batch: machine is a str; give a Roofline\(peak=\.\.\., bandwidth=\.\.\.\)",
        ),
        (
            lambda: against_processor(cost_of(130e-9), {}),
            r"against_processor: processor is a dict; give a Roofline\(peak=",
        ),
        (
            lambda: against_processor(cost_of(130e-9), MACHINE, write=1e-9),
            "against_processor: write is a float; give what write_cost returned",
        ),
        (
            lambda: against_processor({}, MACHINE),
            "cost has no attributes 'inputs' and 'outputs'; give what read_cost returned",
        ),
        (
            lambda: against_processor(digital_cost(8, 8), MACHINE),
            "cost has no attributes 'inputs' and 'outputs'; give what read_cost returned",
        ),
    ],
)
def test_roofline_refuses_what_is_no_machine_or_product(call, message):
    with pytest.raises(ParameterError, match=message):
        call()
