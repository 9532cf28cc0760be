"""What one core gives: items a core-second, bytes an item, memory, for any application.

    python -m benchmarks.capacity --model translation/de-en --input sentences.de
    python -m benchmarks.capacity --model image_captioning/flickr8k --input photos/

The predictor answers the inputs as `predict` does, in this process, on one thread; seconds are those of the processor
(the decoder of clips, a process of its own, included), so that a busy neighbour costs little of the figure. The first
round does not count. docs/scaling.md is computed from these.

For classifiers and taggers the share of the arithmetic limit is given, too: the time that the multiplications of their
recurrent layers would take at the rate of one large product (256 × 512 by 512 × 2,048) on this processor.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import headline, machine, set_threads, write_report


def main() -> int:
    """Measures one application, and prints a line a figure."""
    options = _options()
    set_threads(1)
    from apps.shared import files
    from apps.shared.commands.opening import find_model, open_model, stored_recipe
    from apps.shared.commands.predict import answers, as_line

    app, _, name = options.model.partition("/")
    task = task_of(app)
    search = task.default_search(stored_recipe(task, ["--model", name])) if task.speaks else None
    began = processor_seconds()
    predictor = open_model(task, find_model(task, name))
    opened = processor_seconds() - began
    items = list(files.items(str(options.input), task.input_kind))[: options.items]
    if not items:
        raise SystemExit(f"There is nothing in {options.input}.")
    read = sum(size_of(item.value) for item in items)
    seconds, written = [], 0
    for number in range(options.rounds + 1):
        began = processor_seconds()
        lines = [as_line(result, True) for _, result in answers(predictor, iter(items), search, predictor.at_once)]
        if number:
            seconds.append(processor_seconds() - began)
        written = sum(map(len, lines))
    best = min(seconds)
    facts, count = machine(), multiplications(app, predictor, [item.value for item in items])
    row = {
        "model": options.model,
        "items": len(items),
        "items_per_core_second": len(items) / best,
        "core_hours_per_million": best / len(items) * 1e6 / 3600,
        "bytes_in": read / len(items),
        "bytes_out": written / len(items),
        "core_seconds_to_open": opened,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "parameters": int(predictor.model.count_params()) if hasattr(predictor, "model") else 0,
    }
    if count:
        rate = products_a_second()
        row |= {"mega_multiplications": count / len(items) / 1e6, "giga_multiplications_per_core_second": rate / 1e9}
        row["share_of_the_arithmetic_limit"] = count / rate / best
    print(headline(facts, 1))
    for key, value in row.items():
        print(f"{key:24} {value if isinstance(value, (str, int)) else format(value, ',.2f')}")
    write_report(options.report, {"machine": facts, "seconds": seconds, **row})
    return 0


def task_of(app: str) -> Any:
    """The task of an application."""
    module = importlib.import_module(f"apps.{app}.task")
    return next(kind for kind in vars(module).values() if isinstance(kind, type) and getattr(kind, "name", "") == app)()


def multiplications(app: str, predictor: Any, texts: list[Any]) -> int:
    """Those of the recurrent layers for real words; 0 for what does more than read words."""
    if app not in ("sentiment", "pos_tagging"):
        return 0
    sizes = {"characters": 0, "words": 0}
    for weight in predictor.model.weights:
        if weight.path.endswith("kernel") and "/cell/" in weight.path:
            sizes["characters" if "/characters/" in weight.path else "words"] += math.prod(weight.shape)
    values = [value for value, _ in map(predictor.read, texts) if value is not None]
    characters = sum(len(word) for value in values for word in value) if app == "pos_tagging" else 0
    return sizes["words"] * sum(map(len, values)) + sizes["characters"] * characters


def products_a_second() -> float:
    """Multiplications a processor second in one large product, the best of ten."""
    import keras
    from keras import ops

    left, right = keras.random.normal((256, 512)), keras.random.normal((512, 2048))
    times = []
    for _ in range(10):
        began = time.process_time()
        for _ in range(10):
            np.asarray(ops.matmul(left, right)[0, 0])
        times.append(time.process_time() - began)
    return 10 * 256 * 512 * 2048 / min(times)


def processor_seconds() -> float:
    """Of this process and of its children that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def size_of(value: str | Path) -> int:
    """Bytes of an input: a line, a file, a folder of frames."""
    if isinstance(value, str):
        return len(value.encode()) + 1
    return sum(path.stat().st_size for path in value.iterdir()) if value.is_dir() else value.stat().st_size


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="APP/NAME of a shipped model")
    parser.add_argument("--input", type=Path, required=True, help="lines, or a folder of photos or clips")
    parser.add_argument("--items", type=int, default=1000, help="of these so many (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="the best counts (default: %(default)s)")
    parser.add_argument("--report", type=Path, help="write all as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
