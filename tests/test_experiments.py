"""Every experiment runs in its quick form, by its path, as `neuromem run` does it."""

from pathlib import Path

import pytest

from neuromem.sweep import run_script

SCRIPTS = sorted((Path(__file__).parents[1] / "experiments").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_experiment_leaves_a_dataset_a_figure_and_a_summary(script, tmp_path):
    done = run_script(script, out=tmp_path, quick=True)
    assert done.summary
    for ending in (".nc", ".png"):
        left = list(tmp_path.glob(f"{script.stem}-quick*{ending}"))  # a dataset for each sweep
        assert left
        assert all(path.stat().st_size > 3000 for path in left)


def test_real_digits_undo_hebb_but_not_the_pseudo_inverse(tmp_path):
    script = next(path for path in SCRIPTS if path.stem == "digits_in_hopfield")
    summary = run_script(script, out=tmp_path, quick=True).summary
    held = summary["largest_P_of_which_half_are_recalled_exactly"]
    assert held["digits"]["hebb"] < held["random"]["hebb"]
    assert held["digits"]["pseudo-inverse"] > held["digits"]["hebb"]
