r"""Does a liquid of random resistors hear spoken digits as well as one of exact weights?

Recordings pass a cochlea: 64 gammatone filters spaced as in the ear, half-wave rectification, a
leaky integrator, compression; 100 frames a word, however long it lasts. Each channel adds up its
activity and fires. The spikes drive 200 spiking units through fixed random weights, the cells of a
40 nm macro that were broken down once, with the settings of Lin et al. (Nature Computational
Science 5, 37, 2025) for their spoken digits: potentials keep 0.97 a step, fire above 5.3, weights
are 0.08 a microsiemens. A linear readout (ridge) of the spike counts is trained: over the whole
word, as in the paper, or in five parts of it.

The words are those of the Free Spoken Digit Dataset (Z. Jackson et al., 4 speakers, 10 digits; the
first 5 recordings of each are the test), from the folder fsdd/ of NEUROMEM_DATA. The paper's
N-TIDIGITS (11 digits, 70.1 % on resistive memory, 70.8 % in software) are other recordings through
another cochlea; their accuracy is no target here, the loss on arrays is. Without the folder,
made-up words stand in: two gliding formants on a buzz, a pair for each digit.

Run with: neuromem run experiments/spoken_digits_liquid.py --workers 2
"""

import functools
import io
import zipfile

import matplotlib.pyplot as plt
import numpy as np
from scipy.io import wavfile
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import neuromem as nm
from neuromem.core.cochlea import centre_frequencies, cochleagram, spikes_of
from neuromem.core.patterns.datasets import data_folder
from neuromem.core.randomness import stream
from neuromem.core.results import Variable
from neuromem.hardware.reservoir import Reservoir

SPEAKERS = ("george", "jackson", "nicolas", "yweweler")
RATE, FRAMES, CHANNELS, LOW, HIGH, PARTS = 8000.0, 100, 64, 100.0, 3600.0, 5
ALPHAS = (1.0, 10.0, 100.0, 1000.0)
READOUTS = ("one count", "five counts")
CHIPS = {
    "exact": None,
    "arrays": {},
    "8-bit ADC": {"adc_bits": 8},
    "6-bit ADC": {"adc_bits": 6},
    "1 % stuck cells": {"adc_bits": 8, "stuck_low": 0.005, "stuck_high": 0.005},
}
"""Exact weights; cells with 2 % read noise; and what is added to that."""

ACCURACY = Variable("accuracy", "1", "fraction of test words recognised", ("weights", "readout"))
NO_LIQUID = Variable("without", "1", "the same readouts of the input spikes", ("readout",))
RECORDINGS = Variable("recordings", "1", "training recordings of each word and speaker")


def has_recordings():
    """Tell whether the data folder holds the Free Spoken Digit Dataset."""
    folder = data_folder()
    return folder is not None and (folder / "fsdd" / "fsdd_george.zip").is_file()


def spoken_words(speakers, each):
    """Yield (sound, digit, whether it is a test) of some speakers, `each` training recordings."""
    for speaker in speakers:
        with zipfile.ZipFile(data_folder() / "fsdd" / f"fsdd_{speaker}.zip") as archive:
            for name in sorted(archive.namelist()):
                digit, _, index = name[:-4].split("/")[-1].split("_")
                if int(index) < 5 + each:
                    _, sound = wavfile.read(io.BytesIO(archive.read(name)))
                    yield sound, int(digit), int(index) < 5


def made_up_words(speakers, each):
    """Yield what `spoken_words` does, of words that no one has spoken: gliding formants."""
    ends = np.geomspace([300, 900], [900, 3000], 5)[:, :, None] * np.ones(2)
    for number, _ in enumerate(speakers):
        for digit in range(10):
            first, last = ends[digit % 5, :, 0], ends[(digit + 1 + digit // 5) % 5, :, 1]
            for index in range(5 + each):
                rng = stream(number, "word", digit, index)
                time = np.arange(int(rng.integers(2000, 5000))) / RATE
                glide = time / time[-1]
                formants = np.exp(
                    (1 - glide) * np.log(first)[:, None] + glide * np.log(last)[:, None]
                )
                formants *= rng.normal(1.0, 0.05, (2, 1))
                phase = 2 * np.pi * np.cumsum(formants, axis=1) / RATE
                buzz = 1.0 + np.cos(2 * np.pi * rng.uniform(90, 180) * time)
                sound = buzz * np.sin(phase).sum(axis=0) + rng.normal(0, 0.3, time.size)
                yield sound, digit, index < 5


@functools.lru_cache(maxsize=1)
def heard(n_speakers, each):
    """Return (train spikes, labels, test spikes, labels) of all words."""
    words = (spoken_words if has_recordings() else made_up_words)(SPEAKERS[:n_speakers], each)
    spikes, digits, tests = [], [], []
    for sound, digit, test in words:
        activity = cochleagram(sound, RATE, frames=FRAMES, channels=CHANNELS, low=LOW, high=HIGH)
        spikes.append(spikes_of(activity))
        digits.append(digit)
        tests.append(test)
    spikes, digits, tests = np.array(spikes), np.array(digits), np.array(tests)
    return spikes[~tests], digits[~tests], spikes[tests], digits[tests]


def recognised(counts, words):
    """Return the accuracy of both readouts, of (train, test) counts in parts of the word."""
    whole = [part.reshape(len(part), PARTS, -1).mean(axis=1) for part in counts]
    scores = []
    for fit, judge in (whole, counts):
        readout = make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS))
        scores.append(readout.fit(fit, words[1]).score(judge, words[3]))
    return scores


def trial(recordings, n_units, n_speakers, rng):
    """Judge one random liquid, exact and on arrays."""
    words = heard(n_speakers, recordings)
    liquid = Reservoir(
        CHANNELS,
        n_units,
        leak=0.03,
        threshold=5.3,
        input_scale=8e4,
        recurrent_scale=8e4,
        rng=rng,
    )
    accuracy = []
    for options in CHIPS.values():
        tried = liquid
        if options is not None:
            chip = nm.hardware.Chip("rram-40nm-random", tile=(512, 512), dac_bits=1, **options)
            tried = liquid.on(chip, inputs=words[0][:64], rng=rng)
        counts = [tried.encode(part, windows=PARTS) for part in (words[0], words[2])]
        accuracy.append(recognised(counts, words))
    plain = [
        part.reshape(len(part), PARTS, FRAMES // PARTS, CHANNELS).mean(axis=2)
        for part in (words[0], words[2])
    ]
    plain = [part.reshape(len(part), -1) for part in plain]
    return {"accuracy": accuracy, "without": recognised(plain, words)}


SWEEP = nm.sweep.Sweep(
    trial,
    grid={RECORDINGS: [5, 15, 45]},
    trials=5,
    measures=(ACCURACY, NO_LIQUID),
    coords={"weights": list(CHIPS), "readout": READOUTS},
    fixed={"n_units": 200, "n_speakers": 4},
    source="Lin et al., Nature Computational Science 5, 37 (2025)",
)
QUICK = SWEEP.replace(grid={RECORDINGS: [5, 10]}, trials=1, fixed={"n_units": 200, "n_speakers": 1})


def summary(result):
    """Return accuracies with the most recordings, and what the arrays lose, in points."""
    most = result.isel(recordings=-1)
    mean = most.accuracy.mean("trial")
    lost = 100 * (most.accuracy.sel(weights="exact") - most.accuracy).mean("trial")
    return {
        "words": "Free Spoken Digit Dataset" if has_recordings() else "made up",
        "accuracy": {
            str(name): dict(zip(READOUTS, mean.sel(weights=name).values.tolist(), strict=True))
            for name in most.weights.values
        },
        "without_a_liquid": dict(
            zip(READOUTS, most.without.mean("trial").values.tolist(), strict=True)
        ),
        "points_lost": {
            str(name): dict(zip(READOUTS, lost.sel(weights=name).values.tolist(), strict=True))
            for name in most.weights.values[1:]
        },
    }


@nm.plot.styled
def figure(result):
    """Draw a word as the cochlea sends it, and accuracy against the recordings heard."""
    drawn, axes = plt.subplots(1, 3, figsize=(9.6, 2.9), layout="constrained")
    spikes, digits = heard(1, 5)[:2]
    time, channel = np.nonzero(spikes[0])
    axes[0].scatter(time, channel, s=1.0, color="0.2", linewidths=0)
    axes[0].set_xlabel("frame")
    axes[0].set_ylabel("centre frequency (Hz)")
    shown = np.arange(3, CHANNELS, 15)
    axes[0].set_yticks(shown, centre_frequencies(CHANNELS, LOW, HIGH)[shown].round().astype(int))
    axes[0].set_title(f"input spikes of a “{digits[0]}”")
    for ax, readout in zip(axes[1:], READOUTS, strict=True):
        part = result.sel(readout=readout).transpose("weights", "recordings", "trial", ...)
        nm.plot.curves(part, "accuracy", x="recordings", by="weights", ax=ax)
        plain = part.without.mean("trial")
        ax.plot(plain.recordings, plain, color="0.25", ls="--", lw=1, label="no liquid")
        ax.set_title(readout)
        ax.set_ylim(0.6, 1.0)
    axes[1].get_legend().remove()
    axes[2].set_ylabel("")
    axes[2].legend(fontsize=7)
    return drawn
