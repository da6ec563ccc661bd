"""Chips: a device, arrays and converters; `map` puts a trained memory on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from neuromem.core.errors import CapabilityError, ParameterError
from neuromem.core.memory import AssociativeMemory
from neuromem.core.randomness import Rng, seed_sequence, stream
from neuromem.core.results import as_json
from neuromem.core.synapses import rows_of
from neuromem.hardware.arrays.crossbar import Crossbar, make_options
from neuromem.hardware.arrays.matrix import as_matrix
from neuromem.hardware.devices.profile import Profile, profiles
from neuromem.hardware.devices.profile import profile as find_profile
from neuromem.hardware.placed import Placed, PlacedNetwork


class Chip:
    """A kind of chip that any memory, or any list of matrices, can be mapped onto.

    Parameters
    ----------
    profile : str, Path or Profile
        The device: a name of `neuromem.hardware.profiles`, the path of a profile of your own, or
        a Profile. "ideal" has no error at all.
    tile : (int, int)
        Word lines and bit lines of one array.
    **options
        All other choices, ideal unless given: converters, mapping scheme, wires, faults,
        compensation. See `neuromem.hardware.Options`.

    Raises
    ------
    ParameterError
        If the profile or an option is unknown, or a value is outside its range.

    Examples
    --------
    >>> import neuromem as nm
    >>> keys = nm.patterns.random(3, 64, rng=0)
    >>> net = nm.models.Hopfield(64).store(keys)
    >>> chip = nm.hardware.Chip("rram-hfo2", tile=(32, 32), adc_bits=8, dac_bits=1)
    >>> placed = chip.map(net, rng=0)
    >>> int(placed.report.tiles.sum())
    8
    >>> placed.memory.recall(nm.patterns.flip(keys, 0.1, rng=0)).success(keys).all()
    np.True_
    >>> placed.at(86400.0)
    <Placed: Hopfield on 8 tiles of 'rram-hfo2', 86400 s after programming>
    """

    def __init__(
        self,
        profile: str | Path | Profile = "ideal",
        tile: tuple[int, int] = (256, 256),
        **options: Any,
    ) -> None:
        self.profile = find_profile(profile)
        self.title, self._preset = self.profile.title, ""
        self.options = make_options({"tile": tile, **options})
        self.profile.check_temperature(self.options.temperature, "Chip: temperature")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Chip:
        """Return a published chip by name, with changes; see `neuromem.hardware.chips`.

        Raises
        ------
        ParameterError
            If the name is unknown; the message lists those there are.
        """
        from neuromem.hardware.presets import chip_preset

        known = chip_preset(name)
        chosen = {**known.options, **changes}
        given = chosen.pop("technology", {})
        technology = {**known.technology, **given} if isinstance(given, Mapping) else given
        chip = cls(chosen.pop("profile"), **chosen, technology=technology)
        chip.title, chip._preset = known.title, name
        return chip

    @overload
    def map(
        self,
        memory: AssociativeMemory,
        *,
        rng: Rng = None,
        inputs: Any = None,
        progress: bool | None = None,
    ) -> Placed: ...

    @overload
    def map(
        self,
        memory: Any,
        *,
        rng: Rng = None,
        inputs: Any = None,
        progress: bool | None = None,
    ) -> PlacedNetwork: ...

    def map(
        self,
        memory: Any,
        *,
        rng: Rng = None,
        inputs: npt.ArrayLike | Mapping[str, npt.ArrayLike] | None = None,
        progress: bool | None = None,
    ) -> Placed | PlacedNetwork:
        """Write all synapses of a memory, or all layers of a network, into arrays of this chip.

        Parameters
        ----------
        memory : AssociativeMemory, nir.NIRGraph, or list or mapping of array_like
            A memory that has stored patterns; a graph as snnTorch, Norse or Lava export it; or
            plain matrices (n_out, n_in), one a layer.
        rng : int, SeedSequence, Generator or None
            Seed of all that is random in the devices and in their reading.
        inputs : array_like, or mapping of name to array_like, optional
            Inputs to be expected, (K, n_in), by which the ADCs' ranges are set; of all synapses,
            or of each by its name. Left out, see `Crossbar.program`.
        progress : bool, optional
            Whether to show bars; left out: for matrices of 256 tiles and more.

        Returns
        -------
        Placed
            With `memory`, the same memory on this chip, `report`, and `at(seconds)`.
        PlacedNetwork
            For a graph or matrices: with `layers` in the place of `memory`.

        Raises
        ------
        CapabilityError
            If this memory does not map, or has stored nothing; or a node of the graph does not.
        ParameterError, ShapeError
            If a matrix does not fit the options, see `Crossbar.program`.
        """
        seed = seed_sequence(rng)
        if not isinstance(memory, AssociativeMemory):
            from neuromem.hardware.networks import layers_of

            layers, graph = layers_of(memory)
            matrices = {name: layer.weights for name, layer in layers.items()}
            placed = self._programmed(matrices, seed, inputs, progress)
            return PlacedNetwork(self, placed, seed, layers, graph)
        if memory.n_stored == 0:
            raise CapabilityError("Chip.map: nothing is stored yet. Call store(keys) first.")
        memory.with_synapses({})  # refuses at once where a memory has no operators to replace
        if inputs is None and memory.code == "binary":
            inputs = _binary_inputs(memory, seed)
        return Placed(self, self._programmed(memory.synapses, seed, inputs, progress), seed, memory)

    def _programmed(
        self,
        matrices: Mapping[str, Any],
        seed: np.random.SeedSequence,
        inputs: Any,
        progress: bool | None,
    ) -> dict[str, Crossbar]:
        """Return a crossbar for each matrix, from a seed of its own."""
        by_name = inputs if isinstance(inputs, Mapping) else dict.fromkeys(matrices, inputs)
        for name in by_name:
            if name not in matrices:
                raise ParameterError(
                    f"Chip.map: inputs are given for {name!r}; there are: {', '.join(matrices)}."
                )
        placed = {}
        for number, (name, weights) in enumerate(matrices.items()):
            root = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, number))
            matrix = as_matrix(weights, self.options.dtype, f"Chip.map: {name!r}")
            placed[name] = Crossbar(
                matrix,
                self.profile,
                self.options,
                rng=root,
                inputs=by_name.get(name),
                progress=progress,
            )
        return placed

    @property
    def parameters(self) -> dict[str, Any]:
        """The profile's name and every choice that is not a default.

        A profile that is not the shipped one of its name carries a digest of all that it holds.
        """
        preset = {"chip": self._preset} if self._preset else {}
        return {**preset, "profile": identity(self.profile), **self.options.changed()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Chip):
            return NotImplemented
        return (self.profile, self.options) == (other.profile, other.options)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        choices = [f"{name}={value!r}" for name, value in self.options.changed().items()]
        return f"Chip({', '.join([repr(identity(self.profile)), *choices])})"


def identity(profile: Profile) -> str:
    """Return the name of a shipped profile; of any other, the name and a digest of its fields."""
    if profile.name in profiles() and find_profile(profile.name) == profile:
        return profile.name
    text = json.dumps(as_json(profile), sort_keys=True)
    return f"{profile.name}#{hashlib.blake2s(text.encode(), digest_size=4).hexdigest()}"


def _binary_inputs(memory: AssociativeMemory, seed: np.random.SeedSequence) -> dict[str, Any]:
    """Return 0/1 inputs of the memory's own activity, for the synapses that read its units.

    Half are random, half active where some unit has its strongest weights: what the memory has
    stored drives its units far harder than chance, and must not run out of the ADCs' ranges.
    """
    activity = float(memory.parameters.get("activity", 0.5))
    count = max(round(activity * memory.n), 1)
    drawn = stream(seed, "inputs").random((32, memory.n)) < activity
    inputs = {}
    for name, synapses in memory.synapses.items():
        n_out, n_in = synapses.shape
        if n_in == memory.n:
            rows = rows_of(synapses, np.linspace(0, n_out - 1, min(32, n_out)).astype(int))
            alike = np.zeros(rows.shape)
            np.put_along_axis(alike, np.argsort(rows, axis=1)[:, -count:], 1.0, axis=1)
            inputs[name] = np.concatenate([drawn, alike])
    return inputs
