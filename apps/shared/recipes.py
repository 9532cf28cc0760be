"""Recipes to JSON and back. Unknown fields are refused: a model of another version is not read as this one's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

if TYPE_CHECKING:
    from serving.store import ModelFolder

R = TypeVar("R")


def to_json(recipe: Any) -> dict[str, Any]:
    """A recipe's fields, ready for JSON."""
    return asdict(recipe)


def from_json(recipe_class: type[R], values: Mapping[str, Any]) -> R:
    """The recipe that `to_json` gave.

    Args:
        recipe_class: a recipe dataclass. Fields that `values` lacks take its defaults.
        values: its fields; lists are read as tuples.

    Raises:
        ValueError: a field is unknown, has a value of another kind, or is refused by the recipe.
    """
    known = {field.name for field in fields(recipe_class)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(
            f"The recipe has the unknown field {unknown[0]!r}: it belongs to another task or to another version of "
            "Carrousel."
        )
    kinds = get_type_hints(recipe_class)
    return recipe_class(**{name: _checked(name, _frozen(value), kinds[name]) for name, value in values.items()})


def of_model(recipe_class: type[R], folder: ModelFolder, allow_hub: bool = False) -> R:
    """The recipe of a model that is about to be built.

    Args:
        recipe_class: the application's.
        folder: from `serving.store.read`.
        allow_hub: the user trusts the TensorFlow Hub modules that the model names.

    Raises:
        serving.store.DamagedModel: it is no recipe of this application; or it names a module, which is somebody
            else's code, and nobody allowed it.
    """
    from serving import store

    place = folder.path / store.RECIPE
    try:
        recipe = from_json(recipe_class, folder.recipe)
    except ValueError as error:
        raise store.DamagedModel(f"{place} cannot be used. {error}") from error
    for name, value in asdict(recipe).items():  # type: ignore[call-overload]
        if isinstance(value, str) and value.startswith("hub:") and not allow_hub:
            raise store.DamagedModel(
                f"{place} names the TensorFlow Hub module {value.removeprefix('hub:')!r} as {name}. A module runs "
                "what its files say: if you trust it, add --allow-hub."
            )
    return recipe


def differences(before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    """The fields in which two dataclasses of one type differ, as (before, after)."""
    pairs = {field.name: (getattr(before, field.name), getattr(after, field.name)) for field in fields(before)}
    return {name: (old, new) for name, (old, new) in pairs.items() if old != new}


def _checked(name: str, value: Any, kind: Any) -> Any:
    """A value of a field's kind: JSON has its own, and somebody else may have written it."""
    if kind is float and type(value) is int and abs(value) < 2**53:
        value = float(value)
    known = kind in (bool, int, float, str)
    if (known and type(value) is not kind) or (not known and not isinstance(value, tuple)):
        wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}.get(kind, "a list")
        raise ValueError(f"{name} must be {wanted}, got {_short(value)}.")
    if kind is float and not math.isfinite(value):
        raise ValueError(f"{name} must be a number, got {value!r}.")
    return value


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value
