"""Figures: labelled axes, the data that was given, theory beside it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import neuromem as nm
from neuromem.core.errors import ParameterError, ShapeError
from neuromem.report import Report


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def curve():
    return nm.measures.capacity("hopfield", n=100, loads=[0.05, 0.1, 0.2, 0.3], trials=4, cues=8)


def test_capacity_shows_points_intervals_and_theory(curve):
    ax = nm.plot.capacity(curve)
    assert "P / N" in ax.get_xlabel()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("N = 100" in label for label in labels)
    assert any("mean field" in label for label in labels)
    points = ax.containers[0].lines[0]
    np.testing.assert_allclose(points.get_xdata(), curve["load"])
    np.testing.assert_allclose(points.get_ydata(), curve["overlap"].mean("trial"))


def test_capacity_at_temperature_has_the_theory_of_that_temperature():
    warm = nm.measures.capacity(
        "hopfield", n=60, loads=[0.02, 0.1], trials=2, cues=4, temperature=0.4, steps=20
    )
    line = nm.plot.capacity(warm).lines[-1]
    np.testing.assert_allclose(line.get_ydata(), nm.theory.retrieval_overlap([0.02, 0.1], 0.4))


def test_it_draws_where_it_is_told_to(curve):
    _, ax = plt.subplots()
    assert nm.plot.capacity(curve, ax=ax, label="mine") is ax


def test_a_foreign_dataset_is_refused_by_name(curve):
    with pytest.raises(ParameterError, match=r"plot.basin: the dataset has no .*fraction"):
        nm.plot.basin(curve)


def test_basin_dynamics_trend_and_phases_have_labelled_axes():
    result = nm.measures.basin(
        "hopfield", n=60, loads=[0.05], fractions=[0.1, 0.3, 0.45], trials=3, cues=5
    )
    keys = nm.patterns.random(3, 60, rng=0)
    net = nm.models.Hopfield(60).store(keys)
    way = nm.measures.dynamics(net, keys, nm.patterns.flip(keys, 0.2, rng=0))
    trend = nm.measures.finite_size_trend("hopfield", (60, 240), trials=4, cues=8)
    drawn = [
        nm.plot.basin(result),
        *nm.plot.dynamics(way),
        nm.plot.trend(trend),
        nm.plot.phases(loads=[0.02, 0.06, 0.1]),
    ]
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in drawn)


@pytest.mark.parametrize("device", ["pcm", None])
def test_memories_on_a_chip_are_named_by_its_device(device):
    chip = None if device is None else nm.hardware.Chip(device, tile=(64, 64))
    choices = {"n": 60, "loads": [0.05], "trials": 2, "cues": 4, "on": chip}
    said = "" if device is None else " on pcm"
    curve = nm.measures.capacity("hopfield", **choices)
    legend = nm.plot.capacity(curve).get_legend()
    assert legend.get_texts()[-1].get_text() == f"hopfield, N = 60{said}"
    basin = nm.measures.basin("hopfield", fractions=[0.1, 0.45], **choices)
    legend = nm.plot.basin(basin).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [rf"$\alpha$ = 0.05{said}"]
    assert curve.attrs.get("device") == basin.attrs.get("device") == device


def test_a_basin_of_one_chosen_load_is_drawn():
    result = nm.measures.basin("hopfield", n=60, loads=[0.05, 0.1], fractions=[0.1, 0.45], trials=2)
    line = nm.plot.basin(result.isel(load=1)).lines[0]
    assert line.get_label() == r"$\alpha$ = 0.1"
    np.testing.assert_allclose(line.get_ydata(), result["success"].isel(load=1))


def test_images_are_laid_out_by_row():
    digits = nm.patterns.digits()[:3]
    figure = nm.plot.images({"stored": digits, "again": digits}, captions={"again": ["1"] * 3})
    assert len(figure.axes) == 6
    assert figure.axes[3].get_xlabel() == "1"
    with pytest.raises(ShapeError, match=r"rows have shapes \[\(3, 64\), \(2, 64\)\]"):
        nm.plot.images({"stored": digits, "fewer": digits[:2]})


def test_curves_take_any_sweep_and_label_axes_with_units():
    values = np.arange(12.0).reshape(2, 2, 3)
    dataset = xr.Dataset(
        {"y": (("kind", "x", "trial"), values, {"units": "s", "long_name": "time"})},
        {"kind": ["a", "b"], "x": [1, 2]},
    )
    ax = nm.plot.curves(dataset, "y", x="x", by="kind")
    assert ax.get_ylabel() == "time (s)"
    np.testing.assert_allclose(ax.containers[0].lines[0].get_ydata(), [1.0, 4.0])


def test_a_report_is_one_file_that_escapes_what_it_is_given(tmp_path):
    figure, ax = plt.subplots()
    ax.plot([0, 1])
    report = Report("a < b").heading("h").text("x & y").table(["<"], [["1"]])
    page = report.figure(figure, 'a "b"').save(tmp_path / "sub" / "page.html").read_text()
    assert "a &lt; b" in page
    assert "x &amp; y" in page
    assert 'alt="a &quot;b&quot;"' in page
    assert "data:image/png;base64," in page
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["page.html"]


def test_curves_take_the_dimensions_in_any_order():
    values = xr.DataArray(np.arange(24.0).reshape(3, 4, 2), dims=("trial", "x", "by"))
    table = xr.Dataset({"v": values}, {"x": [0.0, 1.0, 2.0, 3.0], "by": ["a", "b"]})
    drawn = [
        line.get_ydata().tolist()
        for one in (table, table.transpose("x", "by", "trial"))
        for line in nm.plot.curves(one, "v", x="x", by="by").lines
        if len(line.get_ydata()) == 4
    ]
    half = len(drawn) // 2
    assert drawn[0] == [8.0, 10.0, 12.0, 14.0]
    assert drawn[:half] == drawn[half:]
