"""Recipes: a few words of JSON from which a blob's content is made when somebody first asks for it."""

from __future__ import annotations

from typing import Any

from retrainctl.emulator.training.datasets import DATASETS

_BASELINE = "baselineModel"


class BadRecipe(Exception):
    """The recipe names something that does not exist; the message is one plain sentence."""


def check(recipe: Any) -> None:
    """Raise `BadRecipe` unless `make` can make it. Imports nothing heavy: seeds check thousands."""
    if not isinstance(recipe, dict) or len(recipe) != 1:
        raise BadRecipe(f"generate takes one of {', '.join((*DATASETS, _BASELINE))}")
    ((name, arguments),) = recipe.items()
    if not isinstance(arguments, dict):
        raise BadRecipe(f"{name} takes a mapping of arguments")
    if name == _BASELINE:
        rest = dict(arguments)
        if not isinstance(rest.pop("label", None), str):
            raise BadRecipe(f"{_BASELINE} needs a label: the column that it predicts")
        _check_count(rest.pop("rows", None), "rows")
        data = rest.pop("data", None)
        check(data)
        if makes_model(data):
            raise BadRecipe(f"the data of a {_BASELINE} is a data set")
        _check_known(rest, ("data", "label", "rows"))
        return
    if name not in DATASETS:
        raise BadRecipe(f"there is no generator {name}; known are {', '.join((*DATASETS, _BASELINE))}")
    known = ("location", "days") if name == "bikeRental" else ("seed", "rows")
    for argument in known[1:]:
        _check_count(arguments.get(argument), argument)
    if name == "bikeRental" and "location" not in arguments:
        raise BadRecipe("bikeRental needs a location")
    _check_known({key: value for key, value in arguments.items() if key not in known}, known)


def _check_count(value: Any, name: str) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 1_000_000):
        raise BadRecipe(f"{name} is a number from 1 to 1000000")


def _check_known(rest: dict[str, Any], known: tuple[str, ...]) -> None:
    if rest:
        raise BadRecipe(f"there is no argument {next(iter(rest))}; known are {', '.join(known)}")


def media(recipe: dict[str, Any]) -> str:
    """The content type of what it makes."""
    return "application/octet-stream" if _BASELINE in recipe else "text/csv"


def makes_model(recipe: dict[str, Any]) -> bool:
    return _BASELINE in recipe


def make(recipe: dict[str, Any]) -> bytes:
    """The content; the same recipe gives the same bytes."""
    ((name, arguments),) = recipe.items()
    if name == _BASELINE:
        from retrainctl.emulator.training.baseline import baseline_model

        return baseline_model(make(arguments["data"]), arguments["label"], arguments.get("rows"))
    texts = {key: str(value) for key, value in arguments.items() if key in ("location", "seed")}
    return DATASETS[name](**{**arguments, **texts})
