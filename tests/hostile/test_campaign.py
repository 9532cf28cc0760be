"""Hundreds of hostile inputs through every command, page and signature: `pytest -m slow tests/hostile`.

What must hold: no traceback and no hang, the exit codes of the house, one clear line for each bad item and answers for
the others, nothing half-written, memory bounded. The models are those that ship.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from apps.shared.commands import main
from apps.shared.task import Task
from serving import store
from tests.hostile import items

pytestmark = pytest.mark.slow

MOST_SECONDS = 60
"""Of work, for one command."""
MOST_MEMORY = 3 * 2**30
TASKS = {
    "translation": "TranslationTask",
    "sentiment": "SentimentTask",
    "pos_tagging": "TaggingTask",
    "word_vectors": "WordVectorsTask",
    "image_captioning": "ImageCaptioningTask",
    "video_captioning": "VideoCaptioningTask",
}
OPENED: dict[tuple[str, str], object] = {}
TRIED: list[str] = []


class Hang(BaseException):
    """No `except Exception` on the way catches it."""


@contextmanager
def limit(seconds: int = MOST_SECONDS):
    """Raises `Hang` after so many seconds of work, or ten times as many by the clock: other things may be going on."""

    def ring(*_):
        raise Hang(f"over {seconds} s")

    clocks = {signal.ITIMER_PROF: seconds, signal.ITIMER_REAL: 10 * seconds}
    before = [(one, signal.signal(one, ring)) for one in (signal.SIGPROF, signal.SIGALRM)]
    for clock, most in clocks.items():
        signal.setitimer(clock, most)
    try:
        yield
    finally:
        for clock in clocks:
            signal.setitimer(clock, 0)
        for one, handler in before:
            signal.signal(one, handler)


def peaks() -> tuple[int, int]:
    """The most memory so far in bytes, of this process and of the decoders that it started."""
    unit = 1 if sys.platform == "darwin" else 1024
    who = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return tuple(resource.getrusage(one).ru_maxrss * unit for one in who)


@pytest.fixture(scope="module", autouse=True)
def tried():
    """Imports what takes long; says how much was tried, and what it took."""
    import keras  # noqa: F401

    yield
    own, decoders = (peak / 2**20 for peak in peaks())
    print(f"\n{len(TRIED)} hostile inputs; memory at most {own:.0f} MiB, decoders {decoders:.0f} MiB")


@pytest.fixture(autouse=True)
def memory():
    """No test needs more than the models and a little."""
    yield
    own, decoders = peaks()
    assert own < MOST_MEMORY and decoders < MOST_MEMORY, f"{own / 2**20:.0f} MiB, decoders {decoders / 2**20:.0f} MiB"


@pytest.fixture(autouse=True)
def opened_once(monkeypatch):
    """A shipped model is read once for all commands."""
    from apps.shared.commands import evaluate, export, predict

    plain = predict.open_model

    def open_model(task, path, allow_hub=False):
        key = task.name, str(path)
        if not Path(path).is_relative_to(store.PRETRAINED):
            return plain(task, path, allow_hub)
        if key not in OPENED:
            OPENED[key] = plain(task, path, allow_hub)
        return OPENED[key]

    for module in (predict, evaluate, export):
        monkeypatch.setattr(module, "open_model", open_model)


def task_of(name: str) -> Task:
    return getattr(import_module(f"apps.{name}.task"), TASKS[name])()


def run(capsys, name: str, *words) -> tuple[int, str, list[str]]:
    """One command; its exit code, standard output, and the lines on standard error."""
    capsys.readouterr()
    with limit():
        code = main(task_of(name), [str(word) for word in words])
    said = capsys.readouterr()
    assert "Traceback" not in said.err and "--debug shows" not in said.err, said.err
    assert code in (0, 1, 2), code
    assert all(len(line) < 2_000 for line in said.err.splitlines()), said.err[:3_000]
    return code, said.out, said.err.splitlines()


def answered(capsys, name: str, source: Path, count: int, target: Path, *more) -> list[dict]:
    """`predict` on many inputs: one line out an item, each that failed named once."""
    TRIED.extend(f"{name} {source} {number}" for number in range(count))
    code, out, lines = run(capsys, name, "predict", "--input", source, "--output", target, "--json", *more)
    results = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert out == "" and len(results) == count
    failed = [result for result in results if "error" in result]
    assert code == (1 if failed else 0)
    assert lines[-1:] == ([f"{len(failed)} of {count} items failed; the others are done."] if failed else lines[-1:])
    notices = sum(len(result.get("notices", ())) for result in results)
    assert len(lines) == len(failed) + notices + bool(failed)
    return results


def refused(capsys, name: str, source: Path, *words) -> None:
    """A command that must end with 2, one line, and nothing written."""
    TRIED.append(f"{name} {source}")
    code, out, lines = run(capsys, name, *words)
    lines = [line for line in lines if not line.startswith("Features of ")]  # what is being done
    assert (code, out, len(lines)) == (2, "", 1), (source.name, code, out, lines)


@pytest.mark.parametrize("name", ["translation", "sentiment", "pos_tagging", "word_vectors"])
def test_texts(name, tmp_path, capsys):
    content, count = items.text_file()
    (tmp_path / "in.txt").write_bytes(content)
    results = answered(capsys, name, tmp_path / "in.txt", count, tmp_path / "out.jsonl")
    failed = [result["input"][:20] for result in results if "error" in result]
    assert any(one.startswith("w w w") for one in failed) and len(failed) < (count if name == "word_vectors" else 15)


@pytest.mark.parametrize("temperature", ["0", "0.7"])
def test_texts_with_a_prefix_and_a_trace(tmp_path, capsys, temperature):
    for number, (label, text) in enumerate(items.texts().items()):
        if number % 6 == 0:
            TRIED.append(f"prefix {label}")
            trace = tmp_path / f"{number}.json"
            flags = ("--max-length", 6, "--beam-size", 2, "--temperature", temperature, f"--trace={trace}")
            prefix = text.replace("\0", "")[:3_000]
            code, *_ = run(capsys, "translation", "predict", "--text=Ein Hund.", f"--prefix={prefix}", *flags)
            assert code in (0, 2)
            assert trace.exists() == (code == 0)


def test_photos(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    made = items.photos()
    for name, content in made.items():
        (tmp_path / "photos" / name).write_bytes(content)
    results = answered(capsys, "image_captioning", tmp_path / "photos", len(made), tmp_path / "out.jsonl")
    for result in results:
        name = Path(result["input"]).name
        assert not name.startswith("good") or result.get("caption"), (name, result)
        if not name.startswith(("good", "changed", "cut", "crc", "metadata")):
            assert "error" in result, name


def test_clips(tmp_path, capsys):
    (tmp_path / "clips").mkdir()
    items.write_clips(tmp_path / "clips")
    count = len(list((tmp_path / "clips").iterdir()))
    results = answered(capsys, "video_captioning", tmp_path / "clips", count, tmp_path / "out.jsonl")
    for result in results:
        name = Path(result["input"]).name
        assert not name.startswith("good") or result.get("caption"), (name, result)
        assert "secret" not in json.dumps({**result, "input": ""})
        if not name.startswith(("good", "changed", "cut", "index")):
            assert "error" in result, name


def test_frame_features(tmp_path, capsys):
    (tmp_path / "features").mkdir()
    width = task_of("video_captioning").open(store.PRETRAINED / "video_captioning" / "msrvtt").recipe.feature_size
    made = items.features(tmp_path / "marker", width)
    for name, content in made.items():
        (tmp_path / "features" / name).write_bytes(content)
    results = answered(capsys, "video_captioning", tmp_path / "features", len(made), tmp_path / "out.jsonl")
    assert all("error" in result for result in results)
    assert not (tmp_path / "marker").exists()


def files_of(tmp_path: Path, made: dict[str, bytes]) -> list[Path]:
    folder = tmp_path / "given"
    folder.mkdir()
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())


def test_tables(tmp_path, capsys):
    for path in files_of(tmp_path, items.tables()):
        new = tmp_path / "new"
        refused(capsys, "sentiment", path, "train", "--output", new, "--corpus", "file", "--train-file", path)
        assert not new.exists()
        if path.name not in ("one class.csv",):
            refused(capsys, "sentiment", path, "evaluate", "--file", path)


def test_treebanks(tmp_path, capsys):
    for path in files_of(tmp_path, items.treebanks()):
        new = tmp_path / "new"
        refused(capsys, "pos_tagging", path, "train", "--output", new, "--train-file", path, "--dev-file", path)
        assert not new.exists()
        refused(capsys, "pos_tagging", path, "evaluate", "--conllu-file", path)


def test_vectors(tmp_path, capsys):
    table = tmp_path / "reviews.csv"
    table.write_text("text,label\n" + "good film,positive\nbad film,negative\n" * 30)
    for path in files_of(tmp_path, items.vectors(tmp_path / "marker")):
        new = tmp_path / "new"
        refused(capsys, "word_vectors", path, "train", "--output", new, "--vectors-file", path)
        own = ("--corpus", "file", "--train-file", table, "--embeddings", f"glove:{path}")
        refused(capsys, "sentiment", path, "train", "--output", new, *own)
        refused(capsys, "word_vectors", path, "evaluate", "--analogies-file", path, "--similarities-file", path)
        assert not new.exists()
    assert not (tmp_path / "marker").exists()


def test_captions_and_archives_of_photos(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    (tmp_path / "clips").mkdir()
    new = tmp_path / "new"
    for path in files_of(tmp_path, items.captions()):
        own = ("--corpus", "files", "--captions-file", path, "--dev-captions-file", path, "--features", tmp_path / "f")
        refused(capsys, "image_captioning", path, "train", "--output", new, "--photos", tmp_path / "photos", *own)
        own = ("--corpus", "files", "--captions-file", path, "--dev-captions-file", path, "--cache", tmp_path / "f")
        refused(capsys, "video_captioning", path, "train", "--output", new, "--clips", tmp_path / "clips", *own)
        assert not new.exists(), (path, list(new.rglob("*")))
    (tmp_path / "x.csv").write_text("image,caption\nx.png,a photo of x\n")
    (tmp_path / "archives").mkdir()
    for path in items.photo_archives(tmp_path / "archives"):
        own = ("--corpus", "files", "--captions-file", tmp_path / "x.csv", "--dev-captions-file", tmp_path / "x.csv")
        where = ("--photos", path, "--features", tmp_path / "f")
        TRIED.append(str(path))
        code, _, lines = run(capsys, "image_captioning", "train", "--output", new, *own, *where)
        assert code == 2 and len(lines) <= 2 and not new.exists(), (path, code, lines)


def test_archives_of_features(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("file,caption\na,a clip\nclip,a clip\n")
    given = ("--captions-file", tmp_path / "a.csv", "--dev-captions-file", tmp_path / "a.csv")
    for path in files_of(tmp_path, items.feature_archives(tmp_path / "marker")):
        own = ("--corpus", "files", "--image-encoder", "features", "--features", path, *given)
        refused(capsys, "video_captioning", path, "train", "--output", tmp_path / "new", *own)
        assert not (tmp_path / "new").exists()
    assert not (tmp_path / "marker").exists()


def test_pairs_of_sentences(tmp_path, capsys):
    good, new = tmp_path / "good.txt", tmp_path / "new"
    good.write_text("one line\n" * 5)
    made = {
        "empty.txt": b"",
        "blank.txt": b"\n\n\n\n\n",
        "short.txt": b"a\nb\n",
        "latin.txt": b"\xe4\n" * 5,
        "utf16.txt": "a\n".encode("utf-16") * 5,
        "photo.txt": items.photos()["good renamed.png"],
        "bad.txt.gz": b"\x1f\x8b" + b"garbage" * 9,
        "bomb.txt.gz": items.tables()["bomb.csv.gz"],
    }
    for path in files_of(tmp_path, made):
        own = ("--corpus", "files", "--source-file", path, "--target-file", good)
        dev = ("--dev-source-file", good, "--dev-target-file", good)
        refused(capsys, "translation", path, "train", "--output", new, *own, *dev)
        assert not new.exists()
        refused(capsys, "translation", path, "evaluate", "--source-file", good, "--target-file", path)


RUN_RECIPES = ["", "[", "[]", "{}x", '{"a": 1}', '{"units": "x"}', '{"units": 1e9}', "[" * 100_000, '{"epochs": -1}']


def test_runs_to_resume(tmp_path, capsys):
    for number, recipe in enumerate(RUN_RECIPES):
        folder = tmp_path / f"run{number}"
        (folder / "run").mkdir(parents=True)
        (folder / "run" / "recipe.json").write_text(recipe)
        (folder / "run" / "settings.json").write_text('{"task": "sentiment", "seed": 1}')
        refused(capsys, "sentiment", folder, "train", "--output", folder, "--resume")
        (folder / "run").mkdir(exist_ok=True)
        (folder / "run" / "recipe.json").write_text("{}")
        (folder / "run" / "settings.json").write_text(recipe)
        refused(capsys, "sentiment", folder, "train", "--output", folder, "--resume")


WORDS = [
    ("predict",),
    ("predict", "--text"),
    ("predict", "--text", "x", "--beam-size", "-1"),
    ("predict", "--text", "x", "--beam-size", "1e3"),
    ("predict", "--text", "x", "--beam-size", "99999999999"),
    ("predict", "--text", "x", "--max-length", "99999999999"),
    ("predict", "--text", "x", "--temperature", "nan"),
    ("predict", "--text", "x", "--temperature", "inf"),
    ("predict", "--text", "x", "--length-penalty", "nan"),
    ("predict", "--text", "x", "--top-p", "nan"),
    ("predict", "--text", "x", "--top-k", "-5"),
    ("predict", "--text", "x", "--seed", "-5", "--temperature", "1"),
    ("predict", "--text", "x", "--n-best", "9", "--json"),
    ("predict", "--text", "x", "--model", "\0"),
    ("predict", "--text", "x", "--model", "a" * 5_000),
    ("predict", "--text", "x", "--model", "/dev/null"),
    ("predict", "--text", "x", "--model", "../../etc"),
    ("predict", "--input", "\0"),
    ("predict", "--input", "a" * 5_000),
    ("predict", "--input", "/dev"),
    ("predict", "--input", "/proc/self/mem"),
    ("predict", "--text", "x", "--output", "/proc/x"),
    ("predict", "--text", "x", "--output", "a" * 5_000),
    ("predict", "--text", "x", "--trace", "/proc/x/y"),
    ("predict", "--text", "x", "--threads", "-1"),
    ("predict", "--\x1b[2J", "x"),
    ("evaluate", "--split", "../../etc/passwd", "--data-dir", "/dev"),
    ("evaluate", "--data-dir", "\0"),
    ("evaluate", "--data-dir", "a" * 5_000),
    ("export", "--output", "/proc/new"),
    ("export", "--output", "\0"),
    ("train", "--output", "/proc/new"),
    ("train", "--output", "\0"),
    ("train", "--output", "new", "--recipe", "\x1b[2J"),
    ("train", "--output", "new", "--data-dir", "/dev/null"),
    ("train", "--output", "new", "--learning-rate", "nan"),
    ("train", "--output", "new", "--dropout", "inf"),
    ("train", "--output", "new", "--embedding-size", "999999999"),
    ("train", "--output", "new", "--start-from", "\0", "--data-dir", "/dev/null"),
]


@pytest.mark.parametrize("words", WORDS, ids=lambda words: ascii(" ".join(words))[:60])
def test_flags(words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TRIED.append(" ".join(words))
    code, out, lines = run(capsys, "translation", *words)
    assert code == 2 and len(lines) == 1 and out == "", (code, out, lines)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", TASKS)
def test_model_folders(name, tmp_path, capsys):
    from tests.serving.strangers import copied, with_file

    shipped = sorted((store.PRETRAINED / name).iterdir())[0]
    own = {"image": "--image", "video": "--video"}.get(task_of(name).input_kind, "--text")
    (tmp_path / "one.npy").write_bytes(items.features(tmp_path / "m")["nan.npy"])
    given = {"--text": "x", "--image": tmp_path / "one.npy", "--video": tmp_path / "one.npy"}[own]
    whole = copied(shipped, tmp_path / "whole")
    manifest = json.loads((whole / store.MANIFEST).read_text())
    for file in [*manifest["files"], store.MANIFEST]:
        if file in (store.CARD, store.METRICS):
            continue
        before = (whole / file).read_bytes()
        generator = np.random.default_rng(1)
        others = [b"", b"garbage", b"[" * 50_000, before[: len(before) // 2], generator.bytes(5_000)]
        for content in others if file != "treebank.json" else others[:3]:
            if file == store.MANIFEST:
                (whole / file).write_bytes(content)
            else:
                with_file(whole, file, content)
            refused(capsys, name, whole / file, "predict", "--model", whole, own, given)
            (whole / store.MANIFEST).write_text(json.dumps(manifest))
        (whole / file).write_bytes(before)
    assert not (tmp_path / "m").exists()


PAGES = {
    "translation": ["text", "model", "beam_size", "length_penalty", "temperature", "top_k", "top_p", "branch", "step"],
    "sentiment": ["text", "second", "model"],
    "pos_tagging": ["text", "model"],
    "word_vectors": ["model", "word", "analogy"],
    "image_captioning": ["sample", "model", "beam_size", "branch", "step"],
    "video_captioning": ["sample", "model", "beam_size", "branch", "step"],
}
ADDRESSES = [
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "\0\x1b[2J\u202e",
    "9" * 400,
    "nan",
    "e0-0-value-1e9-0~" * 9,
]


@pytest.mark.parametrize("name", PAGES)
def test_addresses_of_pages(name):
    from streamlit.testing.v1 import AppTest

    program = f"from apps.{name}.page import page\npage()\n"
    for value in ADDRESSES:
        TRIED.append(f"page {name} {value}")
        test = AppTest.from_string(program, default_timeout=10 * MOST_SECONDS)
        for field in PAGES[name]:
            test.query_params[field] = value
        with limit(2 * MOST_SECONDS):
            test.run()
        assert not test.exception, (name, value, test.exception)


@pytest.mark.parametrize("name", ["translation", "sentiment", "pos_tagging"])
def test_texts_on_pages(name):
    from streamlit.testing.v1 import AppTest

    test = AppTest.from_string(f"from apps.{name}.page import page\npage()\n", default_timeout=10 * MOST_SECONDS).run()
    for number, (label, text) in enumerate(items.texts().items()):
        if number % 5 == 0 or label in ("too long", "nul", "blank", "long word"):
            TRIED.append(f"page {name} {label}")
            with limit(2 * MOST_SECONDS):
                test.text_area[0].set_value(text).run()
            assert not test.exception, (name, label, test.exception)


@pytest.mark.parametrize("name", ["translation", "sentiment", "pos_tagging", "image_captioning"])
def test_signatures(name, tmp_path, capsys):
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  its operations

    code, *_ = run(capsys, name, "export", "--output", tmp_path / "saved")
    assert code == 0
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    serve = loaded.signatures["serving_default"]
    [key] = serve.structured_input_signature[1]
    if name == "image_captioning":
        given = list(items.photos().values())[8:]  # those of gigapixels are a server's to refuse: see signatures.md
    else:
        given = [line[:20_000] for line in items.text_file()[0].split(b"\n")]
    for one in given:
        TRIED.append(f"signature {name}")
        with limit():
            try:
                answer = serve(**{key: tf.constant([one])})
            except tf.errors.InvalidArgumentError:
                assert name == "image_captioning"  # one that cannot be decoded fails its request, by name
                continue
        for value in answer.values():
            assert value.shape[0] == 1 or value.dtype == tf.string or value.shape.rank != 1
