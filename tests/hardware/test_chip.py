"""Chips: any memory mapped, its report, its later times, and what is refused."""

import pickle

import numpy as np
import pytest

import neuromem as nm
from neuromem.core.errors import CapabilityError, ParameterError
from neuromem.core.results import open_dataset, save_dataset

DAY = 86400.0


@pytest.fixture
def keys():
    return nm.patterns.random(6, 120, rng=0)


@pytest.fixture
def net(keys):
    return nm.models.Hopfield(120).store(keys)


def test_the_placed_memory_is_the_same_memory_on_crossbars(net, keys):
    placed = nm.hardware.Chip("pcm", tile=(64, 64), adc_bits=8, dac_bits=2).map(net, rng=0)
    assert isinstance(placed.memory, nm.models.Hopfield)
    assert placed.memory.synapses["recurrent"] is placed.crossbars["recurrent"]
    assert not isinstance(net.synapses["recurrent"], nm.hardware.Crossbar)
    cues = nm.patterns.flip(keys, 0.1, rng=1)
    assert placed.memory.recall(cues).success(keys).all()


def test_asynchronous_units_read_their_bit_lines_through_the_converters(keys):
    """A coarse ADC disturbs single-unit updates as it does parallel ones."""
    net = nm.models.Hopfield(120).store(keys)
    chip = nm.hardware.Chip("ideal", tile=(32, 64), adc_bits=8, dac_bits=1)
    placed = chip.map(net, rng=0)
    cues = nm.patterns.flip(keys, 0.1, rng=1)
    assert placed.memory.recall(cues, update="async", rng=2).success(keys).all()
    crossbar = placed.crossbars["recurrent"]
    # Whole sweeps of all units: 6 cues, at least one sweep that moves and one that does not.
    assert crossbar.reads >= 2 * 6 - 1e-9
    readers = crossbar._readers["forward"]
    assert readers.conversions == pytest.approx(crossbar.reads * 120 * 4)


def test_the_report_adds_up(net):
    chip = nm.hardware.Chip("rram-hfo2", tile=(64, 64), adc_bits=8, dac_bits=1)
    placed = chip.map(net, rng=0)
    report = placed.report
    assert int(report.tiles.sum()) == 2 * 4  # 120 inputs on 64 rows, 120 pairs on 32 a tile
    assert int(report.cells.sum()) == 120 * 240
    assert float(report.utilisation.sum()) == pytest.approx(120 * 240 / (8 * 64 * 64))
    assert int(report.operations.sum()) == 2 * 120 * 120
    for name in ("energy", "latency", "area"):
        assert float(report[name].sum()) > 0
        assert report[name].attrs["units"] in ("J", "s", "m^2")
    volts, seconds = chip.profile.read_voltage, placed.technology.read_duration
    conductance = placed.crossbars["recurrent"].row_sums.sum()
    cells = float(report.energy.sel(part="cells").sum())
    assert cells == pytest.approx(volts**2 * seconds * conductance, rel=1e-12)
    assert report.attrs["seconds"] == 0.0
    assert "rram-hfo2" in report.attrs["parameters"]


def test_energy_goes_with_the_square_of_the_voltage_and_ideal_converters_are_free(net):
    report = nm.hardware.Chip("rram-hfo2").map(net, rng=0).report
    assert float(report.energy.sel(part="adc").sum()) == 0.0
    with_bits = nm.hardware.Chip("rram-hfo2", adc_bits=8).map(net, rng=0).report
    assert float(with_bits.energy.sel(part="adc").sum()) > 0.0
    np.testing.assert_array_equal(
        report.energy.sel(part="cells"), with_bits.energy.sel(part="cells")
    )


def test_what_was_spent_is_what_was_read(net, keys):
    placed = nm.hardware.Chip("pcm", adc_bits=8).map(net, rng=0)
    assert float(placed.spent.energy.sum()) == 0.0
    seen = placed.memory.recall(keys, update="sync")
    products = float(placed.spent.products.sum())
    assert products == seen.steps.sum()
    one = float(placed.report.energy.sum())
    assert float(placed.spent.energy.sum()) == pytest.approx(products * one)


def test_the_report_is_a_dataset_that_is_saved(net, tmp_path):
    report = nm.hardware.Chip("hermes", adc_bits=8, technology={"node": 14e-9}).map(net).report
    path = save_dataset(report, tmp_path / "report.nc")
    assert open_dataset(path).identical(report)


def test_later_is_the_same_memory_on_the_same_devices(net, keys):
    chip = nm.hardware.Chip("pcm", compensate="global")
    placed = chip.map(net, rng=0)
    day, month = placed.at(DAY), placed.at(30 * DAY)
    assert (day.seconds, month.seconds) == (DAY, 30 * DAY)
    errors = [p.report.weight_error.item() for p in (placed, day, month)]
    assert errors == sorted(errors)
    plain = placed.at(30 * DAY, compensate="none").report.weight_error.item()
    assert plain > errors[2]
    twice = placed.at(DAY).at(30 * DAY)
    for one, two in ((twice, month),):
        np.testing.assert_array_equal(
            one.crossbars["recurrent"].weights, two.crossbars["recurrent"].weights
        )
    with pytest.raises(ParameterError, match="time does not run back"):
        month.at(DAY)
    with pytest.raises(ParameterError, match="profile 'pcm' holds from 0 to"):
        placed.at(1e12)


def test_every_synapse_has_devices_of_its_own():
    keys = nm.patterns.random(5, 40, rng=0).astype(np.float32)
    net = nm.models.ModernHopfield(40).store(keys)
    placed = nm.hardware.Chip("rram-hfo2").map(net, rng=0)
    assert set(placed.crossbars) == set(net.synapses)
    errors = [c.weights - net.synapses[n] @ np.eye(c.shape[1]) for n, c in placed.crossbars.items()]
    if len(errors) > 1:
        assert not np.allclose(errors[0], errors[1].T)
    assert dict(placed.report.sizes)["synapses"] == len(placed.crossbars)


def test_a_memory_that_does_not_map_says_so(keys):
    dense = nm.models.DenseMemory(120).store(keys)
    with pytest.raises(CapabilityError, match="DenseMemory"):
        nm.hardware.Chip("ideal").map(dense)
    with pytest.raises(CapabilityError, match="nothing is stored yet"):
        nm.hardware.Chip("ideal").map(nm.models.Hopfield(10))
    with pytest.raises(ParameterError, match="memory is int; give a memory"):
        nm.hardware.Chip("ideal").map(3)


def test_chips_compare_print_and_pickle():
    chip = nm.hardware.Chip("pcm", tile=(64, 64), adc_bits=8, wire_resistance=1.0)
    assert repr(chip) == "Chip('pcm', tile=(64, 64), adc_bits=8, wire_resistance=1.0)"
    assert pickle.loads(pickle.dumps(chip)) == chip
    assert chip != nm.hardware.Chip("pcm")
    assert chip != "pcm"


@pytest.mark.parametrize("name", nm.hardware.chips())
def test_every_published_chip_maps_a_memory(name, net, keys):
    placed = nm.hardware.Chip.preset(name).map(net, rng=0)
    assert float(placed.report.energy.sum()) > 0
    assert placed.memory.recall(keys).overlap(keys).mean() > 0.9


def test_an_unknown_chip_is_answered_with_those_there_are():
    with pytest.raises(ParameterError, match="isaac"):
        nm.hardware.Chip.preset("isaak")


def test_capacity_is_measured_on_a_chip(net):
    chip = nm.hardware.Chip("rram-hfo2", tile=(64, 64), adc_bits=6, dac_bits=1)
    curve = nm.measures.capacity("hopfield", n=100, loads=(0.05, 0.3), trials=2, on=chip, seed=0)
    assert curve.success.values[0] > curve.success.values[1]


def test_inputs_to_be_expected_are_given_by_name(net, keys):
    chip = nm.hardware.Chip("ideal", adc_bits=6)
    by_name = chip.map(net, rng=0, inputs={"recurrent": keys}).crossbars["recurrent"]
    for_all = chip.map(net, rng=0, inputs=keys).crossbars["recurrent"]
    np.testing.assert_array_equal(by_name @ keys.T, for_all @ keys.T)
    with pytest.raises(ParameterError, match="inputs are given for 'keys'; there are: recurrent"):
        chip.map(net, inputs={"keys": keys})


def test_a_write_that_does_not_pass_the_channel_has_an_energy_of_its_own(net):
    placed = nm.hardware.Chip("sot-mram").map(net, rng=0)
    cells = int(placed.report.cells.sum())
    lines = placed._writing(placed.crossbars["recurrent"]).energy.sel(part="lines").item()
    assert placed.chip.profile.write_energy == 350e-15
    assert float(placed.report.write_energy.sum()) == pytest.approx(cells * 350e-15 + lines)


def test_rounding_to_digits_and_levels_is_reported():
    """Uniform weights in 4-bit digits: the error is uniform in a step of w_max / 7."""
    weights = np.random.default_rng(0).uniform(-1, 1, (60, 80))
    weights[0, 0] = 1.0
    digits = nm.hardware.Chip("sram-cim", weight_bits=4).map([weights]).report
    # s.d. step / sqrt(12) over s.d. 1 / sqrt(3) of the weights: 1 / 14; 4,800 of them, 4 s.e.
    assert float(digits.rounding_error.max()) == pytest.approx(1 / 14, rel=0.04)
    assert float(digits.weight_error.max()) < 1e-6
    levels = nm.hardware.Chip("fefet").map([weights]).report
    assert float(levels.rounding_error.max()) == pytest.approx(1 / 31 / 2, rel=0.06)
    exact = nm.hardware.Chip("ideal", dtype=np.float64).map([weights]).report
    assert float(exact.rounding_error.max()) < 1e-12


def test_a_chip_against_a_processor(net):
    placed = nm.hardware.Chip("rram-hfo2", adc_bits=8, dac_bits=1).map(net, rng=0)
    both = placed.against(nm.hardware.Roofline(peak=100e9, bandwidth=20e9))
    array = both.energy.sel(where="array", synapses="recurrent").item()
    assert array == pytest.approx(placed.report.energy.sum().item(), rel=1e-12)
    assert both.energy.sel(where="processor").item() > 0


def test_sparse_patterns_do_not_run_out_of_the_converters_range():
    """A stored 0/1 pattern drives its units far harder than random inputs of its activity do."""
    memory = nm.models.find("low-activity").make(256)
    keys = nm.patterns.low_activity(13, 256, memory.parameters["activity"], rng=0)
    memory.store(keys)
    placed = nm.hardware.Chip("ideal", tile=(128, 128), adc_bits=8).map(memory, rng=0)
    assert placed.memory.recall(keys).success(keys).all()
    assert placed.crossbars["recurrent"].clipped_conversions < 0.01
