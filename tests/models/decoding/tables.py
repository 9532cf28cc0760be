"""Models that a reader can search by hand: a table of what word follows which, with what probability."""

import numpy as np
from keras import ops

from models.decoding import graph, walk
from models.decoding.options import SearchOptions

IDS = {"bos": 2, "eos": 3, "pad": 0}
END = "."


class TableDecoder:
    """Keeps the decoder contract; what comes next depends on the newest word alone.

    Args:
        table: word → {next word: probability}; the first is "<s>", and "." ends a sentence.
    """

    def __init__(self, table: dict[str, dict[str, float]]):
        words = dict.fromkeys(word for nexts in table.values() for word in nexts if word != END)
        self.words = ["<pad>", "<unk>", "<s>", END, *words]
        self.table = np.full((len(self.words), len(self.words)), -np.inf, np.float32)
        self.table[:, IDS["eos"]] = 0.0  # what the table does not say ends
        for word, nexts in table.items():
            assert abs(sum(nexts.values()) - 1) < 1e-6, f"the probabilities after {word!r} must sum to 1"
            self.table[self.words.index(word)] = [np.log(nexts[w]) if w in nexts else -np.inf for w in self.words]
        self.rows_stepped: list[int] = []

    def start(self, batch: int) -> dict:
        return {"steps": np.zeros((batch, 1), np.float32)}

    def step(self, token_ids, state):
        self.rows_stepped.append(int(token_ids.shape[0] or 0))
        return ops.take(self.table, token_ids, axis=0), {"steps": state["steps"] + 1}

    def ids(self, sentence: str) -> list[int]:
        return [self.words.index(word) for word in sentence.split()]

    def spell(self, ids) -> str:
        return " ".join(self.words[int(i)] for i in ids if i != IDS["pad"])


def next_words(table) -> TableDecoder:
    return TableDecoder(table)


def search(decoder: TableDecoder, limit: int = 10, batch: int = 1, **options) -> list[list[tuple[str, float, float]]]:
    """For each sentence its hypotheses, best first: (words, score, normalised score)."""
    found = graph.search(
        decoder,
        decoder.start(batch),
        np.full(batch, limit, np.int32),
        SearchOptions(max_length=limit, **options),
        IDS,
    )
    return [
        [
            (decoder.spell(tokens), float(score), float(normalized))
            for tokens, score, normalized in zip(*rows, strict=True)
            if np.isfinite(score)
        ]
        for rows in zip(*(np.asarray(found[name]) for name in ("tokens", "scores", "normalized")), strict=True)
    ]


def translate(decoder: TableDecoder, **options) -> str:
    """The best hypothesis without its end."""
    return search(decoder, **options)[0][0][0].removesuffix(END).strip()


def trace(decoder: TableDecoder, limit: int = 10, prefix: str = "", uniforms=None, **options) -> dict:
    """The same search by the driver that writes a trace."""
    settings = SearchOptions(max_length=limit, **options)
    return walk.search(decoder, decoder.start(1), limit, settings, IDS, decoder.ids(prefix), uniforms)
