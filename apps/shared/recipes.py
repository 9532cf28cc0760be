"""Recipes to JSON and back. Unknown fields are refused: a model of another version is not read as this one's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

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
        ValueError: a field is unknown, or its value is refused by the recipe.
    """
    known = {field.name for field in fields(recipe_class)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(
            f"The recipe has the unknown field {unknown[0]!r}: it belongs to another task or to another version of "
            "Carrousel."
        )
    return recipe_class(**{name: _frozen(value) for name, value in values.items()})


def differences(before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    """The fields in which two dataclasses of one type differ, as (before, after)."""
    pairs = {field.name: (getattr(before, field.name), getattr(after, field.name)) for field in fields(before)}
    return {name: (old, new) for name, (old, new) in pairs.items() if old != new}


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value
