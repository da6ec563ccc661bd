"""Figures of chips: what is drawn is what was measured, with units; foreign input is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import neuromem as nm
from neuromem.core.errors import ParameterError, ShapeError
from neuromem.hardware.arrays import wires

N = 64
XI = nm.patterns.random(6, N, rng=0)
NET = nm.models.Hopfield(N).store(XI)
DAY = 86400.0


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def placed():
    chip = nm.hardware.Chip("pcm", tile=(32, 64), adc_bits=6, dac_bits=4, wire_resistance=(2, 3))
    return chip.map(NET, rng=0)


@pytest.fixture(scope="module")
def network():
    draw = np.random.default_rng(0)
    layers = {"first": draw.normal(size=(32, 64)), "second": draw.normal(size=(10, 32))}
    return nm.hardware.Chip("pcm", tile=(64, 64), adc_bits=6, dac_bits=4).map(layers, rng=0)


@pytest.fixture(scope="module")
def aged():
    chip = nm.hardware.Chip("pcm", tile=(64, 64))
    return nm.measures.ageing(NET, XI, on=chip, times=[0, 60, DAY], trials=3, update="sync")


@pytest.fixture(scope="module")
def designs():
    return nm.measures.trade_off(
        NET,
        XI,
        device="pcm",
        tiles=[(16, 16), (64, 64)],
        adc_bits=[1, 3, 5],
        cue_noise=0.3,
        trials=3,
        recall={"update": "sync"},
        dac_bits=4,
    )


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_conductances_show_every_cell_at_its_target_then_and_now(placed):
    cloud, histogram = nm.plot.conductances(placed.at(DAY))
    assert cloud.get_xlabel() == "target (µS)"
    assert cloud.get_ylabel() == histogram.get_xlabel() == "conductance (µS)"
    assert texts(cloud) == ["as aimed at", "programmed", "after 1 day"]
    assert texts(histogram) == ["target", "programmed", "after 1 day"]
    arrays = placed.crossbars["recurrent"].arrays
    target = np.concatenate([each.target.ravel() for each in arrays.devices]) * 1e6
    now = np.concatenate([arrays.conductance(k, DAY).ravel() for k in range(4)]) * 1e6
    assert target.size == 2 * N * N
    drawn = cloud.lines[2]
    some = np.linspace(0, target.size - 1, 4000).astype(int)
    np.testing.assert_allclose(drawn.get_xdata(), target[some], rtol=1e-6)
    np.testing.assert_allclose(drawn.get_ydata(), now[some], rtol=1e-6)
    for outline in histogram.patches:
        assert outline.get_data().values.sum() == pytest.approx(1.0)


def test_conductances_just_programmed_have_no_later_stage(placed, network):
    assert len(nm.plot.conductances(placed)[0].lines) == 2
    _, axes = plt.subplots(1, 2)
    assert nm.plot.conductances(placed.crossbars["recurrent"], axes=axes)[0] is axes[0]
    both, one = (nm.plot.conductances(network, synapses=name) for name in (None, "second"))
    assert both[0].lines[1].get_xdata().size == 4000
    assert one[0].lines[1].get_xdata().size == 2 * 32 * 10


def test_ir_drop_of_one_cell_is_its_share_of_a_divider():
    """1 / (1 + 2 r G): one segment before the cell, one behind it."""
    ax = nm.plot.ir_drop([[1e-4]], segment_resistance=5.0)
    assert ax.images[0].get_array().item() == pytest.approx(1 / (1 + 2 * 5.0 * 1e-4))
    assert ax.images[0].colorbar.ax.get_ylabel() == "share of the read voltage that a cell sees"


def test_ir_drop_of_a_chip_is_the_nodal_solution_of_the_chosen_tile(placed):
    ax = nm.plot.ir_drop(placed, tile=(1, 1), sense_resistance=10.0)
    arrays = placed.crossbars["recurrent"].arrays
    number = [place[:2] for place in arrays.places].index((1, 1))
    cells = arrays.conductance(number, 0.0)
    word, bit = wires.node_voltages(cells, np.ones(32), (2.0, 3.0), sense_resistance=10.0)
    np.testing.assert_allclose(ax.images[0].get_array(), word - bit, rtol=1e-9)
    assert "tile (1, 1) of 'pcm', 2 and 3 ohm a segment" in ax.get_title()
    assert f"least {(word - bit).min():.1%}" in ax.get_title()


def test_ir_drop_counts_the_transistor_into_the_cell():
    chip = nm.hardware.Chip("ideal", tile=(8, 2), wire_resistance=100.0, access_resistance=1e4)
    cells = chip.map([np.ones((1, 8))], rng=0)
    ax = nm.plot.ir_drop(cells)
    seen = np.tile([1 / (1 / 25e-6 + 1e4), 0.0], (8, 1))
    word, bit = wires.node_voltages(seen, np.ones(8), 100.0)
    np.testing.assert_allclose(ax.images[0].get_array(), word - bit, rtol=1e-6)


def test_ageing_shows_points_intervals_and_the_ideal_memory(aged):
    recall, error = nm.plot.ageing(aged)
    assert texts(recall) == ["ideal memory", "none", "global", "column"]
    np.testing.assert_allclose(recall.lines[0].get_ydata(), aged["ideal_success"].item())
    for number, policy in enumerate(aged["compensate"].values):
        one = aged.sel(compensate=policy)
        line = recall.containers[number].lines
        np.testing.assert_allclose(line[0].get_xdata(), [0.0, 60.0, DAY])
        np.testing.assert_allclose(line[0].get_ydata(), one["success"])
        bars = np.array([[low[1], high[1]] for low, high in line[2][0].get_segments()])
        np.testing.assert_allclose(bars.T, [one["success_low"], one["success_high"]])
        drawn = error.containers[number].lines[0].get_ydata()
        np.testing.assert_allclose(drawn, one["weight_error"].mean("trial"))
    assert recall.get_xscale() == "symlog"
    assert [text.get_text() for text in recall.get_xticklabels()] == ["0", "1 min", "1 h", "1 day"]
    assert recall.get_title() == "Hopfield on pcm"


def test_ageing_without_a_start_counts_in_decades_and_one_time_needs_none(aged):
    later = nm.plot.ageing(aged.isel(time=[1, 2]))[0]
    assert later.get_xscale() == "log"
    single = nm.plot.ageing(aged.isel(time=[0]))[0]
    assert (single.get_xscale(), single.get_xlabel()) == ("linear", "time after programming (s)")


def test_energy_of_one_kind_of_synapses_has_a_bar_for_each_part(placed):
    ax = nm.plot.energy(placed.report)
    taken = placed.report.energy.isel(synapses=0)
    taking = taken[taken > 0]
    assert [text.get_text() for text in ax.get_yticklabels()] == taking["part"].values.tolist()
    widths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(widths, taking * 1e9)
    assert ax.get_xlabel() == "energy of one product (nJ)"
    assert ax.get_title() == f"recurrent: {float(taken.sum()) * 1e9:.3g} nJ"
    adc = float(taken.sel(part="adc"))
    said = [text.get_text() for text in ax.texts]
    assert f"{adc * 1e9:.3g} nJ, {adc / float(taken.sum()):.0%}" in said


@pytest.mark.parametrize(
    ("of", "unit", "factor", "label"),
    [
        ("energy", "nJ", 1e-9, "energy of one product (nJ)"),
        ("latency", "ns", 1e-9, "latency of one product (ns)"),
        ("area", "mm²", 1e-6, "area (mm²)"),
    ],
)
def test_several_synapses_have_a_stacked_bar_each(network, of, unit, factor, label):
    report = network.report
    ax = nm.plot.energy(report, of=of)
    assert ax.get_xlabel() == label
    assert [text.get_text() for text in ax.get_yticklabels()] == ["first", "second"]
    ends = [[bar.get_x() + bar.get_width() for bar in bars] for bars in ax.containers]
    totals = report[of].sum("part").values / factor
    np.testing.assert_allclose(np.max(ends, axis=0), totals)
    assert [text.get_text() for text in ax.texts] == [f"{total:.3g} {unit}" for total in totals]
    parts = report[of].sum("synapses")
    assert len(texts(ax)) == int((parts > 0).sum())


def test_front_joins_the_best_designs(designs):
    ax = nm.plot.front(designs)
    assert texts(ax)[:2] == ["Pareto front", "ideal memory"]
    assert texts(ax)[2:] == ["tiles of 16x16", "tiles of 64x64"]
    energy = designs["energy"].mean("trial")
    for bars, tile in zip(ax.containers, designs["tile"].values, strict=True):
        points = bars.lines[0]
        np.testing.assert_allclose(points.get_xdata(), energy.sel(tile=tile) * 1e9)
        np.testing.assert_allclose(points.get_ydata(), designs["success"].sel(tile=tile))
    line = next(line for line in ax.lines if line.get_label() == "Pareto front")
    best = designs["front"].values
    np.testing.assert_allclose(line.get_xdata()[:-1], np.sort(energy.values[best]) * 1e9)
    np.testing.assert_allclose(line.get_ydata()[:-1], np.sort(designs["success"].values[best]))
    assert line.get_xdata()[-1] == pytest.approx(energy.max().item() * 1e9)
    assert ax.get_xlabel() == "energy of one product (nJ)"
    assert sorted(text.get_text() for text in ax.texts) == sorted(["1", "3", "5"] * 2)


def test_they_draw_where_they_are_told_to(placed, aged, designs):
    _, axes = plt.subplots(2, 3)
    assert nm.plot.ir_drop(placed, ax=axes[0, 0]) is axes[0, 0]
    assert nm.plot.energy(placed.report, ax=axes[0, 1]) is axes[0, 1]
    assert nm.plot.front(designs, ax=axes[0, 2]) is axes[0, 2]
    assert nm.plot.ageing(aged, axes=axes[1, :2])[1] is axes[1, 1]


def test_foreign_input_is_refused_by_name(placed, aged, network):
    with pytest.raises(ParameterError, match=r"plot\.front: the dataset has no energy, front"):
        nm.plot.front(aged)
    with pytest.raises(ParameterError, match=r"plot\.ageing: the dataset has no success"):
        nm.plot.ageing(placed.report)
    with pytest.raises(ParameterError, match=r"plot\.energy: the dataset has no energy, synapses"):
        nm.plot.energy(aged)
    with pytest.raises(ParameterError, match=r"plot\.energy: of is 'power'; choose one of: energy"):
        nm.plot.energy(placed.report, of="power")
    with pytest.raises(ParameterError, match=r"plot\.conductances: this is a Hopfield; give what"):
        nm.plot.conductances(NET)
    with pytest.raises(ParameterError, match=r"synapses is 'third'; choose one of: first, second"):
        nm.plot.conductances(network, synapses="third")
    with pytest.raises(ParameterError, match=r"plot\.ir_drop: no wire has a resistance"):
        nm.plot.ir_drop(network)
    with pytest.raises(ParameterError, match=r"plot\.ir_drop: tile is \(2, 0\), there are 2 x 2\."):
        nm.plot.ir_drop(placed, tile=(2, 0))
    with pytest.raises(ShapeError, match=r"conductances have shape \(3,\); expected \(R, C\)"):
        nm.plot.ir_drop([1e-6] * 3, segment_resistance=1.0)
    for tile in (3, (0,), "ab", None):
        with pytest.raises(ParameterError, match=r"plot\.ir_drop: tile is .*; give "):
            nm.plot.ir_drop(placed, tile=tile)


def test_one_chosen_value_is_an_axis_of_length_one(placed, network, aged, designs):
    one = nm.plot.energy(network.report.isel(synapses=0))
    whole = nm.plot.energy(network.report.isel(synapses=[0]))
    assert one.get_title() == whole.get_title() != ""
    part = nm.plot.energy(network.report.sel(part="adc"))
    assert texts(part) == ["adc 100%"]
    recall = nm.plot.ageing(aged.sel(compensate="none"))[0]
    assert texts(recall) == ["ideal memory", "none"]
    start = nm.plot.ageing(aged.sel(time=60.0))[0].containers[1].lines[0]
    np.testing.assert_allclose(start.get_ydata(), aged["success"].isel(compensate=1, time=1))
    tile = nm.plot.front(designs.isel(tile=0))
    assert texts(tile)[2:] == ["tiles of 16x16"]
    assert [text.get_text() for text in tile.texts] == ["1", "3", "5"]
    bits = nm.plot.front(designs.sel(adc_bits=3))
    assert [text.get_text() for text in bits.texts] == ["3", "3"]
    chip = nm.plot.front(designs.isel(trial=0)).containers[0].lines[0]
    energy = designs["energy"].isel(tile=0, trial=0)
    np.testing.assert_allclose(chip.get_xdata(), energy * 1e9)


def test_axes_that_a_figure_does_not_have_are_refused_by_name(placed, aged, designs):
    with pytest.raises(
        ParameterError, match=r"plot\.energy: the dataset has no synapses; it holds"
    ):
        nm.plot.energy(placed.report.isel(synapses=0, drop=True))
    two = [each.expand_dims(chip=[k]) for k, each in enumerate((aged, aged))]
    with pytest.raises(
        ParameterError, match=r"plot\.ageing: the dataset has .* chip besides .*isel"
    ):
        nm.plot.ageing(xr.concat(two, "chip"))
    two = [each.expand_dims(chip=[k]) for k, each in enumerate((designs, designs))]
    with pytest.raises(ParameterError, match=r"plot\.front: the dataset has .* chip besides"):
        nm.plot.front(xr.concat(two, "chip"))


@pytest.mark.parametrize("of", ["energy", "latency", "area"])
def test_sums_stand_within_the_axes_also_of_layers_that_take_as_much(of):
    """A part of no width ends a bar as the longest one does, and would hold the axis there."""
    layers = {f"layer {k}": np.ones((64, 64)) for k in range(4)} | {"last": np.ones((64, 100))}
    chip = nm.hardware.Chip("pcm", tile=(64, 128), adc_bits=6, dac_bits=4)
    ax = nm.plot.energy(chip.map(layers, rng=0).report.isel(synapses=[0, 1, 2, 3, 4]), of=of)
    ax.figure.draw_without_rendering()
    frame = ax.get_window_extent()
    for text in ax.texts:
        box = text.get_window_extent()
        assert frame.x0 < box.x0 < box.x1 <= frame.x1 + 1.0
    equal = chip.map({f"layer {k}": np.ones((64, 64)) for k in range(5)}, rng=0).report
    ax = nm.plot.energy(equal, of=of)
    ax.figure.draw_without_rendering()
    frame = ax.get_window_extent()
    assert max(text.get_window_extent().x1 for text in ax.texts) <= frame.x1 + 1.0
