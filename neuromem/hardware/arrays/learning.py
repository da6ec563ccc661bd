"""Learning in the array: rank-one changes of the weights by counted write pulses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromem.core.codes import Array
from neuromem.core.errors import CapabilityError, ParameterError, ShapeError
from neuromem.core.randomness import stream
from neuromem.hardware.devices.updates import PulsedDevices, UpdateModel, update_model

if TYPE_CHECKING:
    from neuromem.hardware.arrays.matrix import Arrays


class Pulsing:
    """The cells of all tiles under write pulses.

    A change of weight is shared by the two cells of a pair, up in one and down in the other; cells
    that take up pulses only get all of it in the one or the other. It is rounded at random to a
    whole number of pulses, each of the mean step at zero: what comes of them is the model's affair.

    Parameters
    ----------
    arrays : Arrays
        What was written so far.
    model : UpdateModel or str
        What a pulse does; its bounds are the ends of the conductance range.

    Raises
    ------
    CapabilityError
        If the scheme holds a weight in more than one pair of cells.
    """

    def __init__(self, arrays: Arrays, model: UpdateModel | str) -> None:
        scheme = arrays.scheme
        if scheme.slices > 1 or scheme.sliced:
            raise CapabilityError(
                f"Crossbar.add_outer: the scheme {scheme.name!r} holds a weight in several cells "
                "of different significance, which pulses cannot share. Choose differential, "
                "two-sided, offset or digital-offset."
            )
        self.model = update_model(model)
        if self.model.one_sided and scheme.pair == 1:
            raise CapabilityError(
                f"Crossbar.add_outer: {self.model.name!r} takes up pulses only, so that weights "
                "need pairs of cells. Choose the scheme differential or two-sided."
            )
        self.calls = 0
        # Steps at zero, or at the bound that is nearest to it.
        rest = float(np.clip(0.0, *self.model.bounds))
        up = self.model.mean_step(rest, 1).item()
        self._steps = (up if self.model.one_sided else self.model.mean_step(rest, -1).item(), up)
        if min(self._steps) <= 0.0:
            raise CapabilityError(
                f"Crossbar.add_outer: pulses do not move cells of {self.model.name!r} at {rest:g}, "
                "so that no number of them makes a change. Choose another update model."
            )
        low, high = self.model.bounds
        self._cells = [
            PulsedDevices(
                self.model,
                devices.shape,
                rng=_seed(arrays, number, "cells"),
                initial=low + (high - low) * _shares(arrays, devices.programmed),
                dtype=arrays.options.dtype,
            )
            for number, devices in enumerate(arrays.devices)
        ]

    def add_outer(self, arrays: Arrays, left: Array, right: Array) -> None:
        """Add ``left right^T`` to W, as far as pulses can.

        Parameters
        ----------
        arrays : Arrays
            Whose devices are replaced by the changed ones.
        left, right : ndarray, shape (n_out,) and (n_in,)
            In units whose products are weights.
        """
        if left.shape != (arrays.tiling.outputs,) or right.shape != (arrays.tiling.inputs,):
            raise ShapeError(
                f"Crossbar.add_outer: left and right have shapes {left.shape} and {right.shape}; "
                f"expected ({arrays.tiling.outputs},) and ({arrays.tiling.inputs},)."
            )
        if not (np.isfinite(left).all() and np.isfinite(right).all()):
            raise ParameterError(
                "Crossbar.add_outer: left or right holds NaN or infinity; give finite numbers."
            )
        for number, (_, _, inputs, outputs) in enumerate(arrays.places):
            change = np.outer(right[inputs], left[outputs]) / arrays.w_max
            moved = arrays.moved[number]
            if moved is not None:
                change = change[:, np.argsort(moved)]
            counts = self._pulse(arrays, number, change)
            self._rewrite(arrays, number, counts != 0)
        self.calls += 1

    def _pulse(self, arrays: Arrays, number: int, change: Array) -> Array:
        """Give the cells of one tile the pulses for a change in units of w_max; return them."""
        scheme, (low, high) = arrays.scheme, self.model.bounds
        cells = self._cells[number]
        shares = np.zeros(cells.shape)
        weights = shares[:, : shares.shape[1] - scheme.reference]
        if scheme.pair == 1:
            weights[:] = change / 2
        elif self.model.one_sided:
            weights[:, 0::2], weights[:, 1::2] = np.maximum(change, 0.0), np.maximum(-change, 0.0)
        else:
            weights[:, 0::2], weights[:, 1::2] = change / 2, -change / 2
        wanted = shares * (high - low) / np.where(shares < 0.0, self._steps[0], self._steps[1])
        dice = stream(_seed(arrays, number, "counts"), self.calls).random(wanted.shape)
        counts = np.floor(wanted + dice).astype(np.int64)
        cells.pulse(counts)
        return np.asarray(counts)

    def _rewrite(self, arrays: Arrays, number: int, moved: Array) -> None:
        """Put the conductances of pulsed cells in the place of the tile's devices."""
        low, high = self.model.bounds
        shares = np.clip((self._cells[number].weights - low) / (high - low), 0.0, 1.0)
        device = arrays.profile
        held = device.g_min * (1.0 - shares) + device.g_max * shares
        arrays.devices[number] = arrays.devices[number].rewritten(held, moved)


def _shares(arrays: Arrays, conductance: Array) -> Array:
    device = arrays.profile
    shares = (conductance.astype(np.float64) - device.g_min) / (device.g_max - device.g_min)
    return np.asarray(np.clip(shares, 0.0, 1.0))


def _seed(arrays: Arrays, number: int, purpose: str) -> np.random.SeedSequence:
    root = arrays.tile_seed(number)
    word = {"cells": 1, "counts": 2}[purpose]
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, word))
