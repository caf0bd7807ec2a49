"""What a training begins with: a model with its start weights."""

from __future__ import annotations

from pathlib import Path

from reid.checkpoints import is_checkpoint, load_checkpoint
from reid.errors import WeightsError
from reid.models import ReidModel, start_model
from reid.start_weights import IMAGENET, StartReport
from reid.training.recipe import Recipe


def starting_model(recipe: Recipe, num_classes: int) -> tuple[ReidModel, StartReport]:
    """Build a recipe's model with the weights that it starts from, which may be those of a checkpoint of vreid.

    Args:
        recipe: names the model, its settings, its start weights and the seed of the rest.
        num_classes: K, of the classifiers, which always start at random.

    Returns:
        The model on the CPU, and where its weights come from.

    Raises:
        WeightsError: the start weights cannot be had or do not fit.
        ConfigError: the model's settings do not fit together.
    """
    own = recipe.start_weights is not None and is_checkpoint(recipe.start_weights)
    model, report = start_model(
        recipe.model,
        start_weights=None if own else recipe.start_weights,
        num_classes=num_classes,
        seed=recipe.seed,
        overrides=recipe.model_settings,
    )
    if own:
        return model, _continue(model, Path(str(recipe.start_weights)))
    if recipe.start_weights == IMAGENET:
        _check_started(model, report)
    return model, report


def _continue(model: ReidModel, path: Path) -> StartReport:
    """Give a model all weights of a checkpoint but the classifiers', which it does not hold."""
    checkpoint = load_checkpoint(path)
    given, wanted = checkpoint.model.embedding_state(), model.embedding_state()
    if {key: value.shape for key, value in given.items()} != {key: value.shape for key, value in wanted.items()}:
        other = checkpoint.metadata.model
        what = f"{other}, not of this {model.name}" if other != model.name else f"{other} with other settings"
        raise WeightsError(f"start weights: {path} is a checkpoint of {what}")
    model.load_state_dict(given, strict=False)
    return StartReport(str(path))


def _check_started(model: ReidModel, report: StartReport) -> None:
    """Refuse to train for days from random weights where a recipe asks for others that cannot be had.

    Raises:
        WeightsError: with what is missing and what to do.
    """
    published = {name for name, part in model.start_parts().items() if part.published}
    missing = [note for note in report.notes if note.partition(":")[0] in published - report.parts.keys()]
    if missing:
        raise WeightsError(
            f"{model.name}: the recipe starts from ImageNet's weights, and not all are there ({' | '.join(missing)}); "
            "put the files there, name them with --set start_weights=PATH, or begin at random with --set "
            "start_weights=null"
        )
