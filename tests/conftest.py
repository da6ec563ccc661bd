"""Settings of the whole suite: repeatable examples, no screen, real data where they are."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples in every run; no deadline, because a first call may compile a kernel.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Return the folder of published data sets, or skip where there is none."""
    folder = os.environ.get("NEUROMEM_DATA")
    if folder is None:
        pytest.skip("NEUROMEM_DATA is not set: no folder with published data sets")
    return Path(folder)
