"""What self-critical training rewards captions by: CIDEr-D, and BLEU-4 beside it where that is wanted."""

from __future__ import annotations

import numpy as np

from apps.shared.captioning.text import CaptionSet
from apps.shared.stages import Reward
from data.tokenizers.special import EOS_ID, IDS
from data.tokenizers.subwords import SubwordTokenizer
from metrics.captions import SentenceBleu, tokens_of
from metrics.cider import CiderD
from training.self_critical import words_said

END = ("</s>",)
"""Counts as a word in rewards, though not in scores: else a caption that breaks off ("in a red") would lose nothing."""


def caption_reward(captions: CaptionSet, tokenizer: SubwordTokenizer, bleu: float = 0.0) -> Reward:
    """The reward of self-critical training, of the words that tokens spell.

    Args:
        captions: the training set's; its own document frequencies count.
        tokenizer: of the model.
        bleu: the weight of smoothed BLEU-4 (0 to 1), which is added to CIDEr-D (of 10 at most).
    """
    references = [[tokens_of(caption) + END for caption in item] for item in captions.captions]
    cider, sentence_bleu = CiderD(references), SentenceBleu(references) if bleu else None

    def reward(items: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        ended = (tokens == EOS_ID).any(axis=1)
        spelled = [tokens_of(tokenizer.decode(words)) for words in words_said(tokens, IDS)]
        said = [one + END if end else one for one, end in zip(spelled, ended, strict=True)]
        scores = cider.scores([int(item) for item in items], said)
        if sentence_bleu:
            scores += [bleu * sentence_bleu.score(int(item), one) for item, one in zip(items, said, strict=True)]
        return scores.astype(np.float32)

    return reward
