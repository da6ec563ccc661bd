"""A product in digital logic: Horowitz's table, counted by hand."""

import pytest

from neuromem.core.errors import ParameterError
from neuromem.hardware.cost.digital import digital_cost, number_format, smallest_memory
from neuromem.hardware.cost.technology import Technology


def energy(cost, part):
    return float(cost.energy.sel(part=part))


def test_digital_product_by_hand():
    """45 nm, int8: 0.2 pJ a multiplication, 0.1 pJ an int32 addition, weights from 1 MB."""
    cost = digital_cost(512, 256, technology=Technology(node=45e-9))
    weights = 512 * 256
    assert cost.attrs["memory"] == "1 MB"
    assert energy(cost, "multiply") == pytest.approx(weights * 0.2e-12, rel=1e-12)
    assert energy(cost, "add") == pytest.approx(weights * 0.1e-12, rel=1e-12)
    assert energy(cost, "weights") == pytest.approx(weights * 8 * 100e-12 / 64, rel=1e-12)
    assert energy(cost, "activations") == pytest.approx(768 * 8 * 10e-12 / 64, rel=1e-12)
    batch = digital_cost(512, 256, batch=10, technology=Technology(node=45e-9))
    assert energy(batch, "weights") == pytest.approx(energy(cost, "weights") / 10, rel=1e-12)


@pytest.mark.parametrize(
    ("number", "multiply", "add"),
    [
        ("int8", 0.2e-12, 0.1e-12),
        ("int32", 3.1e-12, 0.1e-12),
        ("int4", 0.05e-12, 0.1e-12),
        ("fp16", 1.1e-12, 0.4e-12),
        ("fp32", 3.7e-12, 0.9e-12),
    ],
)
def test_number_formats_follow_the_table(number, multiply, add):
    form = number_format(number)
    assert form.multiply == pytest.approx(multiply, rel=1e-12)
    assert form.add == pytest.approx(add, rel=1e-12)


def test_weights_lie_in_the_smallest_memory_that_holds_them():
    assert [smallest_memory(size) for size in (8192, 8193, 32769, 2**20 + 1)] == [
        "8 KB",
        "32 KB",
        "1 MB",
        "DRAM",
    ]
    assert energy(digital_cost(256, 64, memory="in place"), "weights") == 0.0


def test_dram_takes_more_than_a_hundred_times_the_multiplications():
    """Horowitz's point: 1.3 nJ a word of 8 weights against 0.2 pJ each."""
    cost = digital_cost(2048, 2048, technology=Technology(node=45e-9))
    assert cost.attrs["memory"] == "DRAM"
    assert energy(cost, "weights") / energy(cost, "multiply") == pytest.approx(812.5, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"number": "int8.5"}, "number is 'int8.5'; give fp16, fp32, or int1 to int64"),
        ({"number": "int65"}, "number is 'int65'; give fp16"),
        ({"memory": "L2"}, "memory is 'L2'; choose one of: in place, 8 KB, 32 KB, 1 MB, DRAM"),
        ({"batch": 0}, "batch is 0; give a whole number >= 1"),
        ({"technology": {}}, "digital_cost: technology is a dict; give a"),
    ],
)
def test_digital_cost_refuses_unknown_formats_and_memories(arguments, message):
    with pytest.raises(ParameterError, match=message):
        digital_cost(8, 8, **arguments)
