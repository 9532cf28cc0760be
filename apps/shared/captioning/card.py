"""The model card of a captioner."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from apps.shared.captioning.recipe import CaptioningRecipe
from apps.shared.captioning.text import CONVENTIONS
from apps.shared.stages import summary_of
from metrics.captions import SIGNATURE


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is particular to a task.

    Attributes:
        title: the card's first line.
        network: what comes before the decoder, one or two sentences.
        data: what it was trained on, and on what terms.
        evaluate: the command that gives the test figures.
        limits: what it does badly.
    """

    title: str
    network: str
    data: str
    evaluate: str
    limits: str


def write_card(
    card: Card,
    recipe: CaptioningRecipe,
    metrics: Mapping[str, Any],
    options: Any,
    parameters: int,
    more: str = "",
) -> str:
    """Writes it, in Markdown.

    Args:
        card: what is particular to the task.
        recipe: the model's.
        metrics: `stages`, see `Stages.done`, and `dev_beam_4_by_length_penalty`, see `tune_length_penalty`.
        options: the run's.
        parameters: of the whole model.
        more: a section of its own before the limits, in Markdown; empty for none.
    """
    more = f"\n{more.strip()}\n" if more.strip() else ""
    changed = [
        f"`--{field.name.replace('_', '-')} {value}`"
        for field in fields(recipe)
        if (value := getattr(recipe, field.name)) != field.default
    ]
    beams = "\n".join(
        f"| {penalty} | {row['cider_d']:.1f} | {row['bleu_4']:.1f} |"
        for penalty, row in metrics["dev_beam_4_by_length_penalty"].items()
    )
    return f"""# {card.title}

{card.network} The decoder: {recipe.decoder_layers} layer(s) of {recipe.decoder_size} units, cell `{recipe.cell}`,
context `{recipe.context}`. {parameters:,} parameters in all.

## Data and its terms

{card.data}

## Training

Seed {options.seed}, {options.precision}, on {datetime.date.today():%Y-%m-%d}. What differs from the defaults:
{", ".join(changed)}. The whole recipe is in recipe.json.

{summary_of(metrics["stages"])}

## Figures

On the dev set, by beam 4 and length penalty:

| length penalty | CIDEr-D | BLEU-4 |
| --- | --- | --- |
{beams}

How it is counted: {SIGNATURE}. References and answers are normalised alike: {CONVENTIONS}. Document frequencies are
those of the references of the set that is scored. Test figures: `{card.evaluate}`.
{more}
## Limits

{card.limits}
"""
