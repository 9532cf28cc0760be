"""How fast does the translator decode? Against a `model.predict` loop and against PyTorch, in one run.

    python -m benchmarks.decoding --model de-en --data-dir DATA                (under ten minutes)
    python -m benchmarks.decoding --model de-en --sentences 200 --rounds 1     (a look)
    python -m benchmarks.decoding --model de-en --torch-python OTHER/bin/python --report decoding.json

All rows decode the same test sentences with the same weights in float32, from ids to ids, sorted by length, timed in
turn. The peers:

- a loop over `model.predict`, one call a token, as in Keras' sequence-to-sequence example (greedy; at batch 1 on
  `--predict-sentences` sentences, at the equal batch on one batch; their times are scaled to all sentences by the
  number of tokens);
- PyTorch: an encoder and a decoder of `nn.LSTM` with the context joined to the input at every step, and our beam search
  written batched; a second row computes the cell by hand, with the context's product taken once a sentence as ours is,
  which is the best that PyTorch can do here without a layer of its own.

PyTorch must find the same translations with the same scores, else the run fails: it would be another search.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks import measuring

SPLIT = "test_2016_flickr"


def main() -> int:
    """Measures and prints a table; 1 where the peers' answers differ."""
    args = parse_arguments()
    measuring.set_threads(args.threads)
    import warnings

    warnings.simplefilter("ignore")
    translator = open_translator(args)
    sentences = read_sentences(translator, args)
    facts = measuring.machine()
    runs, counts = our_runs(translator, sentences, args)
    runs |= predict_runs(translator, sentences, counts, args)
    torch, agreement = None, {}
    if not measuring.TorchProcess.missing(args.torch_python):
        torch = measuring.TorchProcess(args.torch_python, torch_arrays(translator, sentences), args.threads)
        facts |= {name: value for name, value in torch("about").items() if name in ("torch", "parameters")}
        agreement = {beam: compare(translator, torch, sentences, beam, args) for beam in args.beams}
        runs |= torch_runs(torch, translator, sentences, args)
    times = measuring.in_turn(runs, args.rounds)
    if torch:
        torch.close()
    report = {**facts, "sentences": len(sentences), "counts": counts, "agreement": agreement, "times": times}
    measuring.write_report(args.report, report)
    print(table(report, args))
    return 0 if all(one["same"] >= 0.99 for one in agreement.values()) else 1


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    measuring.add_arguments(parser)
    parser.add_argument("--model", default="de-en", help="a model folder or a shipped one (default: %(default)s)")
    parser.add_argument("--run", type=Path, help="the folder of a training run (best.npz) of recipe --model instead")
    parser.add_argument("--sentences", type=int, default=1000, help="of the test set (default: %(default)s)")
    parser.add_argument("--predict-sentences", type=int, default=4, help="at batch 1 (default: %(default)s)")
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5], help="default: %(default)s")
    parser.add_argument("--batch", type=int, default=64, help="the equal batch (default: %(default)s)")
    args = parser.parse_args()
    if args.data_dir is None:
        parser.error("give the folder of corpora with --data-dir, or name it in CARROUSEL_DATA.")
    return args


def open_translator(args) -> Any:
    """The trained model, from a model folder or from a run that has not been finished."""
    from apps.translation.task import TranslationTask

    if args.run is None:
        from apps.shared.commands.opening import find_model, open_model

        return open_model(TranslationTask(), find_model(TranslationTask(), args.model))
    from apps.translation import network
    from apps.translation.corpus import learn_subwords
    from apps.translation.predictor import Translator
    from apps.translation.recipe import RECIPES
    from data.corpora import multi30k
    from training import fit

    recipe = RECIPES[args.model]
    pairs = multi30k.read_pairs(args.data_dir, "train", recipe.source, recipe.target)
    source, target = learn_subwords(pairs, recipe)
    model = network.build(recipe, source.size, target.size)
    fit.load_weights(args.run / "best.npz" if args.run.is_dir() else args.run, model)
    return Translator(model, recipe, source, target, args.model)


def read_sentences(translator, args) -> list[list[int]]:
    """The test sentences as ids, sorted by length; a sample spread over all lengths where not all are wanted."""
    from data.corpora import multi30k

    lines = multi30k.read(args.data_dir, SPLIT, translator.recipe.source)
    encoded = sorted((ids for ids, _ in map(translator.read, lines) if ids), key=len)
    count = min(args.sentences, len(encoded))
    return [encoded[number * len(encoded) // count] for number in range(count)]


def options_of(translator, beam: int):
    """The search that all rows run."""
    from models.decoding.options import SearchOptions

    return SearchOptions(beam_size=beam, length_penalty=translator.recipe.length_penalty)


def decode(translator, sentences, beam: int, batch: int) -> list[tuple[list[int], float]]:
    """Ours: the best hypothesis of every sentence."""
    prepared = translator.searches.prepare() if len(sentences) >= translator.many else None
    search, found = options_of(translator, beam), []
    for at in range(0, len(sentences), batch):
        batch_found = translator.search(sentences[at : at + batch], search, prepared)
        rows = zip(*(batch_found[name][:, 0] for name in ("tokens", "lengths", "scores")), strict=True)
        found += [(tokens[:length].tolist(), float(score)) for tokens, length, score in rows]
    return found


def our_runs(translator, sentences, args) -> tuple[dict, dict]:
    """Our rows, and how many tokens there are to say."""
    runs, counts = {}, {}
    for beam in args.beams:
        counts[f"tokens, beam {beam}"] = sum(len(ids) for ids, _ in decode(translator, sentences, beam, args.batch))
        for batch in batches_of(translator, sentences, beam, args):
            runs[f"carrousel, beam {beam}, batch {batch}"] = lambda beam=beam, batch=batch: decode(
                translator, sentences, beam, batch
            )
    few = every(sentences, args.predict_sentences)
    counts["tokens, one at a time"] = sum(len(ids) for ids, _ in decode(translator, few, 1, 1))
    runs["carrousel, beam 1, one sentence at a time"] = lambda: decode(translator, few, 1, 1)
    return runs, counts


def batches_of(translator, sentences, beam: int, args) -> list[int]:
    """The equal batch that was asked for, and the one that `predict` takes."""
    own = max(1, min(translator.batch_size, translator.most_rows // beam))
    return sorted({min(batch, len(sentences)) for batch in (args.batch, own)})


def every(sentences, count: int) -> list:
    """A sample spread over all lengths."""
    return [sentences[(2 * number + 1) * len(sentences) // (2 * count)] for number in range(count)]


def predict_runs(translator, sentences, counts: dict, args) -> dict:
    """The loop over `model.predict`."""
    one_by_one = [[one] for one in every(sentences, args.predict_sentences)]
    middle = max(0, len(sentences) // 2 - args.batch // 2)
    batch = sentences[middle : middle + args.batch]
    loop = predict_loop(translator)
    counts["tokens, predict at batch 1"] = sum(len(ids) for one in one_by_one for ids in loop(one))
    counts["tokens, predict at the equal batch"] = sum(len(ids) for ids in loop(batch))
    return {
        "model.predict, one sentence at a time": lambda: [loop(one) for one in one_by_one],
        f"model.predict, batch {len(batch)}": lambda: loop(batch),
    }


def predict_loop(translator):
    """Greedy decoding by two Keras models and `predict`, as in Keras' example: sentences → token ids."""
    import keras
    import numpy as np

    from data.batches import pad

    encoder, decoder = translator.model.encoder, translator.model.decoder
    places = keras.tree.map_structure(lambda _: 0, decoder.start(encoder(np.ones((1, 2), np.int32))))

    class Start(keras.Model):
        def call(self, source_ids):
            return keras.tree.flatten(decoder.start(encoder(source_ids)))

    class Step(keras.Model):
        def call(self, inputs):
            token_ids, *state = inputs
            logits, state = decoder.step(token_ids[:, 0], keras.tree.pack_sequence_as(places, state))
            return [logits, *keras.tree.flatten(state)]

    start, step = Start(), Step()

    def run(sentences) -> list[list[int]]:
        limits = np.array([translator.limit(one, options_of(translator, 1)) for one in sentences])
        state = start.predict(pad(sentences), verbose=0, batch_size=len(sentences))
        last, said = np.full((len(sentences), 1), 2, np.int32), []
        finished = np.zeros(len(sentences), bool)
        while not finished.all():
            logits, *state = step.predict([last, *state], verbose=0, batch_size=len(sentences))
            last = np.where(finished, 0, np.argmax(logits, axis=-1)).astype(np.int32)[:, None]
            said.append(last[:, 0])
            finished |= (last[:, 0] == 3) | (len(said) >= limits)
        return [[int(token) for token in row if token] for row in np.stack(said, axis=1)]

    return run


def torch_arrays(translator, sentences) -> dict:
    """What PyTorch needs: the weights and the sentences."""
    import numpy as np

    from data.batches import pad

    limits = np.array([translator.limit(one, options_of(translator, 1)) for one in sentences])
    return {**measuring.weights_of(translator.model), "sources": pad(sentences), "limits": limits}


def torch_runs(torch, translator, sentences, args) -> dict:
    """PyTorch's rows."""
    runs = {}
    for beam in args.beams:
        for batch in batches_of(translator, sentences, beam, args):
            for name, by_hand in (("nn.LSTM", False), ("cell by hand", True)):
                runs[f"torch {name}, beam {beam}, batch {batch}"] = lambda beam=beam, batch=batch, by_hand=by_hand: (
                    torch(
                        "decode",
                        beam=beam,
                        batch=batch,
                        length_penalty=translator.recipe.length_penalty,
                        by_hand=by_hand,
                    )
                )
    return runs


def compare(translator, torch, sentences, beam: int, args) -> dict:
    """How many best hypotheses are the same, and how far apart their scores are."""
    ours = decode(translator, sentences, beam, args.batch)
    settings = {"beam": beam, "batch": args.batch, "length_penalty": translator.recipe.length_penalty}
    theirs = torch("decode", answers=True, **settings)
    same, apart = 0, 0.0
    for (mine, score), row, other in zip(ours, theirs["tokens"], theirs["scores"], strict=True):
        if mine == [token for token in row if token]:
            same, apart = same + 1, max(apart, abs(score - other))
    return {"same": same / len(ours), "largest_difference_of_scores": apart}


def table(report: dict, args) -> str:
    """The medians as text, and the ratios that the README prints."""
    times, counts, total = report["times"], report["counts"], report["sentences"]
    lines = [
        f"Decoding {total:,} sentences, float32. {measuring.headline(report, args.threads)}",
        f"{'':46s}{'seconds':>9s}{'CPU':>8s}{'ms/sentence':>13s}",
    ]
    for name, clocks in times.items():
        wall, cpu = (statistics.median(clocks[clock]) * scale(name, counts) for clock in ("wall", "cpu"))
        lines.append(f"{name:46s}{wall:9.2f}{cpu:8.2f}{1000 * wall / total:13.2f}")
    for beam, one in report["agreement"].items():
        difference = one["largest_difference_of_scores"]
        lines.append(f"beam {beam}: PyTorch says the same in {one['same']:.1%}, scores within {difference:.1e}")
    lines += ["", f"{'how many times faster (median of rounds)':66s}{'wall':>7s}{'CPU':>7s}   floor"]
    lines += [
        f"{text:66s}"
        + "".join(f"{measuring.ratio(times, slow, fast, clock, factor):7.2f}" for clock in ("wall", "cpu"))
        + f"   {floor}"
        for text, slow, fast, factor, floor in ratios(report, args)
    ]
    return "\n".join(lines)


def scale(name: str, counts: dict) -> float:
    """From the tokens that a row said to those of all sentences."""
    said = {
        "model.predict, one sentence at a time": "tokens, predict at batch 1",
        "carrousel, beam 1, one sentence at a time": "tokens, one at a time",
    }.get(name, "tokens, predict at the equal batch" if name.startswith("model.predict") else "")
    return counts["tokens, beam 1"] / counts[said] if said else 1.0


def ratios(report: dict, args) -> list[tuple[str, str, str, float, str]]:
    """(text, slow row, fast row, factor, floor) of every ratio."""
    times, counts, found = report["times"], report["counts"], []

    def add(text: str, slow: str, fast: str, floor: str) -> None:
        if slow in times and fast in times:
            found.append((text, slow, fast, scale(slow, counts) / scale(fast, counts), floor))

    one, equal = "model.predict, one sentence at a time", f"model.predict, batch {args.batch}"
    mine = [name for name in times if name.startswith("carrousel, beam 1, batch")]
    add("greedy, batched, against model.predict at batch 1", one, mine[-1], "50")
    add("greedy, one at a time, against model.predict at batch 1", one, "carrousel, beam 1, one sentence at a time", "")
    add(f"greedy, batch {args.batch}, against model.predict", equal, f"carrousel, beam 1, batch {args.batch}", "5")
    for name in times:
        if name.startswith("carrousel") and ", batch" in name:
            _, rest = name.split(", ", 1)
            add(f"{rest}, against torch nn.LSTM", f"torch nn.LSTM, {rest}", name, "0.9, aim 1.5")
            add(f"{rest}, against torch, cell by hand", f"torch cell by hand, {rest}", name, "")
    return found


if __name__ == "__main__":
    sys.exit(main())
