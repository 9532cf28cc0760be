"""What self-critical training rewards captions by: CIDEr-D, and BLEU-4 beside it where that is wanted."""

from __future__ import annotations

import numpy as np

from apps.shared.captioning.text import CaptionSet
from apps.shared.stages import Reward
from data.tokenizers.special import IDS
from data.tokenizers.subwords import SubwordTokenizer
from metrics.captions import SentenceBleu, tokens_of
from metrics.cider import CiderD


def caption_reward(captions: CaptionSet, tokenizer: SubwordTokenizer, bleu: float = 0.0) -> Reward:
    """The reward of self-critical training, of the words that tokens spell.

    Args:
        captions: the training set's; its own document frequencies count.
        tokenizer: of the model.
        bleu: the weight of smoothed BLEU-4 (0 to 1), which is added to CIDEr-D (of 10 at most).
    """
    references = [[tokens_of(caption) for caption in item] for item in captions.captions]
    cider, sentence_bleu = CiderD(references), SentenceBleu(references) if bleu else None
    silent = set(IDS.values())

    def reward(items: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        said = [tokens_of(tokenizer.decode([int(one) for one in row if int(one) not in silent])) for row in tokens]
        scores = cider.scores([int(item) for item in items], said)
        if sentence_bleu:
            scores += [bleu * sentence_bleu.score(int(item), one) for item, one in zip(items, said, strict=True)]
        return scores.astype(np.float32)

    return reward
