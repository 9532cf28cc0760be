"""Clips from outside made safe: a container that is known, decoded in a process of its own, a few frames kept.

**The sampling rule**, the same in training and in use: one frame a second, at least 4 and at most 16, each nearest to
the middle of one of as many equal parts of the clip; of a clip over a minute 16, found by jumping there. A folder of
photos is a clip too: all of them in the order of their names, or 16 of them evenly spaced.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data.photos import PhotoRefused, open_photo

MAX_BYTES = 200 * 10**6
DECODE_SECONDS = 20.0
GRACE_SECONDS = 10.0
"""How long a decoder may take after its own clock has run out, before it is ended."""
MAX_MEMORY = 3 * 2**30
MOST_DECODED = 64
SIDE = 320
"""The longer side of the frames kept, in pixels."""
LEAST_FRAMES, MOST_FRAMES, FRAMES_A_SECOND = 4, 16, 1.0
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
SUFFIXES = (".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".gif")

_FORMATS = {
    "mov": "mov,mp4,m4a,3gp,3g2,mj2",
    "avi": "avi",
    "matroska": "matroska,webm",
    "gif": "gif",
    "mpeg": "mpeg",
}
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")
_ROOT = Path(__file__).resolve().parent.parent
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from data.clip_decoder import main; main()"


class ClipRefused(ValueError):
    """A clip that no model is asked about; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A few frames of a clip.

    Attributes:
        frames: uint8 (n, height, width, 3), RGB, upright, in time order; n is at least 1.
        times: seconds, float (n,); the numbers of the frames where a folder has no times.
        seconds: how long the clip is; 0 for a folder of frames.
        notices: what was done to it, one sentence each, for the user to read.
    """

    frames: np.ndarray
    times: np.ndarray
    seconds: float
    notices: tuple[str, ...] = ()


def frames_wanted(seconds: float) -> int:
    """How many frames of a clip are looked at; see the rule above."""
    return min(MOST_FRAMES, max(LEAST_FRAMES, math.ceil(seconds * FRAMES_A_SECOND)))


def squash(frames: np.ndarray, width: int, height: int) -> np.ndarray:
    """Every frame as a whole, its aspect ratio lost, bilinear with antialiasing: uint8 (n, height, width, 3)."""
    looks = [Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR) for frame in frames]
    return np.stack([np.asarray(look, np.uint8) for look in looks])


def is_clip(path: Path) -> bool:
    """Whether a path looks like a clip or a folder of frames, by its name and its contents' names."""
    if path.is_dir():
        return any(inside.suffix.lower() in PHOTO_SUFFIXES for inside in path.iterdir())
    return path.suffix.lower() in SUFFIXES


def open_clip(path: str | Path, decode_seconds: float = DECODE_SECONDS) -> Clip:
    """Reads a few frames of a clip, or of a folder of frames.

    The beginning of the file must be that of a container that is known (mp4 or mov, avi, mkv or webm, gif, mpg),
    whatever its name; decoding then happens in a process of its own with limits of time and memory, which can open this
    one file.

    Args:
        path: the file or folder.
        decode_seconds: after so long, what there is is taken, with a notice.

    Raises:
        ClipRefused: it is no clip, is damaged, or is beyond the limits; the message says which.
        OSError: the file cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        return _open_folder(path)
    form = container_of(path)
    job = {
        "path": f"file:{path.resolve()}",
        "format": form,
        "format_names": _FORMATS[form],
        "frames": MOST_FRAMES,
        "most": MOST_DECODED,
        "side": SIDE,
        "seconds": decode_seconds,
        "memory": MAX_MEMORY,
        "processor_seconds": math.ceil(2 * (decode_seconds + GRACE_SECONDS)),
    }
    answer, content = _run(job, decode_seconds + GRACE_SECONDS)
    return _thinned(_clip(answer, content))


def container_of(path: Path) -> str:
    """The container format by the file's first bytes.

    Raises:
        ClipRefused: it is none that is read, it is empty or too large.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    if not path.is_file() or not size:
        raise ClipRefused("The file is empty.")
    if size > MAX_BYTES:
        raise ClipRefused(f"The file has {size / 1e6:.0f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB. Cut it.")
    with open(path, "rb") as file:
        head = file.read(16)
    if head[4:8] in _BOXES:
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    known = {b"\x1aE\xdf\xa3": "matroska", b"GIF8": "gif", b"\0\0\x01\xba": "mpeg"}
    if head[:4] in known:
        return known[head[:4]]
    raise ClipRefused("This is no clip that can be read. mp4, mov, avi, mkv, webm, gif and mpg can.")


def _run(job: dict, seconds: float) -> tuple[dict, bytes]:
    """Runs the decoder; it is ended when the time is over."""
    command = [sys.executable, "-I", "-c", _START, str(_ROOT), json.dumps(job)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # threads take address space
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ClipRefused(f"The decoder was still busy after {seconds:g} s and was ended.") from error
    head, found, content = done.stdout.partition(b"\n")
    if not found:
        if b"No module named 'av'" in done.stderr:
            raise ClipRefused("Clips are decoded by PyAV, which is not installed: pip install av==18.1.0")
        raise ClipRefused("The decoder broke off on this clip: it is damaged, or needs too much time or memory.")
    answer = json.loads(head)
    if "error" in answer:
        raise ClipRefused(answer["error"])
    return answer, content


def _clip(answer: dict, content: bytes) -> Clip:
    shape = (len(answer["times"]), answer["height"], answer["width"], 3)
    if len(content) != math.prod(shape):
        raise ClipRefused("The decoder broke off on this clip.")
    return Clip(
        frames=np.frombuffer(content, np.uint8).reshape(shape),
        times=np.array(answer["times"], np.float32),
        seconds=float(answer["seconds"]),
        notices=tuple(answer["notices"]),
    )


def _thinned(clip: Clip) -> Clip:
    """The frames that the rule wants."""
    wanted = frames_wanted(clip.seconds)
    if len(clip.frames) <= wanted:
        return clip
    middles = (np.arange(wanted) + 0.5) * clip.seconds / wanted
    chosen = sorted({int(np.abs(clip.times - at).argmin()) for at in middles})
    return Clip(frames=clip.frames[chosen], times=clip.times[chosen], seconds=clip.seconds, notices=clip.notices)


def _open_folder(folder: Path) -> Clip:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file())
    if not found:
        raise ClipRefused(f"There are no frames in this folder: looked for {', '.join(PHOTO_SUFFIXES)}.")
    notices: tuple[str, ...] = ()
    chosen = list(range(len(found)))
    if len(found) > MOST_FRAMES:
        middles = (np.arange(MOST_FRAMES) + 0.5) * len(found) / MOST_FRAMES
        chosen = [int(middle) for middle in middles]
        notices = (f"The folder has {len(found):,} frames; {MOST_FRAMES} of them, evenly spaced, were read.",)
    frames: list[np.ndarray] = []
    for number in chosen:
        try:
            image = open_photo(found[number]).image
        except PhotoRefused as error:
            raise ClipRefused(f"{found[number].name}: {error}") from error
        if not frames:
            scale = min(1.0, SIDE / max(image.size))
            size = (max(2, round(image.size[0] * scale)), max(2, round(image.size[1] * scale)))
        frames.append(np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.uint8))
    times = np.array(chosen, np.float32)
    return Clip(frames=np.stack(frames), times=times, seconds=0.0, notices=notices)
