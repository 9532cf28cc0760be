"""Subword tokenizer: a sentencepiece unigram model (Kudo 2018, "Subword Regularization")."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import sentencepiece

from data.tokenizers.special import BOS, BOS_ID, EOS, EOS_ID, PAD, PAD_ID, UNK, UNK_ID


class SubwordTokenizer:
    """Turns text into the ids of subword pieces and back.

    The table of special tokens is the house's own (`data.tokenizers.special`), so ids 0 to 3 mean the same in
    every model. The serialized model is what a SavedModel carries inside, too.

    Args:
        model: a serialized sentencepiece model, as `bytes`.

    Raises:
        ValueError: `model` is not a sentencepiece model, or its special tokens are not the house's.
    """

    def __init__(self, model: bytes):
        self.model = model
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise ValueError("This is not a sentencepiece model. Train one with SubwordTokenizer.train.") from error
        ids = [self._processor.pad_id(), self._processor.unk_id(), self._processor.bos_id(), self._processor.eos_id()]
        if ids != [PAD_ID, UNK_ID, BOS_ID, EOS_ID]:
            raise ValueError(f"The special tokens must have the ids 0, 1, 2, 3 (pad, unk, bos, eos), got {ids}.")

    @classmethod
    def train(cls, lines: Iterable[str], vocabulary_size: int, character_coverage: float = 1.0) -> SubwordTokenizer:
        """Learns the pieces from text.

        Args:
            lines: the training text, one sentence each.
            vocabulary_size: the most pieces to learn, special tokens included. Small texts give fewer.
            character_coverage: share of the text's characters that must be spelled without `<unk>`, 0 to 1.

        Raises:
            ValueError: the text is empty.
        """
        sentences = [line for line in lines if line.strip()]
        if not sentences:
            raise ValueError("There is no text to learn subwords from. Give at least one line that is not blank.")
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=written,
            vocab_size=vocabulary_size,
            hard_vocab_limit=False,
            model_type="unigram",
            normalization_rule_name="nfkc",
            character_coverage=character_coverage,
            pad_id=PAD_ID,
            unk_id=UNK_ID,
            bos_id=BOS_ID,
            eos_id=EOS_ID,
            pad_piece=PAD,
            unk_piece=UNK,
            bos_piece=BOS,
            eos_piece=EOS,
            num_threads=1,  # the pieces must not depend on the machine
            minloglevel=2,
        )
        return cls(written.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> SubwordTokenizer:
        """Reads a model file written by `save`."""
        return cls(Path(path).read_bytes())

    def save(self, path: str | Path) -> None:
        """Writes the model as one file."""
        Path(path).write_bytes(self.model)

    @property
    def size(self) -> int:
        """Number of pieces, special tokens included: the true size, which can be below the one asked for."""
        return self._processor.get_piece_size()

    def encode(self, text: str, sampling: float = 0.0, add_eos: bool = True) -> list[int]:
        """Spells `text` in pieces.

        Args:
            text: one sentence.
            sampling: 0 for the best segmentation; else the smoothing α of subword regularisation (Kudo 2018, eq. 9),
                the smaller the more various (0.2 to 0.5 are usual). Drawn from sentencepiece's generator, which
                `set_seed` sets.
            add_eos: put `</s>` at the end.
        """
        if sampling:
            ids = self._processor.encode(text, enable_sampling=True, alpha=sampling, nbest_size=-1)
        else:
            ids = self._processor.encode(text)
        return [*ids, EOS_ID] if add_eos else ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text that the pieces spell; special tokens but `<unk>` say nothing."""
        return self._processor.decode([int(i) for i in ids if i not in (PAD_ID, BOS_ID, EOS_ID)])

    def spell(self, text: str) -> list[str]:
        """The pieces of a text as `encode` finds them, but each unknown character as itself instead of `<unk>`."""
        return self._processor.encode(text, out_type=str)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The pieces by name, `▁` marking the start of a word."""
        return [self._processor.id_to_piece(int(i)) for i in ids]


def set_seed(seed: int) -> None:
    """Seeds subword sampling, for the whole process."""
    sentencepiece.set_random_generator_seed(seed % 2**32)
