"""What self-critical training rewards captions by: CIDEr-D."""

from __future__ import annotations

import numpy as np

from apps.shared.captioning.text import CaptionSet
from apps.shared.stages import Reward
from data.tokenizers.special import IDS
from data.tokenizers.subwords import SubwordTokenizer
from metrics.captions import tokens_of
from metrics.cider import CiderD


def cider_reward(captions: CaptionSet, tokenizer: SubwordTokenizer) -> Reward:
    """The reward of self-critical training: CIDEr-D of the words that tokens spell, by the set's own frequencies."""
    cider = CiderD([[tokens_of(caption) for caption in item] for item in captions.captions])
    silent = set(IDS.values())

    def reward(items: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        said = [tokens_of(tokenizer.decode([int(one) for one in row if int(one) not in silent])) for row in tokens]
        return cider.scores([int(item) for item in items], said).astype(np.float32)

    return reward
