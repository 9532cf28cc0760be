"""Decodes one clip in a process of its own: `data.clips` starts it, and stops it where it takes too long.

It knows nothing of the rest: a path, a container format and limits come in as JSON; a JSON line and the frames' bytes
go out on standard output. What a damaged clip does to a decoder then happens here alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import av
import numpy as np

LONG = 60.0
"""Seconds from which on frames are sought rather than all decoded."""
FRAMES_PER_SEEK = 300
MAX_PIXELS = 36 * 10**6


class Unreadable(Exception):
    """The clip cannot be used; the message is for the user."""


def main() -> None:
    """Reads the job from the first argument and writes the answer to standard output."""
    job = json.loads(sys.argv[1])
    _limit(job["memory"], job["processor_seconds"])
    av.logging.set_level(av.logging.PANIC)
    frames = b""
    try:
        answer, frames = decode(job)
    except Unreadable as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "The clip needs more memory than a decoder is given here. Make it smaller."}
    except (av.error.FFmpegError, OSError, ValueError, RuntimeError, IndexError):
        answer = {"error": "The clip is damaged or cut off: nothing of it can be decoded."}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.write(frames)
    sys.stdout.buffer.flush()


def _limit(memory: int, processor_seconds: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (processor_seconds, processor_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # a system without such limits; the parent still watches the clock


def decode(job: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Opens the clip and keeps up to `job["frames"]` frames, evenly over what can be decoded.

    Returns:
        `times` in seconds, `height`, `width`, `seconds`, `notices`; and the frames, uint8 RGB, one after another.
    """
    # The format is given and never guessed, and no other protocol is open: a playlist or a reference reads nothing.
    options = {"protocol_whitelist": "file", "format_whitelist": job["format_names"]}
    with av.open(job["path"], format=job["format"], options=options) as container:
        stream, notices = _video_stream(container)
        reader = _Reader(container, stream, job)
        kept, seconds = reader.seek() if reader.told > LONG else ([], 0.0)
        if len(kept) < min(4, job["frames"]):
            kept, seconds = reader.stream_through()
    if not kept:
        raise Unreadable("No frame of this clip can be decoded.")
    kept = _evenly(kept, seconds, job["frames"])
    notices += reader.notices(seconds)
    pixels = np.stack([frame for _, frame in kept])
    answer = {
        "times": [round(at, 3) for at, _ in kept],
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "seconds": round(seconds, 3),
        "notices": notices,
    }
    return answer, pixels.tobytes()


def _video_stream(container) -> tuple[Any, list[str]]:
    pictures = [one for one in container.streams.video if "ATTACHED_PIC" not in str(one.disposition).upper()]
    if not pictures:
        raise Unreadable("There are no pictures in this file: it has sound alone, or nothing.")
    stream = container.streams.best("video")
    stream = stream if stream in pictures else pictures[0]
    context = stream.codec_context
    if context is None:
        raise Unreadable("The pictures of this clip are coded in a way that is not known here.")
    _check_size(context.width, context.height)
    stream.thread_type, context.thread_count = "AUTO", 2
    notices = [f"It has {len(pictures)} video streams; the main one was read."] if len(pictures) > 1 else []
    return stream, notices


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Unreadable(
            f"Its pictures have {width:,} × {height:,} pixels; the limit is {MAX_PIXELS / 1e6:.0f} megapixels."
        )
    if width and height and (min(width, height) < 16 or max(width, height) > 20 * min(width, height)):
        raise Unreadable(f"Its pictures have {width:,} × {height:,} pixels: too small, or too narrow.")


class _Reader:
    """Frames of one stream, small, RGB and upright, within a time limit.

    Attributes:
        told: seconds that the file says it has, 0 where it does not say.
    """

    def __init__(self, container, stream, job: dict[str, Any]):
        self.container, self.stream, self.job = container, stream, job
        self.ends = time.monotonic() + job["seconds"]
        self.late = self.damaged = False
        self.shape: tuple[int, int] | None = None
        self.start = float((stream.start_time or 0) * stream.time_base) if stream.time_base else 0.0
        told = 0.0
        if stream.duration and stream.time_base:
            told = float(stream.duration * stream.time_base)
        elif container.duration:
            told = container.duration / av.time_base
        self.told = told if 0 < told < 7 * 86400 else 0.0

    def notices(self, seconds: float) -> list[str]:
        """What the user should know of how it went."""
        if self.late:
            return [f"Decoding took over {self.job['seconds']:g} s; the caption is of what was decoded by then."]
        if self.told > seconds + 1 and seconds < 0.9 * self.told:
            return [
                f"The clip says {self.told:.1f} s and can be decoded up to {seconds:.1f} s: it is cut off or damaged."
            ]
        return ["Parts of the clip are damaged and were left out."] if self.damaged else []

    def stream_through(self) -> tuple[list[tuple[float, np.ndarray]], float]:
        """Decodes from the start to the end, and keeps every frame, then every second one, every fourth, …

        Returns:
            (seconds, frame) of at most `most` frames, evenly spaced; and how long the clip is.
        """
        most, stride, count, at, step = self.job["most"], 1, 0, 0.0, 0.0
        kept: list[tuple[int, float, np.ndarray]] = []
        self.container.seek(0)
        for frame in self._frames():
            before = at
            at = self._time(frame, count)
            step = max(at - before, 0.0) or step
            if count % stride == 0:
                if len(kept) == most:
                    stride *= 2
                    kept = [one for one in kept if one[0] % stride == 0]
                if count % stride == 0:
                    kept.append((count, at, self._small(frame)))
            count += 1
        return [(when, pixels) for _, when, pixels in kept], at + step if count else 0.0

    def seek(self) -> tuple[list[tuple[float, np.ndarray]], float]:
        """Frames in the middle of equal parts of a long clip, found by jumping there."""
        kept: list[tuple[float, np.ndarray]] = []
        for number in range(self.job["frames"]):
            wanted = (number + 0.5) * self.told / self.job["frames"]
            try:
                self.container.seek(int((wanted + self.start) / self.stream.time_base), stream=self.stream)
            except (av.error.FFmpegError, OverflowError):
                return [], 0.0
            last = None
            for count, frame in enumerate(self._frames()):
                last = frame
                if self._time(frame, 0) >= wanted or count > FRAMES_PER_SEEK:
                    break
            if last is not None:
                at = self._time(last, 0)
                if not kept or at > kept[-1][0]:
                    kept.append((at, self._small(last)))
            if self.late:
                break
        ends = kept[-1][0] if self.late and kept else self.told
        return kept, ends

    def _frames(self) -> Iterator[Any]:
        try:
            for packet in self.container.demux(self.stream):
                try:
                    frames = packet.decode()
                except av.error.FFmpegError:
                    self.damaged, frames = True, []
                for frame in frames:
                    if time.monotonic() > self.ends:
                        self.late = True
                        return
                    yield frame
                if time.monotonic() > self.ends:
                    self.late = True
                    return
        except av.error.FFmpegError:
            self.damaged = True

    def _time(self, frame, count: int) -> float:
        if frame.time is None:
            return count / float(self.stream.average_rate or 25)
        return max(0.0, float(frame.time) - self.start)

    def _small(self, frame) -> np.ndarray:
        _check_size(frame.width, frame.height)
        scale = min(1.0, self.job["side"] / max(frame.width, frame.height))
        width, height = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
        small = frame.reformat(width=width, height=height, format="rgb24", interpolation="BILINEAR")
        pixels = small.to_ndarray()[:height, :width, :3]
        turns = round((getattr(frame, "rotation", 0) or 0) / 90) % 4  # counter-clockwise
        pixels = np.rot90(pixels, turns) if turns else pixels
        self.shape = self.shape or pixels.shape[:2]
        if pixels.shape[:2] != self.shape:  # a stream may change its size midway
            rows = np.linspace(0, pixels.shape[0] - 1, self.shape[0]).round().astype(int)
            columns = np.linspace(0, pixels.shape[1] - 1, self.shape[1]).round().astype(int)
            pixels = pixels[rows][:, columns]
        return np.ascontiguousarray(pixels)


def _evenly(kept: list[tuple[float, np.ndarray]], seconds: float, most: int) -> list[tuple[float, np.ndarray]]:
    """Of the frames kept, those nearest to the middles of `most` equal parts of the clip, each once, in order."""
    if len(kept) <= most:
        return kept
    times = np.array([at for at, _ in kept])
    wanted = (np.arange(most) + 0.5) * seconds / most
    chosen = sorted({int(np.abs(times - at).argmin()) for at in wanted})
    return [kept[number] for number in chosen]
