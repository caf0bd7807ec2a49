"""`vreid train`: from a data set to a trained, scored and calibrated checkpoint."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from cli.bar import EXIT_INTERRUPTED
from cli.options import split_assignments
from cli.output import complain, stdout
from cli.stopping import stop_on_signals

if TYPE_CHECKING:
    from reid.training import Judgement, Recipe

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Train a video re-identification model.

[b]vreid train mars --root /data/MARS[/b]   the paper's DCCT, the paper's way

[b]vreid train synthetic --model dcct-micro[/b]   made-up people: no download, minutes on two cores

[b]vreid train ilids --model denseil --set split=3 --set optimiser.lr=0.0001[/b]

[b]vreid train folder --root my-tracklets --config my-recipe.yaml[/b]

[b]vreid train --resume runs/train-mars-dcct-2026-01-31_09-00-00[/b]

[b]torchrun --nproc-per-node 4 -m cli train mars[/b]   four GPUs

""" + "\n\n".join(
    (
        "Data sets: mars, dukemtmc, ilids, prid, synthetic, folder (your own; [b]vreid data check --help[/b] says how "
        "it must look). Each is looked for at --root, else in the folder that the environment variable VREID_DATA "
        "names. "
        "Models: [b]vreid models[/b].",
        "The folder it makes holds best.safetensors (for [b]vreid run --weights[/b]) and last.safetensors, "
        "recipe.yaml, result.json, epochs.jsonl, curves.png, calibration.png and TensorBoard's files; no pictures of "
        "people, but what a network remembers of them. state.pt is what --resume goes on from: after Ctrl-C, or when "
        "the machine went down, with the same result as if nothing had happened.",
        "Most recipes hold a few people of the training set out. They choose the best checkpoint, so that the test set "
        "does not have to, and the match threshold of vreid run comes from them.",
        "A recipe says everything else: [b]--show-recipe[/b] prints the one that would be used. A file given with "
        "--config holds only what is to be different, and may begin with [b]extends: NAME[/b] of a recipe that ships "
        "([b]--list[/b]).",
        "Exit codes: 0 all went well; 2 nothing was done, the message says why; 130 stopped by Ctrl-C, --resume goes "
        "on; 1 it broke off, for instance on a full disk or a loss that is not finite; what was saved before is kept.",
    )
)
_STOPPING = ("stopping after this batch; the state is being saved (once more drops what was done since the last save)",)
# Of the processes that torchrun starts only the first one speaks.
_SPEAKS = os.environ.get("RANK", "0") == "0"
_DEFAULT_MODEL = {"synthetic": "dcct-micro"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", help=_HELP)(train)


def train(
    data_set: Annotated[
        str | None, typer.Argument(metavar="[DATASET]", help="What to train on.", show_default=False)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="What to train. Default: the config's, else dcct (dcct-micro on synthetic).", show_default=False
        ),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Where the data set lies. Default: below VREID_DATA.", show_default=False)
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(metavar="FILE|NAME", help="A YAML file of your own, or a recipe that ships.", show_default=False),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace one value; may be repeated.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to make. Default: runs/train-DATASET-MODEL-TIME.", show_default=False),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Go on with a training that was stopped.", show_default=False)
    ] = None,
    device: Annotated[str, typer.Option(help="auto (the GPU if there is one), cpu, cuda, cuda:1.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the training that stands at --out.")] = False,
    show_recipe: Annotated[
        bool, typer.Option("--show-recipe", help="Print the recipe that would be used, and stop.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the recipes that ship, and stop.")] = False,
) -> None:
    """Train; the help text is `_HELP`."""
    from reid.training.recipe import recipe_names, recipe_text

    if list_:
        for name in recipe_names():
            typer.echo(name)
        return
    if resume is not None:
        given = [
            flag
            for flag, value in (
                ("DATASET", data_set),
                ("--model", model),
                ("--config", config),
                ("--set", set_),
                ("--out", out),
                ("--overwrite", overwrite),
                ("--show-recipe", show_recipe),
            )
            if value
        ]
        if given:
            raise typer.BadParameter(f"--resume goes on with the recipe of its folder; leave out {', '.join(given)}")
        _finish(_run(resume, None, "", root, device, overwrite=False), resume)
        return
    if data_set is None:
        raise typer.BadParameter("which data set? mars, dukemtmc, ilids, prid, synthetic or folder; or --resume FOLDER")
    recipe = _recipe(data_set, model, config, set_ or [])
    if show_recipe:
        typer.echo(recipe_text(recipe), nl=False)
        return
    started = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    place = out or Path("runs") / f"train-{data_set}-{recipe.model}-{started}"
    _finish(_run(place, recipe, data_set, root, device, overwrite=overwrite), place)


def _recipe(data_set: str, model: str | None, config: str | None, assignments: list[str]) -> Recipe:
    """Put flags and files together."""
    from reid.data.catalogue import find_entry
    from reid.models import preset
    from reid.training.recipe import load_recipe, recipe_model

    find_entry(data_set)
    name = model or (recipe_model(config) if config else None) or _DEFAULT_MODEL.get(data_set, "dcct")
    preset(name)
    values: dict[str, Any] = {}
    for key, text in split_assignments(assignments, "--set").items():
        try:
            values[key] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise typer.BadParameter(f"--set {key}: {text!r} is not a value as YAML writes it") from None
    if "model" in values:
        raise typer.BadParameter("--set model: use --model")
    return load_recipe(data_set, name, config=config, values=values)


def _run(
    place: Path, recipe: Recipe | None, data_set: str, root: Path | None, device: str, *, overwrite: bool
) -> Judgement | None:
    """Train anew, or go on where no recipe is given, and show how it goes on."""
    from cli.training_progress import Silence, training_progress
    from reid import training
    from reid.device import choose_device

    on = choose_device(device)
    with stop_on_signals(*_STOPPING) as stop, training_progress(stop) if _SPEAKS else Silence() as progress:
        try:
            if recipe is None:
                return training.resume(place, root=root, device=on, listener=progress)
            return training.train(recipe, data_set, root, place, device=on, overwrite=overwrite, listener=progress)
        except KeyboardInterrupt:
            complain(f"stopped at once; {_way_on(place)}")
            raise typer.Exit(EXIT_INTERRUPTED) from None


def _way_on(place: Path) -> str:
    """Say how a training that was stopped is gone on with, if it had begun."""
    from reid.training.folder import TrainingFolder

    if TrainingFolder(place).index.exists():
        return f"vreid train --resume {place} goes on from what was last saved"
    return "it had not begun yet"


def _finish(judgement: Judgement | None, place: Path) -> None:
    """Print what came of it."""
    if judgement is None:
        if _SPEAKS:
            complain(f"stopped; {_way_on(place)}")
        raise typer.Exit(EXIT_INTERRUPTED)
    if not _SPEAKS:
        return
    from cli.training_summary import print_judgement

    print_judgement(judgement)
    stdout.print(f"in {place}", soft_wrap=True)
