"""The main job, end to end on real digits."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from neuromem.core.results import open_dataset
from neuromem.demo import MEMORIES, ON_CHIP, _ageing_figure, run_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return folder, run_demo(folder, seed=0)


def test_it_leaves_a_page_figures_and_numbers(demo):
    folder, figures = demo
    page = (folder / "index.html").read_text()
    assert page.count("<img alt=") == 5
    assert "http" not in page.replace("http-equiv", "")  # nothing is fetched: one file
    for name in ("recall.png", "noise.png", "capacity.png", "ageing.png", "energy.png"):
        assert (folder / name).stat().st_size > 5000
    assert json.loads((folder / "figures.json").read_text()) == figures


def test_real_digits_are_recalled_by_more_than_three_memories(demo):
    _, figures = demo
    recalled = figures["recalled"]
    assert set(recalled) == set(MEMORIES)
    good = [name for name in MEMORIES if recalled[name]["10 % flipped"] >= 0.9]
    assert len(good) >= 3
    # The digits' mean overlap is far above that of random patterns: Hebb blends them.
    assert recalled["hopfield"]["10 % flipped"] < 0.5


def test_the_capacity_curve_holds_theory_beside_it(demo):
    folder, figures = demo
    curve = open_dataset(folder / "capacity.nc")
    assert "theory_overlap" in curve
    measured = figures["capacity"]
    assert measured["alpha_c"] == pytest.approx(measured["theory"], abs=0.012)


def test_the_images_end_on_a_chip(demo):
    folder, figures = demo
    chip = figures["chip"]["memories"]
    signs, sizes = chip["pseudo-inverse"]["recalled"], chip["modern-hopfield"]["recalled"]
    # Twenty chips, ten images: drift by a common factor leaves signs alone, and not sizes.
    assert signs["a month"] > 0.8 * signs["before"]
    assert sizes["programmed"] > 0.8 * sizes["before"]
    assert sizes["a month"] < 0.3
    assert sizes["a month, compensated"] > 0.7 * sizes["before"]
    for numbers in chip.values():
        assert numbers["tiles"] >= 1
        assert 0 < numbers["energy_per_recall"] < 1e-6
        assert numbers["area"] > 0
    assert "success" in open_dataset(folder / "ageing-pseudo-inverse.nc")


def test_the_ageing_figure_shows_every_point_with_its_interval(demo):
    folder, _ = demo
    aged = {name: open_dataset(folder / f"ageing-{name}.nc") for name in ON_CHIP}
    figure = _ageing_figure(aged)
    assert [ax.get_title() for ax in figure.axes] == list(ON_CHIP)
    for ax, result in zip(figure.axes, aged.values(), strict=True):
        assert len(ax.containers) == 2
        seen = set()
        for bars, policy in zip(ax.containers, ("none", "global"), strict=True):
            one = result.sel(compensate=policy)
            ends = np.array([[low[1], high[1]] for low, high in bars.lines[2][0].get_segments()])
            np.testing.assert_allclose(ends.T, [one["success_low"], one["success_high"]])
            points = list(zip(*bars.lines[0].get_data(), strict=True))
            np.testing.assert_allclose([y for _, y in points], one["success"])
            seen |= {(round(x, 3), y) for x, y in points}
        assert len(seen) == 2 * result.sizes["time"]  # none lies on another
    plt.close(figure)


def test_the_same_seed_gives_the_same_numbers(demo, tmp_path):
    _, figures = demo
    again = run_demo(tmp_path, seed=0)
    assert {**again, "page": ""} == {**figures, "page": ""}
