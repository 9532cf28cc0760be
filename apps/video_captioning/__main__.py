"""`python -m apps.video_captioning COMMAND`."""

import sys

from apps.shared.commands import main
from apps.video_captioning.task import VideoCaptioningTask

if __name__ == "__main__":
    sys.exit(main(VideoCaptioningTask()))
