"""`python -m apps.image_captioning COMMAND`."""

import sys

from apps.image_captioning.task import ImageCaptioningTask
from apps.shared.commands import main

if __name__ == "__main__":
    sys.exit(main(ImageCaptioningTask()))
