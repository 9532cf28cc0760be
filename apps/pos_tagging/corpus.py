"""The sentences that a tagger learns from and is scored on."""

from __future__ import annotations

from typing import Any

from apps.pos_tagging.recipe import TaggingRecipe
from apps.shared.errors import UserError
from data.corpora import conllu
from data.corpora.conllu import TaggedSentence


def read_split(recipe: TaggingRecipe, split: str, options: Any) -> list[TaggedSentence]:
    """Reads one part of a treebank, or the user's own file.

    Args:
        recipe: names the treebank.
        split: "train", "dev" or "test".
        options: has `data_dir`, and the user's files: `train_file` and `dev_file`, or `conllu_file`.

    Raises:
        UserError: there is nothing to read, or only one of two files is given.
        ValueError, FileNotFoundError: see `data.corpora.conllu`.
    """
    if own := getattr(options, "conllu_file", None):
        return conllu.read(own)
    files = {name: getattr(options, f"{name}_file", None) for name in ("train", "dev")}
    if any(files.values()):
        if not all(files.values()):
            raise UserError(
                "Give both --train-file and --dev-file: sentences to learn from, and sentences to score by."
            )
        return conllu.read(files[split])  # type: ignore[arg-type]
    if options.data_dir is None:
        raise UserError(
            f"No treebank to read. Name the folder that holds {recipe.treebank} with --data-dir or in CARROUSEL_DATA, "
            "or give your own files in CoNLL-U."
        )
    if split not in conllu.SPLITS:
        raise UserError(f"No split {split!r}. Splits: {', '.join(conllu.SPLITS)}.")
    return conllu.read(conllu.find(options.data_dir, split, recipe.treebank))
