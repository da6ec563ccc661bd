"""Sweeps: grid x trials x seeds into one Dataset, on any executor, resumable after a kill."""

from neuromem.sweep.definition import Sweep
from neuromem.sweep.experiments import ScriptRun, run_script
from neuromem.sweep.layout import cell_seed
from neuromem.sweep.scripts import load_script
from neuromem.sweep.trials import TrialError

__all__ = ["ScriptRun", "Sweep", "TrialError", "cell_seed", "load_script", "run_script"]
