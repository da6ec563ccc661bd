"""Bytes against a microcontroller's: counted by hand."""

import pytest

from neuromem.core.errors import ParameterError, ShapeError
from neuromem.hardware.cost.budget import TARGETS, Target, budget_table, memory_budget

BOARD = Target("board", flash=1_000_000, sram=10_000)


def test_embbert_targets_are_two_megabytes_and_781_kilobytes():
    """Bravin et al. 2025: weights and activations together."""
    assert TARGETS["embbert-2mb"].regions == {"total": 2_000_000}
    assert TARGETS["embbert-q"].regions == {"total": 781_000}


def test_budget_by_hand():
    budget = memory_budget(
        {"hidden": (300, 784), "readout": (10, 300)},
        BOARD,
        state={"units": 300},
        weight_bits={"hidden": 4, "readout": 8},
        activation_bits=8,
        state_bits=32,
    )
    assert dict(zip(budget.item.values, budget.bytes.values, strict=True)) == {
        "hidden": 117_600,
        "readout": 3000,
        "buffers": 1084,
        "units": 1200,
    }
    assert list(budget.needed.values) == [120_600, 2284]
    assert list(budget.margin.values) == [879_400, 7716]
    assert budget.attrs["fits"] == 1
    assert budget.attrs["answer"] == (
        "fits board: 879400 bytes left in flash, 7716 bytes left in sram"
    )
    assert list(budget.kind.values) == ["weights", "weights", "activations", "state"]


def test_answer_says_where_and_by_how_much_it_does_not_fit():
    budget = memory_budget({"w": (100, 100)}, BOARD, activations={"cache": (200, 100)})
    assert budget.attrs["fits"] == 0
    assert budget.attrs["answer"] == "does not fit board: 10000 bytes too many in sram"


@pytest.mark.parametrize(("bits", "n"), [(8, 882), (1, 2491), (32, 441)])
def test_largest_square_memory_of_781_kilobytes(bits, n):
    """N^2 weights of b bits and 2 N activations of one byte: N^2 b/8 + 2 N <= 781 000."""
    fits = memory_budget({"w": (n, n)}, "embbert-q", weight_bits=bits)
    larger = memory_budget({"w": (n + 1, n + 1)}, "embbert-q", weight_bits=bits)
    assert int(fits.margin[0]) == 781_000 - -(-n * n * bits // 8) - 2 * n
    assert (fits.attrs["fits"], larger.attrs["fits"]) == (1, 0)


def test_bytes_are_rounded_up_item_by_item():
    budget = memory_budget({"a": (3, 3), "b": (1, 1)}, weight_bits=1, activations={})
    assert list(budget.bytes.values) == [2, 1]


def test_a_table_holds_every_item_and_the_answer():
    lines = budget_table(memory_budget({"w": (100, 100)}, BOARD)).splitlines()
    assert lines[0].split() == ["item", "kind", "count", "bits", "bytes"]
    assert lines[1].split() == ["w", "weights", "10000", "8", "10000"]
    assert lines[2].split() == ["buffers", "activations", "200", "8", "200"]
    assert lines[3].split() == ["flash", "10000", "of", "1000000"]
    assert lines[4].split() == ["sram", "200", "of", "10000"]
    assert lines[5].startswith("fits board")


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (ParameterError, lambda: memory_budget({}), "weights is empty; give at least one shape"),
        (
            ParameterError,
            lambda: memory_budget({"w": (2, 2)}, "uno"),
            "target is 'uno'; choose one of: embbert-2mb, embbert-q",
        ),
        (
            ParameterError,
            lambda: memory_budget([(10, 20)]),
            r"memory_budget: weights is \[\(10, 20\)\]; give shapes by name, such as \{",
        ),
        (
            ParameterError,
            lambda: memory_budget({"w": (2, 2)}, state=5),
            "memory_budget: state is 5; give shapes by name",
        ),
        (
            ParameterError,
            lambda: memory_budget({"w": (2, 2)}, activations=(5,)),
            r"memory_budget: activations is \(5,\); give shapes by name",
        ),
        (ShapeError, lambda: memory_budget({"w": None}), "'w' has shape None; give whole numbers"),
        (
            ShapeError,
            lambda: memory_budget({"w": (2, 0)}),
            r"'w' has shape \(2, 0\); give whole numbers >= 1",
        ),
        (
            ShapeError,
            lambda: memory_budget({"conv": (3, 3, 8)}),
            r"'conv' has shape \(3, 3, 8\), from which its activations do not follow",
        ),
        (
            ParameterError,
            lambda: memory_budget({"w": (2, 2)}, weight_bits={"v": 8}),
            "bits of the weights have no entry for 'w'; there are: v",
        ),
        (
            ParameterError,
            lambda: memory_budget({"w": (2, 2)}, weight_bits=0),
            "bits of 'w' is 0; give a whole number >= 1",
        ),
        (
            ParameterError,
            lambda: Target("x", flash=5),
            "Target 'x': total is None, flash 5, sram None; give total, or flash and sram",
        ),
        (ParameterError, lambda: Target("x", total=5, flash=5), "give total, or flash and sram"),
        (ParameterError, lambda: Target("x", total=0.5), "total is 0.5; give a whole number >= 1"),
    ],
)
def test_budget_refuses_what_it_cannot_count(error, call, message):
    with pytest.raises(error, match=message):
        call()
