"""`python -m apps.pos_tagging COMMAND`."""

import sys

from apps.pos_tagging.task import TaggingTask
from apps.shared.commands import main

if __name__ == "__main__":
    sys.exit(main(TaggingTask()))
