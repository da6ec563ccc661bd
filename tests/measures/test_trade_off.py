"""The trade-off of a chip: cost by hand, the front by definition, ideal converters, bad input."""

import numpy as np
import pytest
import xarray as xr

import neuromem as nm
from neuromem.core.errors import CapabilityError, ParameterError
from neuromem.core.randomness import stream
from neuromem.core.results import open_dataset, save_dataset
from neuromem.measures import trade_off
from neuromem.measures.trade_off import pareto_front
from neuromem.sweep import TrialError, cell_seed

N = 64
XI = nm.patterns.random(6, N, rng=0)
REAL = XI.astype(np.float32)
TILES = [(16, 16), (64, 64)]
BITS = [2, 4, 6, 8]


@pytest.fixture(scope="module")
def net():
    return nm.models.Hopfield(N).store(XI)


@pytest.fixture(scope="module")
def modern():
    return nm.models.ModernHopfield(N, beta=0.15).store(REAL)


@pytest.fixture(scope="module")
def found(modern):
    return trade_off(
        modern,
        REAL,
        device="rram-hfo2",
        tiles=TILES,
        adc_bits=BITS,
        cue_noise=0.2,
        trials=4,
        seed=3,
        dac_bits=6,
    )


def test_numbers_are_those_of_a_chip_placed_by_hand(modern, found):
    rng = cell_seed(3, {}, 2)
    chip = nm.hardware.Chip("rram-hfo2", (16, 16), adc_bits=4, dac_bits=6)
    placed = chip.map(modern, rng=stream(rng, "chip"))
    flips = np.where(np.arange(N) < round(0.2 * N), -1.0, 1.0).astype(np.float32)
    placed.memory.recall(REAL * flips, rng=rng)
    one = found.sel(tile="16x16", adc_bits=4)
    assert one["energy"].sel(trial=2).item() == float(placed.report.energy.sum())
    assert one["latency"].item() == float(placed.report.latency.sum())
    assert one["area"].item() == float(placed.report.area.sum())
    # One step of this memory reads its keys once in each direction, whatever the cue.
    per_cue = float(placed.spent.energy.sum()) / len(REAL)
    assert one["recall_energy"].sel(trial=2).item() == pytest.approx(per_cue)
    assert per_cue == pytest.approx(2 * one["energy"].sel(trial=2).item())


def test_tiles_are_counted(found):
    """6 patterns of 64 units as differential pairs: 64 x 12 cells, on 4 arrays of 16 x 16."""
    assert found["tiles"].sel(tile="16x16").values.tolist() == [4.0] * len(BITS)
    assert found["tiles"].sel(tile="64x64").values.tolist() == [1.0] * len(BITS)
    assert found["rows"].values.tolist() == found["columns"].values.tolist() == [16, 64]


def test_more_bits_cost_more_energy_and_time(found):
    """Not more area: a slower converter may be the smaller one."""
    for name in ("energy", "latency"):
        assert (found[name].diff("adc_bits") > 0).all(), name


def test_designs_share_devices_so_that_only_converters_part_them(net):
    """The cells' energy differs from chip to chip, what six more bits cost does not."""
    seen = trade_off(
        net,
        XI,
        device="pcm",
        tiles=[(64, 64)],
        adc_bits=[3, 9],
        trials=3,
        recall={"update": "sync"},
    )
    energy = seen["energy"].isel(tile=0)
    rise = (energy.sel(adc_bits=9) - energy.sel(adc_bits=3)).values
    assert np.ptp(energy.sel(adc_bits=3).values) > 1e-6 * energy.max()
    np.testing.assert_allclose(rise, rise[0], rtol=1e-9)


def test_wide_converters_on_ideal_devices_recall_as_the_ideal_memory_does():
    """With 24 bits no field of 14 patterns, a multiple of 2/64, is rounded across zero."""
    crowded = nm.patterns.random(14, N, rng=3)
    seen = trade_off(
        nm.models.Hopfield(N).store(crowded),
        crowded,
        device="ideal",
        tiles=[(64, 64), (32, 32)],
        adc_bits=[1, 24],
        trials=3,
        recall={"update": "sync"},
        dtype=np.float64,
    )
    wide, ideal = seen.sel(adc_bits=24), seen["ideal_overlap"]
    for tile in seen["tile"].values:
        np.testing.assert_array_equal(wide["overlap"].sel(tile=tile), ideal)
    assert 0.0 < seen["ideal_success"] < 1.0


def test_along_the_front_recall_rises_with_energy(found):
    best = found["front"].values
    energy, success = found["energy"].mean("trial").values, found["success"].values
    order = np.argsort(energy[best])
    assert (np.diff(energy[best][order]) > 0).all()
    assert (np.diff(success[best][order]) > 0).all()
    assert best.ravel()[energy.argmin()]  # the cheapest design is always on it
    assert success[best].max() == success.max()
    assert 1 < best.sum() < best.size


def test_the_front_is_what_its_definition_says():
    """A slow twin: a point is out if another is at least as good in both, and better in one."""
    draw = np.random.default_rng(0)
    cost, gain = draw.integers(0, 12, (2, 5, 8)).astype(float)
    points = list(zip(cost.ravel(), gain.ravel(), strict=True))
    twin = []
    for k, (c, g) in enumerate(points):
        worse = any(
            d <= c and h >= g and ((d, h) != (c, g) or j < k)
            for j, (d, h) in enumerate(points)
            if j != k
        )
        twin.append(not worse)
    front = pareto_front(cost, gain)
    assert front.shape == (5, 8)
    np.testing.assert_array_equal(front.ravel(), twin)


def test_success_is_the_mean_over_chips_within_its_interval(found):
    assert found["overlap"].dims == ("tile", "adc_bits", "trial")
    np.testing.assert_allclose(found["success"], found["recalled"].mean("trial"))
    assert (found["success_low"] <= found["success"]).all()
    assert (found["success"] <= found["success_high"]).all()


def test_two_workers_and_a_resumed_store_give_the_same_dataset(net, tmp_path):
    choices = {"device": "pcm", "tiles": [(64, 64)], "adc_bits": 4, "trials": 3}
    choices |= {"recall": {"update": "sync"}}
    alone = trade_off(net, XI, **choices)
    xr.testing.assert_identical(alone, trade_off(net, XI, workers=2, **choices))
    trade_off(net, XI, store=tmp_path / "a.zarr", **choices)
    again = trade_off(net, XI, store=tmp_path / "a.zarr", resume=True, **choices)
    xr.testing.assert_identical(alone, again)


def test_every_number_has_units_a_meaning_and_an_origin(found, tmp_path):
    for variable in found.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    units = {name: found[name].attrs["units"] for name in ("energy", "latency", "area")}
    assert units == {"energy": "J", "latency": "s", "area": "m^2"}
    assert found.attrs["device"] == "rram-hfo2"
    assert '"dac_bits": 6' in found.attrs["parameters"]
    assert "Wan et al." in found.attrs["source"]
    xr.testing.assert_identical(open_dataset(save_dataset(found, tmp_path / "a.nc")), found)


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"device": "pcmm"}, r"no device profile 'pcmm'; there are: ideal"),
        ({"tiles": (64, 64)}, r"trade_off: tiles is \(64, 64\); give a list of \(word lines"),
        ({"tiles": []}, r"trade_off: tiles is \[\]; give a list"),
        ({"tiles": [(64, 0)]}, r"trade_off: tiles is 0; give a whole number >= 1"),
        ({"tiles": "64x64"}, r"trade_off: tiles is '64x64'; give a list"),
        ({"adc_bits": []}, r"trade_off: adc_bits is empty"),
        ({"adc_bits": [4, None]}, r"trade_off: adc_bits is None; give a whole number >= 1"),
        ({"adc_bits": [[1], [1, 2]]}, r"trade_off: adc_bits is \[1\]; give a whole number >= 1"),
        ({"adc_bits": 40}, r"adc_bits is 40; give 1 to 24 bits"),
        ({"trials": 0}, r"trade_off: trials is 0"),
        ({"cue_noise": -0.1}, r"trade_off: cue_noise is -0\.1"),
        ({"recall": {"speed": 3}}, r"trade_off: Hopfield\.recall has no option 'speed'"),
        ({"scheme": "offse"}, r"scheme is 'offse'; choose one of"),
        (
            {"tile": (64, 64)},
            r"trade_off: tile is \(64, 64\); give tiles=\[\(64, 64\)\], a list of",
        ),
        ({"profile": "pcm"}, r"trade_off: profile is 'pcm'; give device= instead"),
        ({"adcbits": 3}, r"there is no option 'adcbits'"),
    ],
)
def test_bad_arguments_are_refused(net, choices, text):
    with pytest.raises(ParameterError, match=text):
        trade_off(net, XI, **{"device": "pcm", "tiles": [(64, 64)], "trials": 1, **choices})


def test_tiles_too_narrow_for_a_weight_and_empty_memories_are_refused(net):
    with pytest.raises(TrialError, match=r"tile has 1 columns, but one output takes 2 of them"):
        trade_off(net, XI, device="pcm", tiles=[(64, 1)], adc_bits=4, trials=1)
    with pytest.raises(CapabilityError, match=r"trade_off: nothing is stored yet"):
        trade_off(nm.models.Hopfield(N), XI, device="pcm")
