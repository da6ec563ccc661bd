"""What the tests of sweeps share: one experiment script, and its sweep."""

from pathlib import Path

import pytest

from neuromem.sweep import load_script

WALKS = Path(__file__).with_name("walks.py")


@pytest.fixture
def walks():
    """Return the path of the experiment script."""
    return WALKS


@pytest.fixture
def sweep():
    """Return the script's sweep: 2 loads x 2 rules x 10 trials."""
    return load_script(WALKS).SWEEP


@pytest.fixture
def write_script(tmp_path):
    """Return a function that writes a script under a name and gives its path."""

    def write(text, name="script.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
