"""`python -m apps.sentiment COMMAND`."""

import sys

from apps.sentiment.task import SentimentTask
from apps.shared.commands import main

if __name__ == "__main__":
    sys.exit(main(SentimentTask()))
