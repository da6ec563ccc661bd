"""Commands about chips: which devices there are, and what a memory costs and loses on one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import neuromem
from neuromem.cli._app import Json, Seed, app, choices_of, print_json
from neuromem.core.errors import DataError, ParameterError, whole_number
from neuromem.core.units import duration, quantity

if TYPE_CHECKING:
    from neuromem.measures._trained import Trained

CUE_NOISE, CRITERION = 0.1, 0.9


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
        table.add_column(column, overflow="fold")
    for one in known:
        limits = f"{one.g_min * 1e6:g} to {one.g_max * 1e6:g}"
        known_for = "any time" if one.valid_time is None else duration(one.valid_time)
        table.add_row(one.name, one.title, limits, known_for, _short(one.sources[0]))
    console.print(table)
    table = Table(title=f"{len(presets)} published chips, for --chip")
    for column in ("name", "chip", "source"):
        table.add_column(column, overflow="fold")
    for preset in presets:
        table.add_row(preset.name, preset.title, _short(preset.sources[0]))
    console.print(table)


@app.command(name="map")
def map_memory(
    file: Annotated[Path, typer.Argument(help="A memory that memory.save(...) wrote.")],
    device: Annotated[
        str | None, typer.Option(help="A name that 'neuromem devices' lists, or FILE.toml.")
    ] = None,
    chip: Annotated[
        str | None, typer.Option(help="A published chip, in the place of a device.")
    ] = None,
    tile: Annotated[
        str | None, typer.Option(help="Rows x columns of an array; 256x256, or the chip's.")
    ] = None,
    adc_bits: Annotated[
        int | None, typer.Option(help="Bits of the ADCs; left out: ideal and free, or the chip's.")
    ] = None,
    dac_bits: Annotated[
        int | None, typer.Option(help="Bits of the DACs; left out: ideal and free, or the chip's.")
    ] = None,
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
    seconds, seed = quantity(at, "s", "--at"), whole_number("map", "seed", seed)
    options = choices_of(choose or [])
    given = {"tile": _tile(tile), "adc_bits": adc_bits, "dac_bits": dac_bits}
    options |= {name: value for name, value in given.items() if value is not None}
    kind = _chip(device, chip, options)
    kind.profile.check_time(seconds, "--at")
    memory = neuromem.load(file)
    asked = _asked(memory, patterns, cue_noise)
    first = kind.map(memory, rng=seed)
    placed = first if seconds == 0.0 else first.at(seconds)
    recalled = None if asked is None else _recalled(asked, first, placed, seed)
    figures = _figures(memory, placed, recalled, seed)
    if out is not None:
        _write(placed.report, out)
        figures["wrote"] = str(out)
    if as_json:
        print_json(figures)
        return
    _print(figures, kind, duration(seconds))


def _figures(memory: Any, placed: Any, recalled: Any, seed: int) -> dict[str, Any]:
    report, options = placed.report, placed.chip.options
    bits = {"ADCs": options.adc_bits, "DACs": options.dac_bits}
    return {
        "memory": type(memory).__name__,
        "chip": placed.chip.title,
        "device": placed.chip.profile.name,
        "options": options.changed(),
        "ideal": [name for name, given in bits.items() if given is None],
        "seconds": placed.seconds,
        "seed": seed,
        "tiles": int(report.tiles.sum()),
        "cells": int(report.cells.sum()),
        "utilisation": float(report.utilisation.mean()),
        "weight_error": float(report.weight_error.max()),
        "rounding_error": float(report.rounding_error.max()),
        "stuck_cells": int(report.stuck_cells.sum()),
        "energy": float(report.energy.sum()),
        "latency": float(report.latency.sum()),
        "area": float(report.area.sum()),
        "energy_by_part": _by_part(report.energy),
        "write_energy": float(report.write_energy.sum()),
        "write_time": float(report.write_time.sum()),
        "operations": int(report.operations.sum()),
        "units": {"energy": "J per product", "latency": "s per product", "area": "m^2"},
        "recall": recalled,
    }


def _print(figures: dict[str, Any], kind: Any, time: str) -> None:
    table = Table(title=f"{figures['memory']} on {kind.title}")
    table.add_column("what")
    table.add_column("value", justify="right")
    rows = [
        ("tiles", f"{figures['tiles']} of {kind.options.tile[0]} x {kind.options.tile[1]}"),
        ("cells in use", f"{figures['cells']} ({figures['utilisation']:.0%} of the tiles)"),
        ("energy of one product", f"{figures['energy'] * 1e9:.3g} nJ"),
        ("time of one product", f"{figures['latency'] * 1e9:.3g} ns"),
        ("area", f"{figures['area'] * 1e6:.3g} mm2"),
        ("writing", f"{figures['write_energy'] * 1e6:.3g} uJ, {figures['write_time']:.3g} s"),
        (f"error of the weights after {time}", f"{figures['weight_error']:.1%}"),
    ]
    recall = figures["recall"]
    if recall is not None:
        names = {
            "ideal": "recalled by the ideal memory",
            "programmed": "recalled once programmed",
            "later": f"recalled after {time}",
        }
        rows += [(names[key], f"{value:.0%}") for key, value in recall["recalled"].items()]
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    if recall is None:
        console.print("Give --patterns FILE.npy to see what is left of the recall.")
    else:
        console.print(
            f"recalled: {recall['cues']} cues with {recall['cue_noise']:.0%} of their units "
            f"flipped, {recall['criterion']}",
            soft_wrap=True,
        )
    if figures["ideal"]:
        console.print(
            f"note: the {' and '.join(figures['ideal'])} are ideal and cost nothing; give "
            "--adc-bits and --dac-bits",
            soft_wrap=True,
        )
    if "wrote" in figures:
        console.print(f"wrote {figures['wrote']}", soft_wrap=True)


_UNITS = {"g_max": "S", "temperature": "K", "wire_resistance": "ohm"}
_UNITS |= dict.fromkeys(("driver_resistance", "sense_resistance", "access_resistance"), "ohm")


def _chip(device: str | None, chip: str | None, options: dict[str, Any]) -> Any:
    if "profile" in options:
        raise ParameterError("--set: profile is no choice of the chip; give it as --device.")
    for name, unit in _UNITS.items():
        if isinstance(options.get(name), str):
            options[name] = quantity(options[name], unit, f"--set {name}")
    if device is not None and chip is None:
        return neuromem.hardware.Chip(device, **options)
    if chip is not None and device is None:
        return neuromem.hardware.Chip.preset(chip, **options)
    raise ParameterError("map: give either --device or --chip; 'neuromem devices' lists both.")


def _asked(memory: Any, path: Path | None, cue_noise: float) -> Trained | None:
    """Return what is asked of the memory; None where nobody knows what it has stored."""
    keys = _stored(memory) if path is None else _read(path)
    if keys is None:
        return None
    from neuromem.measures._trained import Trained

    return Trained.checked("map", memory, keys, cue_noise=cue_noise, criterion=CRITERION, recall={})


def _read(path: Path) -> Any:
    try:
        given = np.load(path, allow_pickle=False)
        if not isinstance(given, np.ndarray):
            raise ValueError
        return given
    except (OSError, ValueError):
        raise DataError(
            f"--patterns: {path} cannot be read as an array; give a file that numpy.save wrote."
        ) from None


def _stored(memory: Any) -> Any:
    """Return the stored patterns where the memory keeps them."""
    from neuromem.core.synapses import OverlapSynapses, rows_of

    if memory.n_stored == 0 or memory.heteroassociative:
        return None
    kept = memory.synapses
    if isinstance(kept.get("recurrent"), OverlapSynapses):
        return kept["recurrent"].patterns.unpack(0, memory.n_stored, np.int8)
    return rows_of(kept["keys"], np.arange(memory.n_stored)) if "keys" in kept else None


def _recalled(asked: Trained, first: Any, placed: Any, seed: int) -> dict[str, Any]:
    """Return which fraction of the stored patterns comes back from damaged cues."""
    root = np.random.SeedSequence(seed)
    stages = {"ideal": asked.memory, "programmed": first.memory}
    if placed is not first:
        stages["later"] = placed.memory
    cues = asked.cues(root)
    seen = {name: asked.ask(memory, cues, root) for name, memory in stages.items()}
    return {
        "cues": len(cues),
        "cue_noise": asked.cue_noise,
        "criterion": f"overlap > {asked.criterion}",
        "recalled": {name: recalled for name, (_, recalled) in seen.items()},
        "overlap": {name: overlap for name, (overlap, _) in seen.items()},
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


def _short(source: str) -> str:
    """Return authors, journal and year, without what was taken from where."""
    return source.partition(", doi:")[0].partition(": ")[0]


def _by_part(values: Any) -> dict[str, float]:
    summed = values.sum("synapses")
    return dict(zip(summed.part.values.tolist(), summed.values.tolist(), strict=True))


def _write(report: Any, out: Path) -> None:
    from neuromem.core.results import replacing, save_dataset

    if out.suffix == ".nc":
        save_dataset(report, out)
        return
    import matplotlib.pyplot as plt

    height = 3 * (1.6 + 0.28 * report.sizes["synapses"])
    with plt.rc_context(neuromem.plot.STYLE):
        figure, axes = plt.subplots(3, 1, figsize=(6.4, height), layout="constrained")
    for of, ax in zip(("energy", "latency", "area"), axes, strict=True):
        neuromem.plot.energy(report, of=of, ax=ax)
    with replacing(out) as unfinished:
        figure.savefig(unfinished, format=out.suffix[1:])
