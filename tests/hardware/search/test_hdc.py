"""Hyperdimensional computing in memory: logic against NumPy, margins, and tasks with real data."""

import gzip
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

import neuromem as nm
from neuromem.core.errors import CapabilityError, CodeError, ParameterError, ShapeError
from neuromem.hardware.devices.laws import law
from neuromem.hardware.devices.profile import profile
from neuromem.hardware.devices.sections import Noise
from neuromem.hardware.search.encoder import MintermEncoder
from neuromem.hardware.search.hdc import (
    AssociativeSearch,
    HDClassifier,
    search_accuracy,
    search_margin,
)

DEVICES = ("pcm", "rram-hfo2")


def noisy(sigma):
    """Return cells of 1 to 25 uS that err by `sigma` uS afresh in each read."""
    noise = Noise(per="read", law=law([{"polynomial": [sigma]}], "test"), relative=False)
    return replace(profile("ideal"), g_min=1e-6, g_ref=25e-6, noise=noise)


def twin(encoder, tuples):
    """Return the bound hypervectors of a two-minterm encoder, from its items alone."""
    shifted = [np.roll(encoder.items, encoder.n - 1 - k, axis=1) for k in range(encoder.n)]
    chosen = np.stack([items[column] for items, column in zip(shifted, tuples.T, strict=True)])
    return chosen.all(axis=0) | ~chosen.any(axis=0)


# ------------------------------------------------------------------------------ encoder


@pytest.mark.parametrize("n", [2, 3, 5])
def test_two_minterms_are_ones_where_all_symbols_agree(n):
    encoder = MintermEncoder(9, dimension=333, n=n, rng=4)
    tuples = np.random.default_rng(0).integers(0, 9, (40, n))
    np.testing.assert_array_equal(encoder.bind(tuples), twin(encoder, tuples))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_all_minterms_are_the_exact_xnor(n):
    """A chain of XNORs is one where the number of zeros is even; with n = 2 two minterms do."""
    encoder = MintermEncoder(5, dimension=200, n=n, minterms="all", rng=1)
    tuples = np.random.default_rng(0).integers(0, 5, (30, n))
    zeros = sum(
        1 - np.roll(encoder.items, n - 1 - k, axis=1)[tuples[:, k]].astype(int) for k in range(n)
    )
    np.testing.assert_array_equal(encoder.bind(tuples), zeros % 2 == 0)
    if n == 2:
        two = MintermEncoder(5, dimension=200, n=2, rng=1)
        np.testing.assert_array_equal(two.bind(tuples), encoder.bind(tuples))


def test_a_single_symbol_is_its_own_hypervector():
    encoder = MintermEncoder(6, dimension=50, n=1)
    np.testing.assert_array_equal(encoder.bind(np.arange(6)[:, None]), encoder.items)
    assert encoder.density == 0.5


@pytest.mark.parametrize(("n", "minterms", "density"), [(3, "two", 1 / 4), (4, "two", 1 / 8),
                                                        (4, "all", 1 / 2)])  # fmt: skip
def test_density_of_bound_hypervectors(n, minterms, density):
    """2^(1 - n) with two minterms, 1/2 with all; 20 000 bits of distinct symbols, 4 s.e."""
    encoder = MintermEncoder(2 * n, dimension=10_000, n=n, minterms=minterms)
    bound = encoder.bind([np.arange(n), np.arange(n) + n])
    assert encoder.density == density
    assert bound.mean() == pytest.approx(density, abs=4 * math.sqrt(density / 20_000))


def test_a_sequence_is_the_bundle_of_its_ngrams():
    encoder = MintermEncoder(7, dimension=120, n=3, rng=2)
    sample = np.random.default_rng(1).integers(0, 7, 30)
    grams = np.stack([sample[k : k + 28] for k in range(3)], axis=1)
    counts, lengths = encoder.bundle([sample, grams, grams[:5]])
    wanted = twin(encoder, grams)
    np.testing.assert_array_equal(counts, [wanted.sum(0), wanted.sum(0), wanted[:5].sum(0)])
    np.testing.assert_array_equal(lengths, [28, 28, 5])
    np.testing.assert_array_equal(encoder.encode([sample])[0], wanted.sum(axis=0) > 28 / 4)


@pytest.mark.parametrize("device", DEVICES)
def test_device_errors_hardly_reach_the_bits(device):
    """On and off cells lie 24 uS apart; the errors of either are about 1 uS: no bit in 1e4."""
    ideal = MintermEncoder(20, dimension=2000, n=3, rng=3)
    real = MintermEncoder(20, dimension=2000, n=3, profile=device, rng=3)
    tuples = np.random.default_rng(0).integers(0, 20, (50, 3))
    np.testing.assert_array_equal(real.items, ideal.items)
    for at in (real, real.at(86400.0)):
        assert np.mean(at.bind(tuples) != ideal.bind(tuples)) < 1e-4


def test_stuck_cells_are_wrong_where_they_hold_the_other_bit():
    """Half of 6 % and half of 4 % of 40 000 cells: 5 % wrong bits of single symbols, 4 s.e."""
    encoder = MintermEncoder(10, dimension=4000, n=1, stuck_low=0.06, stuck_high=0.04, rng=8)
    wrong = np.mean(encoder.bind(np.arange(10)[:, None]) != encoder.items)
    assert wrong == pytest.approx(0.05, abs=4 * math.sqrt(0.05 / 40_000))


def test_read_noise_flips_bits_as_often_as_the_cell_says():
    """P(flip) = Phi(-12 uS / sigma) with sigma = 10 uS, fresh in each read; within 4 s.e."""
    encoder = MintermEncoder(1, dimension=4000, n=1, profile=noisy(10.0), rng=1)
    reads = encoder.bind(np.zeros((10, 1), int), rng=2)
    wanted = float(ndtr(-1.2))
    flipped = np.mean(reads != encoder.items)
    assert flipped == pytest.approx(wanted, abs=4 * math.sqrt(wanted / 40_000))
    assert (reads[0] != reads[1]).any()
    np.testing.assert_array_equal(encoder.bind(np.zeros((10, 1), int), rng=2), reads)
    # Both minterms of a pair come from reads of their own: four cells decide a bit.
    pair = MintermEncoder(2, dimension=4000, n=2, profile=noisy(10.0), rng=1)
    clean = MintermEncoder(2, dimension=4000, n=2, rng=1).bind([[0, 1]])
    good, bad = 1 - wanted, wanted
    equal = 1 - (1 - good**2) * (1 - bad**2)  # P(1) where the symbols agree
    unequal = 1 - (1 - good * bad) ** 2
    ones = pair.bind(np.repeat([[0, 1]], 10, axis=0), rng=3)
    for value, chance in ((1, equal), (0, unequal)):
        seen = ones[:, clean[0] == value]
        assert seen.mean() == pytest.approx(chance, abs=4 * math.sqrt(0.25 / seen.size))


# ------------------------------------------------------------------------------ search


@pytest.mark.parametrize("device", ["ideal", "pcm"])
def test_similarities_are_agreements_and_dot_products(device):
    """Exact if ideal; PCM cells of 1 uS error in 20 uS steps: sqrt(300) 0.06 = 1, all within 6."""
    rng = np.random.default_rng(0)
    prototypes, queries = rng.integers(0, 2, (12, 300)), rng.integers(0, 2, (5, 300))
    agreements = (queries[:, None] == prototypes).sum(axis=2)
    tolerance = 1e-3 if device == "ideal" else 6.0
    for metric, wanted in (("hamming", agreements), ("dot", queries @ prototypes.T)):
        search = AssociativeSearch(prototypes, device, metric=metric)
        np.testing.assert_allclose(search.similarities(queries), wanted, atol=tolerance)
        np.testing.assert_array_equal(search.classify(prototypes), np.arange(12))
    assert (search.energy(queries) > 0).all()


@pytest.mark.parametrize("separation", [1.0, 0.5, 0.1])
def test_the_right_prototype_leads_by_half_the_dimension_times_the_separation(separation):
    """Mean lead s D / 2 over 200 queries; its s.d. is at most sqrt(D / 2), so within 4 s.e."""
    rng = np.random.default_rng(3)
    prototypes = rng.integers(0, 2, (200, 1000), dtype=np.int8)
    wrong = rng.random((200, 1000)) < 0.5 * (1 - separation)
    seen = AssociativeSearch(prototypes).similarities(prototypes ^ wrong)
    own = np.diagonal(seen)
    others = (seen.sum(axis=1) - own) / 199
    lead = search_margin(1000, separation)
    assert lead == 500 * separation
    assert np.mean(own - others) == pytest.approx(lead, abs=4 * math.sqrt(500 / 200))


@pytest.mark.parametrize("sigma", [0.0, 0.5, 1.0])
def test_accuracy_of_search_follows_margin_and_noise(sigma):
    """1000 queries at 43 % wrong bits among 10 of 256 bits, noise sigma steps a cell: 4 s.e.

    Scores are whole, where the formula is continuous: a tie counts as half.
    """
    n, dimension, separation = 1000, 256, 0.14
    rng = np.random.default_rng(5)
    prototypes = rng.integers(0, 2, (10 * n, dimension), dtype=np.int8)
    queries = prototypes[::10] ^ (rng.random((n, dimension)) < 0.5 * (1 - separation))
    device = noisy(24.0 * sigma) if sigma else "ideal"
    search = AssociativeSearch(prototypes, device)
    right = 0
    for first in range(0, n, 100):  # each query against the ten prototypes of its own group
        seen = search.similarities(queries[first : first + 100], rng=first)
        groups = seen.reshape(len(seen), n, 10)[np.arange(len(seen)), first + np.arange(len(seen))]
        lead = groups[:, 0] - groups[:, 1:].max(axis=1)
        right += np.sum(lead > 0) + 0.5 * np.sum(lead == 0)
    wanted = search_accuracy(dimension, 10, separation, sigma)
    assert 0.2 < wanted < 0.8
    assert right / n == pytest.approx(wanted, abs=4 * math.sqrt(wanted * (1 - wanted) / n))


def test_accuracy_has_its_limits():
    """Without separation one of K is as good as another; with all of it nothing goes wrong."""
    assert search_accuracy(1000, 10, 0.0) == pytest.approx(0.1)
    assert search_accuracy(1000, 10, 1.0) == pytest.approx(1.0)
    assert search_accuracy(1000, 1, 0.0) == pytest.approx(1.0)
    assert search_accuracy(1000, 2, 0.1, sigma=1e9) == pytest.approx(0.5, abs=1e-6)


# ------------------------------------------------------------------------------ tasks


def pixels(images, levels=4):
    """Return each image as pairs of the place and the grey level of its pixels."""
    flat = images.reshape(len(images), -1).astype(int) * levels // 17
    places = np.broadcast_to(np.arange(flat.shape[1]), flat.shape)
    return list(np.stack([places, flat.shape[1] + flat], axis=2))


def close(real, ideal, truth):
    """Whether two classifiers err as often, within 4 s.d. of a coin for each that they differ in.

    The bar is at least one sample: two answers may differ by chance where nothing else does.
    """
    differ = int(np.sum((real == truth) != (ideal == truth)))
    return abs(int(np.sum(real == truth)) - int(np.sum(ideal == truth))) <= 4 * math.sqrt(differ)


@pytest.fixture(scope="module")
def digits():
    images, labels = nm.patterns.digits(labels=True, images=True)
    order = np.random.default_rng(0).permutation(len(labels))
    samples = pixels(images[order])
    model = HDClassifier(68, dimension=4000, n=2, rng=0).fit(samples[:1000], labels[order[:1000]])
    return samples, labels[order], model.predict(samples[1000:])


@pytest.mark.parametrize("device", DEVICES)
def test_digits_on_devices_are_recognised_as_in_software(digits, device):
    samples, labels, software = digits
    assert np.mean(software == labels[1000:]) > 0.85  # one prototype a class, one pass
    model = HDClassifier(68, dimension=4000, n=2, profile=device, rng=0)
    model.fit(samples[:1000], labels[:1000])
    seen = model.predict(samples[1000:], rng=1)
    assert close(seen, software, labels[1000:])
    later = model.at(86400.0).predict(samples[1000:], rng=1)
    assert close(later, software, labels[1000:])


def test_tasks_are_told_apart_by_their_trigrams(data_folder):
    """Twelve bAbI tasks by the letters of a story, as languages are: over 98 % on devices, too."""
    files = sorted((data_folder / "babi").glob("*_train.txt.gz"))
    if len(files) < 12:
        pytest.skip("the data folder holds no bAbI tasks")

    def stories(split):
        samples, labels = [], []
        for path in files:
            packed = path.with_name(path.name.replace("train", split)).read_bytes()
            text = gzip.decompress(packed).decode()
            for story in text.split("\n1 ")[:40]:
                samples.append(np.frombuffer(story[:300].encode(), np.uint8))
                labels.append(path.name.split("_")[0])
        return samples, np.array(labels)

    known, wanted = stories("train"), stories("test")
    ideal = HDClassifier(128, dimension=4000, rng=0).fit(*known).predict(wanted[0])
    assert np.mean(ideal == wanted[1]) > 0.98
    seen = HDClassifier(128, dimension=4000, profile="pcm", rng=0).fit(*known).predict(wanted[0])
    assert close(seen, ideal, wanted[1])


def test_the_same_seed_gives_the_same_answers():
    samples = [np.random.default_rng(k).integers(0, 20, 60) for k in range(12)]
    labels = np.arange(12) % 3
    first, second = (
        HDClassifier(20, dimension=300, profile="pcm", rng=4).fit(samples, labels) for _ in "ab"
    )
    np.testing.assert_array_equal(first.prototypes, second.prototypes)
    np.testing.assert_array_equal(first.predict(samples), second.predict(samples))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: MintermEncoder(0), ParameterError, "n_symbols is 0; give a whole number >= 1"),
        (lambda: MintermEncoder(3, n=17), ParameterError, "n is 17; give at most 16"),
        (lambda: MintermEncoder(3, minterms="one"), ParameterError, "choose one of: two, all"),
        (lambda: MintermEncoder(3, n=2).bind([[0, 3]]), ParameterError, "from 0 to 2"),
        (lambda: MintermEncoder(3, n=2).bind([[0.5, 1]]), ParameterError, "whole numbers"),
        (lambda: MintermEncoder(3, n=2).bind([[0, 1, 2]]), ShapeError, r"expected \(T, 2\)"),
        (lambda: MintermEncoder(3).bundle([]), ShapeError, "there are no samples"),
        (lambda: MintermEncoder(3).bundle([[0, 1]]), ShapeError, "sample 0 has 2 symbols"),
        (lambda: AssociativeSearch([[0, 2]]), CodeError, "prototypes hold"),
        (lambda: AssociativeSearch([[0, 1]], metric="cosine"), ParameterError, "hamming, dot"),
        (lambda: AssociativeSearch([[0, 1]]).classify([[1]]), ShapeError, "queries have 1 units"),
        (lambda: HDClassifier(3).predict([[0, 1, 2]]), CapabilityError, "Call fit"),
        (lambda: HDClassifier(3).fit([[0, 1, 2]], [0, 1]), ShapeError, "one label a sample"),
        (lambda: HDClassifier(3, metric="dots"), ParameterError, "hamming, dot"),
        (lambda: search_margin(10, 1.5), ParameterError, "separation is 1.5"),
        (lambda: search_accuracy(10, 2, sigma=-1), ParameterError, "sigma is -1"),
    ],
)
def test_bad_input_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()
