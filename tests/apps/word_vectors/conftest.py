"""Word vectors whose neighbours and analogies are known, as a model folder."""

from pathlib import Path

import pytest

from apps.word_vectors.recipe import WordVectorsRecipe
from apps.word_vectors.task import WordVectorsOptions, WordVectorsTask

# Two directions, royal and female, and a third for all else.
KNOWN = """\
man 1 0 0.1
woman 1 1 0.1
king 3 0 0.1
queen 3 1 0.1
boy 1.1 0 0.2
apple 0 0 1
pear 0 0.1 1
"""


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    """The vectors above."""
    folder = tmp_path_factory.mktemp("vectors")
    (folder / "known.txt").write_text(KNOWN)
    options = WordVectorsOptions(output=folder / "known", vectors_file=folder / "known.txt")
    return WordVectorsTask().train(WordVectorsRecipe(map_words=5, map_epochs=5), options)


@pytest.fixture(scope="session")
def explorer(model_folder):
    return WordVectorsTask().open(model_folder)
