"""How large is a SavedModel, how long does it take to load, and to answer?

    python -m apps.translation export --model de-en --output exported/de-en
    python -m benchmarks.savedmodel exported/de-en --input sentences.de

It uses what any server would: TensorFlow and TensorFlow Text, nothing of this project. Times are medians, the shortest
beside them, since a neighbour on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

MIB = 2**20


def main() -> int:
    """Measures, and prints one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a SavedModel of an application that reads text")
    parser.add_argument("--input", type=Path, required=True, help="texts, one a line; at least as many as --batch")
    parser.add_argument("--batch", type=int, default=64, help="size of the large batch (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=40, help="single texts to time (default: %(default)s)")
    args = parser.parse_args()
    texts = args.input.read_text(encoding="utf-8").splitlines()
    if len(texts) < args.batch:
        parser.error(f"{args.input} has {len(texts)} lines; {args.batch} are needed.")

    start = time.perf_counter()
    import tensorflow as tf
    import tensorflow_text  # noqa: F401 (registers the tokenizer's operations)

    imported = time.perf_counter()
    model = tf.saved_model.load(str(args.folder))
    loaded = time.perf_counter()
    default, search = model.signatures["serving_default"], model.signatures["search"]
    default(text=tf.constant(texts[:1]))
    first = time.perf_counter()

    def ask(beam_size: int, number: int) -> None:
        scalars = {"beam_size": tf.constant(beam_size), "length_penalty": tf.constant(1.0), "n_best": tf.constant(1)}
        search(text=tf.constant([texts[number % len(texts)]]), **scalars)

    size = sum(path.stat().st_size for path in args.folder.rglob("*") if path.is_file())
    print(f"size                       {size / MIB:.1f} MiB")
    print(f"import of TensorFlow       {imported - start:.1f} s")
    print(f"load                       {loaded - imported:.2f} s")
    print(f"first answer               {first - loaded:.2f} s")
    many = tf.constant(texts[: args.batch])
    one = [tf.constant([text]) for text in texts]
    print(f"serving_default, 1 text    {timed(lambda number: default(text=one[number % len(one)]), args.rounds)}")
    print(f"search, beam 5, 1 text     {timed(lambda number: ask(5, number), args.rounds)}")
    print(f"search, beam 1, 1 text     {timed(lambda number: ask(1, number), args.rounds)}")
    print(f"serving_default, {args.batch:<3} texts {timed(lambda _: default(text=many), 5)}")
    print(f"peak memory                {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 0


def timed(function: Callable[[int], object], rounds: int) -> str:
    """The median time and the shortest, after one call that does not count."""
    function(0)
    times = []
    for number in range(rounds):
        start = time.perf_counter()
        function(number)
        times.append(1000 * (time.perf_counter() - start))
    return f"{statistics.median(times):.1f} ms (shortest {min(times):.1f})"


if __name__ == "__main__":
    sys.exit(main())
