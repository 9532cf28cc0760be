"""The captioner that a training starts from: one of photos lends one of clips its image encoder and its words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.shared.errors import UserError
from data.tokenizers.special import EOS_ID, UNK_ID
from data.tokenizers.subwords import SubwordTokenizer
from serving import store
from serving.weights import weight_names

SUBWORDS = "subwords.model"
BY_PIECE = ("decoder/embedding/embeddings", "decoder/output_bias", "decoder/output_kernel")
"""Weights with one row a piece of the vocabulary."""
SIZES = ("cell", "embedding_size", "decoder_size", "decoder_layers", "tie_embeddings")
"""Fields of a recipe on which the decoder's shapes depend."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """A trained captioner to start from.

    Attributes:
        name: as it was given.
        recipe: its fields.
        tokenizer: of its captions.
        values: its weights by name.
    """

    name: str
    recipe: Mapping[str, Any]
    tokenizer: SubwordTokenizer
    values: Mapping[str, np.ndarray]

    @classmethod
    def read(cls, name: str, tasks: Sequence[str]) -> Start | None:
        """Opens a model folder.

        Args:
            name: a folder; the name of a shipped model; or TASK/NAME, where two tasks have one of that name. Empty for
                none.
            tasks: the applications whose models will do; their shipped names are looked up in this order.

        Raises:
            FileNotFoundError: there is no such model.
            DamagedModel: it is damaged, or another application's.
        """
        if not name:
            return None
        task, _, rest = name.rpartition("/")
        homes = (
            [task] if task in tasks and rest in store.shipped(task) else [t for t in tasks if name in store.shipped(t)]
        )
        path = store.PRETRAINED / homes[0] / (rest if task == homes[0] else name) if homes else None
        folder = store.read(path or store.resolve(name, tasks[0]))
        if folder.task not in tasks:
            raise store.DamagedModel(f"{name} is a model for {folder.task}; give one for {' or '.join(tasks)}.")
        return cls(
            name=name,
            recipe=folder.recipe,
            tokenizer=SubwordTokenizer.load(folder / SUBWORDS),
            values=store.read_weights(folder / store.WEIGHTS),
        )

    def check(self, recipe: Any, also: Sequence[str] = ()) -> None:
        """Makes sure that a recipe has the sizes of this model.

        Args:
            recipe: of the model to be trained.
            also: further fields that must be equal.

        Raises:
            UserError: a size differs; the message has the flags to give.
        """
        wanted = {name: self.recipe[name] for name in (*SIZES, *also) if name in self.recipe}
        other = {name: value for name, value in wanted.items() if getattr(recipe, name) != value}
        if other:
            flags = " ".join(_flag(name, value) for name, value in other.items())
            have = ", ".join(f"{getattr(recipe, name)}" for name in other)
            raise UserError(
                f"The model {self.name} to start from needs {flags}; this recipe has {have}. Give these flags."
            )

    def give(self, model: Any, tokenizer: SubwordTokenizer | None = None) -> int:
        """Takes over the weights that fit by name and shape, and the rows of the pieces that both vocabularies know.

        A piece that is new takes the mean of the rows of the pieces that spelled it.

        Args:
            model: a built model with the parts `backbone`, `encoder` and `decoder`, or some of them.
            tokenizer: of its captions; None where it has no decoder.

        Returns:
            How many weights were taken over.

        Raises:
            UserError: its image encoder is another one.
        """
        taken = 0
        for name, variable in weight_names(model).items():
            value = self.values.get(name)
            if value is not None and name in BY_PIECE and tokenizer is not None:
                value = self._rows(value, tokenizer)
            if value is not None and value.shape == tuple(variable.shape):
                variable.assign(value.astype(np.float32))
                taken += 1
            elif name.startswith("backbone/"):
                raise UserError(f"The image encoder of {self.name} does not fit: {name} differs.")
        return taken

    def _rows(self, table: np.ndarray, tokenizer: SubwordTokenizer) -> np.ndarray:
        """The rows of `table` in the order of another vocabulary."""
        known = {piece: number for number, piece in enumerate(self.tokenizer.pieces(range(self.tokenizer.size)))}
        rows = []
        for piece in tokenizer.pieces(range(tokenizer.size)):
            spelled = [known[piece]] if piece in known else self._spelled(piece)
            rows.append(table[spelled].astype(np.float32).mean(axis=0))
        return np.stack(rows)

    def _spelled(self, piece: str) -> list[int]:
        """The ids that spell a piece: a word's beginning with its mark, what stands inside of one without."""
        inside = not piece.startswith("▁")
        ids = self.tokenizer.encode(piece.replace("▁", " ").strip(), add_eos=False)
        if inside and len(ids) > 1 and self.tokenizer.pieces(ids[:1]) == ["▁"]:
            ids = ids[1:]
        return [number for number in ids if number not in (UNK_ID, EOS_ID)] or [UNK_ID]


def fingerprint(*layers: Any) -> str:
    """Of the weights of an image encoder or of its layers, as they are stored: a tuned one has another one."""
    digest = hashlib.sha256()
    for weight in (weight for layer in layers for weight in layer.weights):
        digest.update(np.asarray(weight).astype(np.float16).tobytes())
    return digest.hexdigest()[:16]


def _flag(name: str, value: Any) -> str:
    dashed = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{dashed}" if value else f"--no-{dashed}"
    return f"--{dashed} {value}"
