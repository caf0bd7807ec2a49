"""Training a model on a data set: recipes, the loop, and what comes after it."""

from reid.training.finishing import Judgement
from reid.training.listener import TrainingListener
from reid.training.recipe import Recipe, load_recipe
from reid.training.session import resume, train

__all__ = ["Judgement", "Recipe", "TrainingListener", "load_recipe", "resume", "train"]
