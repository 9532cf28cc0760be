"""`python -m apps.word_vectors COMMAND`."""

import sys

from apps.shared.commands import main
from apps.word_vectors.task import WordVectorsTask

if __name__ == "__main__":
    sys.exit(main(WordVectorsTask()))
