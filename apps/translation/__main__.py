"""`python -m apps.translation COMMAND`."""

import sys

from apps.shared.commands import main
from apps.translation.task import TranslationTask

if __name__ == "__main__":
    sys.exit(main(TranslationTask()))
