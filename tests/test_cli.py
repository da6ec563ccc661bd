"""The command: what it prints, for people and for scripts, and how it refuses bad input."""

import json
import signal
import subprocess
import sys
import time

import pytest

from neuromem.cli import main


@pytest.fixture
def neuromem(monkeypatch, capsys):
    """Run the command; return exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["neuromem", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err

    return run


def test_help_teaches_with_an_example(neuromem):
    code, out, _ = neuromem("--help")
    assert code == 0
    assert "neuromem demo" in out
    for command in ("demo", "models", "capacity", "run"):
        assert f"Example: neuromem {command}" in neuromem(command, "--help")[1]


def test_version(neuromem):
    import neuromem as package

    assert neuromem("--version")[1].strip() == package.__version__


def test_models_lists_names_families_and_papers(neuromem):
    code, out, _ = neuromem("models", "--json")
    records = json.loads(out)
    assert code == 0
    assert {"hopfield", "dense-memory", "modern-hopfield"} <= {record["name"] for record in records}
    assert all(record["family"] and record["paper"] for record in records)
    assert "pseudo-inverse" in neuromem("models")[1]


def test_capacity_prints_the_critical_load_with_its_interval(neuromem):
    arguments = ("capacity", "hopfield", "--n", 200, "--trials", 8, "--seed", 0)
    code, out, _ = neuromem(*arguments, "--json")
    figures = json.loads(out)
    assert code == 0
    assert figures["alpha_c_low"] < figures["alpha_c"] < figures["alpha_c_high"]
    # 0.138 + 0.8 / sqrt(200) = 0.195; the sd of a fit to eight networks is below 0.01.
    assert figures["alpha_c"] == pytest.approx(0.195, abs=0.03)
    assert figures["censored"] == 0
    assert "critical load alpha_c = 0.1" in neuromem(*arguments)[1]


def test_capacity_of_a_memory_that_never_fails_is_a_bound(neuromem):
    arguments = ("capacity", "hopfield", "--set", "rule=pseudo-inverse", "--n", 40)
    code, out, _ = neuromem(*arguments, "--loads", "0.2,0.4", "--trials", 2, "--json")
    figures = json.loads(out)
    assert (code, figures["censored"], figures["alpha_c"]) == (0, 1, 0.4)
    assert figures["alpha_c_high"] is None
    assert "--cue-noise" in figures["note"]
    text = neuromem(*arguments, "--loads", "0.2,0.4", "--trials", 2)[1]
    assert "alpha_c = at least 0.4" in text
    assert "note: recall from the pattern itself never failed" in text


@pytest.mark.parametrize("name", ["curve.nc", "curve.png"])
def test_capacity_writes_a_dataset_or_a_figure(neuromem, tmp_path, name):
    code, _, _ = neuromem(
        "capacity",
        "hopfield",
        "--n",
        60,
        "--trials",
        2,
        "--loads",
        "0.1,0.3",
        "--out",
        tmp_path / name,
    )
    assert code == 0
    assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.filterwarnings("default")
def test_networks_beyond_capacity_do_not_warn_one_by_one(neuromem):
    arguments = ("capacity", "perceptron", "--set", "epochs=1", "--n", 20, "--loads", "1,2")
    code, _, err = neuromem(*arguments, "--trials", 2)
    assert (code, err) == (0, "")


SCRIPT = """
from neuromem.core.results import Variable
from neuromem.sweep import Sweep

def trial(x, rng):
    return 2.0 * x

SWEEP = Sweep(trial, grid={"x": [1, 2]}, measures=Variable("y", "1", "twice x"))

def summary(result):
    return {"largest": float(result.y.max())}
"""


def test_run_and_resume_a_script(neuromem, tmp_path):
    script = tmp_path / "twice.py"
    script.write_text(SCRIPT)
    out = tmp_path / "out"
    code, text, _ = neuromem("run", script, "--out", out)
    assert code == 0
    assert "largest: 4.0" in text
    assert (out / "twice.nc").exists()
    code, _, err = neuromem("run", script, "--out", out)
    assert code == 2
    assert "resume" in err
    code, text, _ = neuromem("run", script, "--out", out, "--resume", "--json")
    assert (code, json.loads(text)["summary"]) == (0, {"largest": 4.0})


def test_an_interrupt_says_what_was_kept_and_how_to_go_on(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(SCRIPT.replace("    return", "    import time; time.sleep(0.4)\n    return"))
    command = [sys.executable, "-c", "from neuromem.cli import main; main()", "run", script]
    process = subprocess.Popen([*command, "--out", tmp_path], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "slow.zarr").exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.2)  # the store is there a moment before the first cell is begun
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "of 2 cells are kept in" in errors
    assert "--resume" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("capacity", "hopfield", "--set", "n=10"), "give units as --n"),
        (("capacity", "modern-hopfield", "--set", "n_values=3"), "Build it without n_values"),
        (("capacity", "hopfield", "--set", "threshold=1e999"), "give a finite number"),
        (("capacity", "hopfild"), "no model named 'hopfild'; did you mean hopfield"),
        (("capacity", "hopfield", "--trials", -3), "trials is -3; give a whole number >= 1"),
        (("capacity", "hopfield", "--n", 1), "n is 1; give a whole number >= 2"),
        (("capacity", "hopfield", "--loads", "a,b"), "--loads is 'a,b'; give numbers"),
        (("capacity", "hopfield", "--loads", "-0.1"), "load"),
        (("capacity", "hopfield", "--cue-noise", 0.9), "cue_noise is 0.9"),
        (("capacity", "hopfield", "--set", "rule"), "--set is 'rule'; give NAME=VALUE"),
        (("capacity", "hopfield", "--set", "rule=heb"), "rule is 'heb'; choose one of"),
        (("capacity", "hopfield", "--seed", -1), "seed is -1"),
        (("run", "absent.py"), "there is no script absent.py"),
        (("demo", "--data", "cats"), "data is 'cats'; choose one of: digits, mnist, omniglot"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(neuromem, arguments, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = neuromem(*arguments)
    assert code == 2
    assert text in err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_without_the_file_is_one_line(neuromem, tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROMEM_DATA", str(tmp_path))
    code, _, err = neuromem("demo", "--data", "mnist", "--out", tmp_path / "demo")
    assert code == 2
    assert "NEUROMEM_DATA" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("name", ["--out=curve.txt"])
def test_an_unknown_kind_of_file_is_refused_before_the_work(neuromem, name, tmp_path):
    code, _, err = neuromem("capacity", "hopfield", name)
    assert code == 2
    assert "give a file ending in .nc, .png, .pdf, .svg" in err


def test_a_path_that_cannot_be_written_is_one_line(neuromem, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    arguments = ("capacity", "hopfield", "--n", 40, "--loads", "0.1", "--trials", 1)
    code, _, err = neuromem(*arguments, "--out", tmp_path / "file" / "x.png")
    assert code == 2
    assert err.count("\n") == 1
    assert "Give a path that can be read and written" in err
