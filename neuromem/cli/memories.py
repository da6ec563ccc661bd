"""Commands about memories: the main job, the catalogue, a capacity curve, an experiment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import neuromem
from neuromem.cli._app import Json, Out, Seed, Workers, app, choices_of, print_json
from neuromem.core.errors import ParameterError


@app.command()
def demo(
    out: Out = Path("demo"),
    data: Annotated[
        str, typer.Option(help="Real images: digits (always there), mnist or omniglot.")
    ] = "digits",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Store real images, recall them from damaged cues, measure capacity: one page of results.

    Example: neuromem demo --out demo
    """
    from neuromem.demo import run_demo

    figures = run_demo(out, data=data, seed=seed, progress=sys.stderr.isatty())
    if as_json:
        print_json(figures)
        return
    table = Table(title=f"{figures['stored']} images of {figures['data']}, recalled exactly")
    for column in ("memory", *figures["cues"]):
        table.add_column(column, justify="left" if column == "memory" else "right")
    for name, row in figures["recalled"].items():
        table.add_row(name, *(f"{value:.0%}" for value in row.values()))
    console = Console()
    console.print(table)
    measured = figures["capacity"]
    console.print(
        f"Hopfield, N = {measured['n']}: critical load {measured['alpha_c']:.3f} "
        f"[{measured['alpha_c_low']:.3f}, {measured['alpha_c_high']:.3f}]; "
        f"theory at this size {measured['theory']:.3f}, for N -> oo 0.138"
    )
    _print_chip(console, figures["chip"])
    console.print(f"Open {figures['page']}", soft_wrap=True)


@app.command()
def models(as_json: Json = False) -> None:
    """List the memories: name, paper, capacity law.

    Example: neuromem models --json
    """
    cards = neuromem.models.catalog()
    if as_json:
        print_json([card.record() for card in cards])
        return
    table = Table(title=f"{len(cards)} memories")
    for column in ("name", "family", "capacity for random patterns", "paper"):
        table.add_column(column)
    for card in cards:
        table.add_row(card.name, card.family, card.capacity, card.paper)
    Console().print(table)


@app.command()
def capacity(
    model: Annotated[str, typer.Argument(help="A name that 'neuromem models' lists.")],
    n: Annotated[int, typer.Option("--n", help="Units N of the memory.")] = 500,
    trials: Annotated[int, typer.Option(help="Fresh networks at each load.")] = 20,
    loads: Annotated[
        str | None,
        typer.Option(help="Loads such as 0.1,0.12,0.14; by default found by bisection."),
    ] = None,
    cue_noise: Annotated[float, typer.Option(help="Fraction of each cue's units flipped.")] = 0.0,
    criterion: Annotated[
        float, typer.Option(help="A cue counts as recalled above this overlap.")
    ] = 0.9,
    choose: Annotated[
        list[str] | None,
        typer.Option("--set", help="A choice of the model, such as rule=storkey or margin=0.5."),
    ] = None,
    seed: Seed = 0,
    workers: Workers = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write FILE.nc, or a figure if it ends in .png, .pdf or .svg."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how many random patterns a memory holds: the load where half of them are lost.

    Example: neuromem capacity hopfield --n 2000 --trials 20 --seed 0 --json
    """
    from functools import partial

    if out is not None and out.suffix not in (".nc", ".png", ".pdf", ".svg"):
        raise ParameterError(f"--out is {str(out)!r}; give a file ending in .nc, .png, .pdf, .svg.")
    card = neuromem.models.find(model)
    choices = choices_of(choose or [])
    if "n" in choices:
        raise ParameterError("--set is for choices of the model; give units as --n.")
    make = partial(card.make, **choices)
    curve = neuromem.measures.capacity(
        make,
        n=n,
        loads=None if loads is None else _numbers(loads, "--loads"),
        trials=trials,
        seed=seed,
        cue_noise=cue_noise,
        criterion=criterion,
        workers=workers,
        progress=None,
    )
    if out is not None:
        _write(curve, out)
    figures = {
        "model": model,
        "n": n,
        "trials": trials,
        "seed": seed,
        "criterion": f"overlap > {criterion}",
        "alpha_c": float(curve["alpha_c"]),
        "alpha_c_low": float(curve["alpha_c_low"]),
        "alpha_c_high": float(curve["alpha_c_high"]),
        "censored": int(curve["censored"]),
        "loads": curve["load"].values.tolist(),
        "patterns": curve["patterns"].values.tolist(),
        "recalled": curve["success"].values.tolist(),
        "overlap": curve["overlap"].mean("trial").values.tolist(),
    }
    if figures["censored"] == 1 and cue_noise == 0.0:
        figures["note"] = (
            "recall from the pattern itself never failed, which a memory that gives back any cue "
            "does as well: measure with --cue-noise 0.1"
        )
    if as_json:
        print_json(figures)
        return
    table = Table(title=f"{model}, N = {n}, {trials} networks a load")
    for column in ("load", "overlap", "cues recalled"):
        table.add_column(column, justify="right")
    rows = zip(figures["loads"], figures["overlap"], figures["recalled"], strict=True)
    for load, overlap, recalled in rows:
        table.add_row(f"{load:.4g}", f"{overlap:.4f}", f"{recalled:.1%}")
    console = Console()
    console.print(table)
    interval = f"[{figures['alpha_c_low']:.4f}, {figures['alpha_c_high']:.4f}]"
    bound = {-1: "at most ", 0: "", 1: "at least "}[figures["censored"]]
    console.print(f"critical load alpha_c = {bound}{figures['alpha_c']:.4f}, 95 % {interval}")
    if "note" in figures:
        console.print(f"note: {figures['note']}", soft_wrap=True)


@app.command()
def run(
    script: Annotated[Path, typer.Argument(help="A Python file that defines SWEEP or SWEEPS.")],
    out: Out = Path("results"),
    workers: Workers = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler to run on.")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on with what an interrupted run left in the folder.")
    ] = False,
    trials: Annotated[int | None, typer.Option(help="In the place of the script's own.")] = None,
    seed: Annotated[int | None, typer.Option(help="In the place of the script's own.")] = None,
    quick: Annotated[bool, typer.Option(help="Run the script's own small form.")] = False,
    as_json: Json = False,
) -> None:
    """Run an experiment: a sweep that is kept cell by cell, then a dataset and a figure.

    Example: neuromem run experiments/hopfield_capacity.py --workers 2 --resume
    """
    done = neuromem.sweep.run_script(
        script,
        workers=workers,
        scheduler=scheduler,
        resume=resume,
        out=out,
        trials=trials,
        seed=seed,
        quick=quick,
    )
    if as_json:
        paths = [str(path) for path in done.paths]
        print_json({"summary": done.summary, "paths": paths})
        return
    for name, value in (done.summary or {}).items():
        typer.echo(f"{name}: {value}")
    for path in done.paths:
        typer.echo(f"wrote {path}")


def _print_chip(console: Console, chip: dict[str, Any]) -> None:
    """Print what is left of the images on a chip, and what it costs."""
    memories = chip["memories"]
    table = Table(title=f"the same on {chip['chips']} chips of {chip['device']}")
    table.add_column("recalled, overlap > 0.95")
    for name in memories:
        table.add_column(name, justify="right")
    for when in next(iter(memories.values()))["recalled"]:
        table.add_row(when, *(f"{m['recalled'][when]:.0%}" for m in memories.values()))
    table.add_section()
    for name, unit, factor in (
        ("energy_per_recall", "nJ", 1e9),
        ("time_per_recall", "us", 1e6),
        ("area", "mm2", 1e6),
        ("write_energy", "uJ", 1e6),
    ):
        row = (f"{m[name] * factor:.3g} {unit}" for m in memories.values())
        table.add_row(name.replace("_", " "), *row)
    console.print(table)


def _numbers(text: str, name: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ParameterError(
            f"{name} is {text!r}; give numbers with commas, such as 0.1,0.12,0.14."
        ) from None


def _write(curve: Any, out: Path) -> None:
    from neuromem.core.results import replacing, save_dataset

    if out.suffix == ".nc":
        save_dataset(curve, out)
        return
    with replacing(out) as unfinished:
        figure: Any = neuromem.plot.capacity(curve).figure
        figure.savefig(unfinished, format=out.suffix[1:])
