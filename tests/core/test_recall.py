"""Recall: overlaps by closed form, targets that fit, records and files."""

import pickle

import numpy as np
import pytest

import neuromem as nm
from neuromem.core.errors import CodeError, FileFormatError, ParameterError, ShapeError
from neuromem.core.recall import Recall, Recorder


def made(patterns, code):
    q = len(patterns)
    return Recall(
        np.asarray(patterns),
        code=code,
        steps=np.ones(q, int),
        converged=np.ones(q, bool),
        energy=np.zeros(q),
    )


def test_bipolar_overlap_counts_agreements():
    seen = made(np.array([[1, 1, -1, -1], [1, 1, 1, 1]], np.int8), "bipolar")
    np.testing.assert_array_equal(seen.overlap([1, 1, -1, 1]), [0.5, 0.5])
    np.testing.assert_array_equal(seen.bit_error([[1, 1, -1, -1], [-1, -1, -1, -1]]), [0, 1])
    np.testing.assert_array_equal(seen.success([[1, 1, -1, -1]] * 2, 0.9), [True, False])


def test_binary_overlap_is_hits_minus_false_alarms():
    seen = made(np.array([[1, 1, 0, 0, 1]], np.uint8), "binary")
    assert seen.overlap([1, 1, 1, 0, 0])[0] == pytest.approx(2 / 3 - 1 / 2)


def test_real_overlap_is_the_cosine_and_zero_for_a_zero_vector():
    seen = made(np.array([[3.0, 4.0], [0.0, 0.0]]), "real")
    np.testing.assert_allclose(seen.overlap([[4.0, 3.0], [1.0, 0.0]]), [24 / 25, 0])


@pytest.mark.parametrize(
    ("targets", "error", "text"),
    [
        (np.ones((3, 4)), ShapeError, "targets are 3, the recall has 2 cues"),
        (np.ones((2, 5)), ShapeError, "targets have 5 units, this memory has 4"),
        (np.zeros((2, 4)), CodeError, r"Convert with nm.patterns.to_bipolar\(x\)"),
    ],
)
def test_targets_must_fit(targets, error, text):
    with pytest.raises(error, match=text):
        made(np.ones((2, 4), np.int8), "bipolar").overlap(targets)


def test_threshold_of_success_is_an_overlap():
    with pytest.raises(ParameterError, match=r"threshold is 95; give a number from 0.0 to 1.0"):
        made(np.ones((2, 4), np.int8), "bipolar").success(np.ones(4), 95)


def test_trace_has_named_dimensions_and_the_start_as_step_zero():
    keys = nm.patterns.random(3, 50, rng=0)
    cues = nm.patterns.flip(keys, 0.2, rng=1)
    net = nm.models.Hopfield(50).store(keys)
    trace = net.recall(cues, record=("state", "energy", "flips")).trace
    assert trace["state"].dims == ("step", "cue", "unit")
    assert trace["energy"].dims == trace["flips"].dims == ("step", "cue")
    np.testing.assert_array_equal(trace["state"][0], cues)
    np.testing.assert_allclose(trace["energy"][0], net.energy(cues))
    np.testing.assert_array_equal(trace["flips"][0], 0)
    assert net.recall(cues).trace is None


def test_a_resumed_trace_counts_on():
    keys = nm.patterns.random(9, 50, rng=0)
    net = nm.models.Hopfield(50).store(keys)
    half = net.recall(nm.patterns.random(4, 50, rng=1), steps=2)
    assert net.recall(half, record="flips").trace["step"].values[0] == 2


def test_a_name_is_recorded_once():
    with pytest.raises(ParameterError, match="hold one twice"):
        Recorder(("state", "state"), "here")


def test_files_and_pickles_keep_everything_but_the_trace(tmp_path):
    keys = nm.patterns.random(9, 50, rng=0)
    seen = nm.models.Hopfield(50).store(keys).recall(keys, update="sync", steps=2)
    for twin in (Recall.load(seen.save(tmp_path / "r.nc")), pickle.loads(pickle.dumps(seen))):
        for name in ("patterns", "steps", "converged", "cycle", "energy", "previous", "states"):
            np.testing.assert_array_equal(getattr(twin, name), getattr(seen, name))
    assert "9 cues" in repr(seen)


def test_a_file_of_another_kind_is_refused(tmp_path):
    net = nm.models.Hopfield(8).store(np.ones((1, 8)))
    path = net.save(tmp_path / "net.nc")
    with pytest.raises(FileFormatError, match="holds 'memory', expected a recall"):
        Recall.load(path)
    with pytest.raises(FileFormatError, match="holds 'recall', expected a memory"):
        nm.load(net.recall(np.ones(8)).save(tmp_path / "r.nc"))


def test_a_truncated_file_is_refused(tmp_path):
    net = nm.models.Hopfield(64).store(nm.patterns.random(5, 64, rng=0))
    path = net.save(tmp_path / "net.nc")
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(FileFormatError, match="truncated or no NetCDF file") as caught:
        nm.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*absent\.nc"):
        nm.load(tmp_path / "absent.nc")


def test_an_unknown_class_is_named(tmp_path):
    from neuromem.core.files import write_arrays

    header = {"kind": "memory", "model": "Elephant", "parameters": {}, "n_stored": 0}
    path = write_arrays(tmp_path / "x.nc", {"bits": np.zeros(3)}, header)
    with pytest.raises(FileFormatError, match=r"holds a 'Elephant'; this version knows: .*Hopf"):
        nm.load(path)


def test_a_recall_of_another_memory_is_not_continued():
    seen = nm.models.Hopfield(8).store(np.ones((1, 8))).recall(np.ones(8))
    with pytest.raises(ShapeError, match="a recall's states have 8 units, this memory has 9"):
        nm.models.Hopfield(9).store(np.ones((1, 9))).recall(seen)
