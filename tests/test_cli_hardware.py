"""The commands about chips: what they print, for people and for scripts, and what they refuse."""

import json
import sys

import numpy as np
import pytest

import neuromem as nm
from neuromem.cli import main
from neuromem.core.results import open_dataset

N = 64
XI = nm.patterns.random(4, N, rng=0)


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


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Memories that keep their patterns and that do not, and files that are no memory."""
    folder = tmp_path_factory.mktemp("memories")
    real = XI.astype(np.float32)
    nm.models.Hopfield(N, form="overlap").store(XI).save(folder / "keeps.nc")
    nm.models.Hopfield(N, form="dense").store(XI).save(folder / "dense.nc")
    nm.models.Hopfield(N).save(folder / "empty.nc")
    nm.models.ModernHopfield(N, beta=0.07).store(real).save(folder / "modern.nc")
    pairs = nm.models.ModernHopfield(N, n_values=4).store(real, np.eye(4, dtype=np.float32))
    pairs.save(folder / "pairs.nc")
    np.save(folder / "keys.npy", XI)
    np.save(folder / "short.npy", XI[:, :60])
    (folder / "text.nc").write_text("no memory")
    nm.models.Hopfield(N).store(XI).recall(XI).save(folder / "recall.nc")
    return folder


def test_help_teaches_with_an_example(neuromem):
    for command in ("devices", "map"):
        assert f"Example: neuromem {command}" in neuromem(command, "--help")[1]


def test_devices_lists_devices_and_chips_with_their_sources(neuromem):
    code, out, _ = neuromem("devices", "--json")
    known = json.loads(out)
    assert code == 0
    assert [one["name"] for one in known["devices"]] == nm.hardware.profiles()
    assert [one["name"] for one in known["chips"]] == nm.hardware.chips()
    assert all(one["sources"] for kind in known.values() for one in kind)
    pcm = next(one for one in known["devices"] if one["name"] == "pcm")
    assert (pcm["g_max"], pcm["valid_time"]) == (25e-6, 3.2e8)
    text = neuromem("devices")[1]
    assert "10.1 years" in text
    assert "hermes-core" in text


def test_map_gives_the_figures_of_the_report(neuromem, files):
    options = ("--device", "pcm", "--tile", "64x64", "--adc-bits", 8, "--dac-bits", 4)
    code, out, _ = neuromem("map", files / "dense.nc", *options, "--seed", 3, "--json")
    figures = json.loads(out)
    chip = nm.hardware.Chip("pcm", tile=(64, 64), adc_bits=8, dac_bits=4)
    report = chip.map(nm.load(files / "dense.nc"), rng=3).report
    assert code == 0
    assert figures["tiles"] == 2
    for name in ("energy", "latency", "area"):
        assert figures[name] == float(report[name].sum()) > 0.0
    assert sum(figures["energy_by_part"].values()) == pytest.approx(figures["energy"])
    assert figures["weight_error"] == float(report.weight_error.max())
    assert figures["options"] == {"tile": [64, 64], "adc_bits": 8, "dac_bits": 4}
    assert (figures["ideal"], figures["recall"], figures["seconds"]) == ([], None, 0.0)


def test_map_at_a_later_time_ages_the_same_devices(neuromem, files):
    options = ("--device", "pcm", "--tile", "64x64", "--seed", 3, "--at", "30 days")
    figures = json.loads(neuromem("map", files / "dense.nc", *options, "--json")[1])
    later = nm.hardware.Chip("pcm", tile=(64, 64)).map(nm.load(files / "dense.nc"), rng=3)
    later = later.at(30 * 86400.0)
    assert figures["seconds"] == 30 * 86400.0
    assert figures["weight_error"] == later.crossbars["recurrent"].weight_error
    text = neuromem("map", files / "dense.nc", *options)[1]
    assert "error of the weights after 30 days" in text
    assert f"{figures['weight_error']:.1%}" in text


def test_recall_is_measured_before_and_after(neuromem, files):
    """At beta = 0.07 scores of 4.5 stand against three others; a year later half of it is left."""
    arguments = ("map", files / "modern.nc", "--device", "pcm", "--at", "10 years")
    figures = json.loads(neuromem(*arguments, "--cue-noise", 0.2, "--json")[1])["recall"]
    assert (figures["cues"], figures["cue_noise"]) == (4, 0.2)
    assert figures["recalled"]["ideal"] == figures["recalled"]["programmed"] == 1.0
    assert figures["overlap"]["later"] < figures["overlap"]["programmed"]
    text = neuromem(*arguments, "--cue-noise", 0.2)[1]
    assert "recalled by the ideal memory" in text
    assert "recalled after 10 years" in text
    assert "4 cues with 20% of their units flipped, overlap > 0.9" in text


@pytest.mark.parametrize(
    ("name", "more"), [("keeps.nc", ()), ("dense.nc", ("--patterns", "keys.npy"))]
)
def test_patterns_come_from_the_memory_or_from_a_file(neuromem, files, name, more):
    more = [files / part if part.endswith(".npy") else part for part in more]
    figures = json.loads(neuromem("map", files / name, "--device", "ideal", *more, "--json")[1])
    assert figures["recall"]["recalled"] == {"ideal": 1.0, "programmed": 1.0}


def test_what_is_left_out_is_said(neuromem, files):
    _, text, _ = neuromem("map", files / "dense.nc", "--device", "pcm", "--dac-bits", 4)
    assert "Give --patterns FILE.npy" in text
    assert "note: the ADCs are ideal and cost nothing" in text
    values = json.loads(neuromem("map", files / "pairs.nc", "--device", "pcm", "--json")[1])
    assert (values["tiles"], values["recall"]) == (2, None)
    assert values["ideal"] == ["ADCs", "DACs"]


def test_a_published_chip_brings_its_own_choices_and_takes_others(neuromem, files):
    arguments = ("map", files / "dense.nc", "--chip", "isaac", "--json")
    isaac = nm.hardware.Chip.preset("isaac").options
    options = json.loads(neuromem(*arguments)[1])["options"]
    assert options["adc_bits"] == isaac.adc_bits
    changed = json.loads(neuromem(*arguments, "--adc-bits", 6, "--set", "remap=pair")[1])
    assert (changed["options"]["adc_bits"], changed["options"]["remap"]) == (6, "pair")


@pytest.mark.parametrize("name", ["report.nc", "report.png"])
def test_the_report_is_written_as_a_dataset_or_a_figure(neuromem, files, tmp_path, name):
    out = tmp_path / name
    code, text, _ = neuromem("map", files / "dense.nc", "--device", "pcm", "--out", out)
    assert code == 0
    assert f"wrote {out}" in text
    assert out.stat().st_size > 1000
    if name.endswith(".nc"):
        assert float(open_dataset(out).tiles.sum()) == 1.0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--device", "pcmm"), "no device profile 'pcmm'; there are: ideal, "),
        (("--chip", "isaa"), "no chip 'isaa'; there are: hermes-64"),
        ((), "give either --device or --chip"),
        (("--device", "pcm", "--chip", "isaac"), "give either --device or --chip"),
        (("--device", "./none.toml"), "there is no file 'none.toml'"),
        (("--device", "pcm", "--tile", "0"), "--tile is '0'; give rows x columns"),
        (("--device", "pcm", "--tile", "0x64"), "tile is 0; give a whole number >= 1"),
        (("--device", "pcm", "--tile", "8x8x8"), "--tile is '8x8x8'; give rows x columns"),
        (("--device", "pcm", "--tile", "64x1"), "tile has 1 columns, but one output takes 2"),
        (("--device", "pcm", "--adc-bits", 0), "adc_bits is 0; give 1 to 24 bits"),
        (("--device", "pcm", "--adc-bits", 40), "adc_bits is 40; give 1 to 24 bits"),
        (("--device", "pcm", "--dac-bits", 99), "dac_bits is 99; give 1 to 24 bits"),
        (("--device", "pcm", "--at", "-3 s"), "--at: seconds is -3"),
        (("--device", "pcm", "--at", "soon"), "--at is 'soon'; give a number and a unit"),
        (("--device", "rram-hfo2", "--at", "1 year"), "holds from 0 to 172800 s"),
        (("--device", "pcm", "--seed", -1), "seed is -1; give a whole number >= 0"),
        (("--device", "pcm", "--set", "scheme=offse"), "scheme is 'offse'; choose one of"),
        (("--device", "pcm", "--set", "schemes=offset"), "there is no option 'schemes'"),
        (("--device", "pcm", "--set", "remap"), "--set is 'remap'; give NAME=VALUE"),
        (("--device", "pcm", "--out", "x.txt"), "give a file ending in .nc, .png, .pdf, .svg"),
        (("--device", "pcm", "--patterns", "none.npy"), "none.npy cannot be read as an array"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    neuromem, files, arguments, text, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, out, err = neuromem("map", files / "keeps.nc", *arguments)
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "more", "text"),
    [
        ("none.nc", (), "there is no file"),
        ("text.nc", (), "is truncated or no NetCDF file"),
        ("recall.nc", (), "this file holds 'recall', expected a memory"),
        ("empty.nc", (), "nothing is stored yet"),
        ("keeps.nc", ("--cue-noise", 0.8), "map: cue_noise is 0.8; give a number from 0.0 to 0.5"),
        (
            "keeps.nc",
            ("--patterns", "short.npy"),
            "map: patterns have 60 units, this memory has 64",
        ),
        ("keeps.nc", ("--patterns", "text.nc"), "cannot be read as an array; give a file that num"),
        ("pairs.nc", ("--patterns", "keys.npy"), "gives back values in the place of its keys"),
    ],
)
def test_files_that_do_not_fit_are_one_line_and_exit_code_2(neuromem, files, name, more, text):
    more = [files / part if str(part).endswith(("npy", "nc")) else part for part in more]
    code, _, err = neuromem("map", files / name, "--device", "pcm", *more)
    assert code == 2
    assert text in err
    assert err.count("\n") == 1


def test_words_and_units_of_choices(neuromem, files):
    memory = files / "keeps.nc"
    code, text, _ = neuromem("map", memory, "--device", "pcm", "--set", "g_max=10uS", "--json")
    assert (code, json.loads(text)["options"]["g_max"]) == (0, 1e-5)
    code, _, err = neuromem(
        "map", memory, "--device", "pcm", "--set", "w_max=1e-6", "--set", "clip=false"
    )
    assert code == 2
    assert "clip=True" in err
    code, _, err = neuromem("map", memory, "--device", "pcm", "--set", "profile=ideal")
    assert code == 2
    assert "--device" in err


def test_a_published_chip_is_named(neuromem, files):
    memory = files / "keeps.nc"
    code, text, _ = neuromem("map", memory, "--chip", "isaac", "--json")
    assert code == 0
    assert json.loads(text)["chip"].startswith("ISAAC")
