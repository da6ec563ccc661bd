"""Commands about chips: which devices there are, and what a memory costs and loses on one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import neuromem
from neuromem.cli._app import Json, Seed, app, choices_of, print_json
from neuromem.core.errors import DataError, ParameterError
from neuromem.core.units import quantity

CUE_NOISE = 0.1


@app.command()
def devices(as_json: Json = False) -> None:
    """List the devices and the published chips that a memory can be put on.

    Example: neuromem devices --json
    """
    known = [neuromem.hardware.profile(name) for name in neuromem.hardware.profiles()]
    presets = [neuromem.hardware.chip_preset(name) for name in neuromem.hardware.chips()]
    if as_json:
        print_json(
            {
                "devices": [
                    {
                        "name": one.name,
                        "title": one.title,
                        "technology": one.technology,
                        "kind": one.kind,
                        "g_min": one.g_min,
                        "g_max": one.g_max,
                        "levels": one.levels,
                        "valid_time": one.valid_time,
                        "sources": list(one.sources),
                        "notes": one.notes,
                    }
                    for one in known
                ],
                "chips": [
                    {"name": one.name, "title": one.title, "sources": list(one.sources)}
                    for one in presets
                ],
            }
        )
        return
    console = Console()
    table = Table(title=f"{len(known)} devices, for --device")
    for column in ("name", "device", "range in uS", "known for", "source"):
        table.add_column(column)
    for one in known:
        limits = f"{one.g_min * 1e6:g} to {one.g_max * 1e6:g}"
        table.add_row(one.name, one.title, limits, _time(one.valid_time), one.sources[0])
    console.print(table)
    table = Table(title=f"{len(presets)} published chips, for --chip")
    for column in ("name", "chip", "source"):
        table.add_column(column)
    for preset in presets:
        table.add_row(preset.name, preset.title, preset.sources[0])
    console.print(table)


@app.command(name="map")
def map_memory(
    file: Annotated[Path, typer.Argument(help="A memory that memory.save(...) wrote.")],
    device: Annotated[
        str | None, typer.Option(help="A name that 'neuromem devices' lists, or FILE.toml.")
    ] = None,
    chip: Annotated[
        str | None, typer.Option(help="A published chip, in the place of a device.")
    ] = (None),
    tile: Annotated[str | None, typer.Option(help="Rows x columns of an array: 256x256.")] = None,
    adc_bits: Annotated[int | None, typer.Option(help="Bits of the ADCs; ideal if left out.")] = (
        None
    ),
    dac_bits: Annotated[int | None, typer.Option(help="Bits of the DACs; ideal if left out.")] = (
        None
    ),
    at: Annotated[str, typer.Option(help='Time after programming, such as "30 days".')] = "0 s",
    patterns: Annotated[
        Path | None,
        typer.Option(help="FILE.npy of the stored patterns, to recall; if the memory has none."),
    ] = None,
    cue_noise: Annotated[
        float, typer.Option(help="Fraction of each cue's units flipped.")
    ] = CUE_NOISE,
    choose: Annotated[
        list[str] | None,
        typer.Option("--set", help="A choice of the chip, such as scheme=offset."),
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the report to FILE.nc, or a figure to .png, .pdf or .svg."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put a saved memory on a chip: tiles, energy, latency, area, and what is left of its recall.

    Example: neuromem map MEMORY.nc --device pcm --tile 256x256 --adc-bits 8 --at "30 days"
    """
    if out is not None and out.suffix not in (".nc", ".png", ".pdf", ".svg"):
        raise ParameterError(f"--out is {str(out)!r}; give a file ending in .nc, .png, .pdf, .svg.")
    seconds = quantity(at, "s", "--at")
    memory = neuromem.load(file)
    options = choices_of(choose or [])
    given = {"tile": _tile(tile), "adc_bits": adc_bits, "dac_bits": dac_bits}
    options |= {name: value for name, value in given.items() if value is not None}
    kind = _chip(device, chip, options)
    first = kind.map(memory, rng=seed)
    placed = first if seconds == 0.0 else first.at(seconds)
    keys = _stored(memory, patterns)
    recalled = {} if keys is None else _recalled(memory, first, placed, keys, cue_noise, seed)
    report = placed.report
    if out is not None:
        _write(report, out)
    figures = {
        "memory": type(memory).__name__,
        "device": kind.profile.name,
        "options": {name: _plain(value) for name, value in kind.options.changed().items()},
        "seconds": seconds,
        "seed": seed,
        "tiles": int(report.tiles.sum()),
        "cells": int(report.cells.sum()),
        "utilisation": float(report.utilisation.mean()),
        "weight_error": float(report.weight_error.max()),
        "stuck_cells": int(report.stuck_cells.sum()),
        "energy": float(report.energy.sum()),
        "latency": float(report.latency.sum()),
        "area": float(report.area.sum()),
        "energy_by_part": _by_part(report.energy),
        "write_energy": float(report.write_energy.sum()),
        "write_time": float(report.write_time.sum()),
        "operations": int(report.operations.sum()),
        "units": {"energy": "J per product", "latency": "s per product", "area": "m^2"},
        "recall": recalled or None,
    }
    if as_json:
        print_json(figures)
        return
    _print(figures, kind, at)


def _print(figures: dict[str, Any], kind: Any, at: str) -> None:
    table = Table(title=f"{figures['memory']} on {kind.profile.title}")
    table.add_column("what")
    table.add_column("value", justify="right")
    rows = (
        ("tiles", f"{figures['tiles']} of {kind.options.tile[0]} x {kind.options.tile[1]}"),
        ("cells in use", f"{figures['cells']} ({figures['utilisation']:.0%} of the tiles)"),
        ("energy of one product", f"{figures['energy'] * 1e9:.3g} nJ"),
        ("time of one product", f"{figures['latency'] * 1e9:.3g} ns"),
        ("area", f"{figures['area'] * 1e6:.3g} mm2"),
        ("writing", f"{figures['write_energy'] * 1e6:.3g} uJ, {figures['write_time']:.3g} s"),
        (f"error of the weights after {at}", f"{figures['weight_error']:.1%}"),
    )
    for row in rows:
        table.add_row(*row)
    if figures["recall"] is not None:
        for name, value in figures["recall"]["recalled"].items():
            table.add_row(f"recalled, {name}", f"{value:.0%}")
    console = Console()
    console.print(table)
    if figures["recall"] is None:
        console.print("Give --patterns FILE.npy to see what is left of the recall.")


def _chip(device: str | None, chip: str | None, options: dict[str, Any]) -> Any:
    if device is not None and chip is None:
        return neuromem.hardware.Chip(device, **options)
    if chip is not None and device is None:
        return neuromem.hardware.Chip.preset(chip, **options)
    raise ParameterError("map: give either --device or --chip; 'neuromem devices' lists both.")


def _stored(memory: Any, path: Path | None) -> Any:
    """Return the stored patterns: from a file, or out of the memory where it keeps them."""
    from neuromem.core.codes import as_patterns
    from neuromem.core.synapses import OverlapSynapses

    if path is not None:
        try:
            given = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(
                f"--patterns: {path} cannot be read as an array ({error}); give a file that "
                "numpy.save wrote."
            ) from None
        return as_patterns(given, memory.code, n=memory.n, where="--patterns")
    kept = memory.synapses.get("recurrent")
    if isinstance(kept, OverlapSynapses):
        return kept.patterns.unpack(0, memory.n_stored, np.int8)
    return None


def _recalled(
    memory: Any, first: Any, placed: Any, keys: Any, cue_noise: float, seed: int
) -> dict[str, Any]:
    """Return which fraction of the stored patterns comes back from damaged cues."""
    signs = neuromem.patterns.flip(np.ones(keys.shape, np.int8), cue_noise, rng=seed)
    cues = np.where(signs > 0, keys, 1 - keys) if memory.code == "binary" else keys * signs
    cues = cues.astype(keys.dtype)
    stages = {"before": memory, "programmed": first.memory}
    if placed is not first:
        stages["then"] = placed.memory
    seen = {name: one.recall(cues, rng=seed).overlap(keys) for name, one in stages.items()}
    return {
        "cue_noise": cue_noise,
        "criterion": "overlap > 0.9",
        "recalled": {name: float(np.mean(overlap > 0.9)) for name, overlap in seen.items()},
        "overlap": {name: float(np.mean(overlap)) for name, overlap in seen.items()},
    }


def _tile(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().replace("×", "x").split("x")
    try:
        rows, columns = (int(part) for part in parts)
    except ValueError:
        raise ParameterError(f"--tile is {text!r}; give rows x columns, such as 256x256.") from None
    return rows, columns


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "any time"
    for name, length in (("years", 31557600.0), ("days", 86400.0), ("hours", 3600.0)):
        if seconds >= length:
            return f"{seconds / length:.3g} {name}"
    return f"{seconds:.3g} s"


def _by_part(values: Any) -> dict[str, float]:
    summed = values.sum("synapses")
    return dict(zip(summed.part.values.tolist(), summed.values.tolist(), strict=True))


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


def _write(report: Any, out: Path) -> None:
    from neuromem.core.results import replacing, save_dataset

    if out.suffix == ".nc":
        save_dataset(report, out)
        return
    with replacing(out) as unfinished:
        figure: Any = neuromem.plot.energy(report).figure
        figure.savefig(unfinished, format=out.suffix[1:])
