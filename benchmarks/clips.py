"""Clips as users have them: time and memory from a file to its caption.

    python -m benchmarks.clips [--model NAME] [--only NAME …] [--rounds N] [--report FILE.json]

Clips are made here of scikit-image's photos by a moving camera: ten seconds at 640 × 360, 4K, an hour at few bits, a
hundred thousand frames. Each is opened in a process of its own; "decoder" is the most memory that the decoder held,
which is another process still. Then the same clip is captioned by a model that is warm.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import measuring

OPEN = """
import json, resource, sys, time
from data.clips import open_clip
began = time.perf_counter()
clip = open_clip(sys.argv[1])
seconds = time.perf_counter() - began
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({"seconds": seconds, "frames": len(clip.frames), "length": clip.seconds, "notices": clip.notices,
    "peak": unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}))
"""


def _moving(seconds: float, rate: int, size: tuple[int, int]) -> Iterator[Any]:
    from apps.video_captioning.samples import folder
    from data.made_clips import camera
    from data.photos import open_photo

    place = folder()
    if place is None:
        raise SystemExit("The clips are made of scikit-image's photos: pip install scikit-image")
    photos = [open_photo(place / name).image for name in ("motorcycle_left.png", "chelsea.png")]
    return camera(photos, seconds, rate, size)


def _again(frames: Iterator[Any], count: int) -> Iterator[Any]:
    return itertools.islice(itertools.cycle(list(frames)), count)


def clips() -> dict[str, Callable[[], bytes]]:
    """What makes each clip, by its name."""
    from data.made_clips import encode

    return {
        "10 s, 640 × 360": lambda: encode(_moving(10, 25, (640, 360)), 25),
        "10 s, 4K": lambda: encode(_again(_moving(2, 10, (3840, 2160)), 250), 25, bit_rate=20_000_000),
        "one hour": lambda: encode(_again(_moving(8, 5, (160, 120)), 3600 * 5), 5, bit_rate=20_000),
        "100,000 frames": lambda: encode(_again(_moving(8, 25, (64, 48)), 100_000), 25, bit_rate=10_000),
    }


def opened(path: Path) -> dict[str, Any]:
    """How a clip is opened in a new process; see `OPEN`."""
    done = measuring.watched([sys.executable, "-c", OPEN, str(path)])
    if done["rc"]:
        raise SystemExit(done["err"])
    return {**json.loads(done["out"]), "own_peak": done["peak"]}


def captioned(captioner: Any, path: Path, rounds: int) -> dict[str, Any]:
    """Seconds from the file to the caption, warm, by the clock and of the processors: the medians of `rounds`."""
    (first,) = captioner.predict([path])
    took, used = [], []
    for _ in range(rounds):
        began, before = time.perf_counter(), sum(os.times()[:4])
        captioner.predict([path])
        took.append(time.perf_counter() - began)
        used.append(sum(os.times()[:4]) - before)
    said = getattr(first, "caption", "") or getattr(first, "error", "")
    return {"whole": statistics.median(took), "cpu": statistics.median(used), "caption": said}


def main() -> int:
    """Makes the clips, measures and prints a table; 1 where the ten seconds take three or more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="msrvtt", help="a model folder or a shipped one (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=list(clips()), help="some of the clips")
    parser.add_argument("--rounds", type=int, default=3, help="captionings of each (default: %(default)s)")
    parser.add_argument("--report", type=Path, help="write everything as JSON")
    args = parser.parse_args()
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for number, (name, make) in enumerate(clips().items()):
            if args.only is None or name in args.only:
                paths[name] = Path(folder) / f"{number}.mp4"
                paths[name].write_bytes(make())
                rows[name] = {"bytes": paths[name].stat().st_size, **opened(paths[name])}
        from apps.video_captioning.task import VideoCaptioningTask
        from serving import store

        captioner = VideoCaptioningTask().open(store.resolve(args.model, "video_captioning"))
        for name, path in paths.items():
            rows[name] |= captioned(captioner, path, args.rounds)
    facts = measuring.machine()
    print(measuring.headline(facts, facts["cores"]))
    print(f"{'':18}{'MB':>7}{'decoding':>10}{'decoder':>10}{'to caption':>12}{'of CPU':>9}  caption")
    for name, row in rows.items():
        print(
            f"{name:18}{row['bytes'] / 1e6:7.1f}{row['seconds']:8.2f} s{row['peak'] / 2**20:6.0f} MiB"
            f"{row['whole']:10.2f} s{row['cpu']:7.2f} s  {row['caption']} {' '.join(row['notices'])}"
        )
    measuring.write_report(args.report, {**facts, "clips": rows})
    return 0 if rows.get("10 s, 640 × 360", {"whole": 0})["whole"] < 3 else 1


if __name__ == "__main__":
    sys.exit(main())
