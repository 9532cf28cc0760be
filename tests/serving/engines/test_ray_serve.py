"""A SavedModel behind Ray Serve: TensorFlow Serving's answers, from several clients at once; overload is refused."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_model(folder: Path) -> Path:
    """A SavedModel that says what it hears: a text "slow" takes its time, a text "bad" is refused."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")], autograph=False)
    def say(text):
        fine = tf.debugging.assert_none_equal(text, "bad", message="No bad words.")
        slow = tf.reduce_any(tf.equal(text, "slow"))
        with tf.control_dependencies([fine]):
            count = tf.while_loop(lambda n: tf.logical_and(slow, n < 150_000), lambda n: (n + 1,), (tf.zeros_like(0),))[
                0
            ]
        with tf.control_dependencies([count]):
            return {"said": tf.strings.join(["=", text]), "length": tf.strings.length(text)}

    module = tf.Module()
    module.say = say
    tf.saved_model.save(module, str(folder), signatures={"serving_default": say})
    return folder


def test_a_model_folder_is_exported_once_and_anew_when_it_changes(tmp_path, monkeypatch):
    from serving import store
    from serving.engines import ray_serve

    exports = []

    def run(command, **_):
        exports.append(command)
        folder = Path(command[command.index("--output") + 1])
        folder.mkdir()
        (folder / "saved_model.pb").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    model = tmp_path / "model"
    model.mkdir()
    (model / store.MANIFEST).write_text("{}")
    first, again = (ray_serve.export_once("translation", model, tmp_path / "cache") for _ in range(2))
    assert first == again
    assert len(exports) == 1
    assert exports[0][2] == "apps.translation"
    assert exports[0][exports[0].index("--model") + 1] == str(model)
    (model / store.MANIFEST).write_text('{"version": 2}')
    assert ray_serve.export_once("translation", model, tmp_path / "cache") != first
    assert len(exports) == 2


def test_an_export_that_fails_gives_its_last_line(tmp_path, monkeypatch):
    from serving import store
    from serving.engines import ray_serve

    (tmp_path / store.MANIFEST).write_text("{}")
    failed = subprocess.CompletedProcess([], 2, "", "Loading\nerror: the weights are damaged.\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(ValueError, match=r"^error: the weights are damaged\.$"):
        ray_serve.export_once("translation", tmp_path, tmp_path / "cache")


def test_a_saved_model_is_asked_with_arrays_and_says_what_it_refuses(tmp_path):
    import numpy as np

    from serving.engines.rest import Refused, TensorSpec
    from serving.engines.saved_model import ServedModel

    with pytest.raises(OSError, match="No SavedModel"):
        ServedModel(tmp_path)
    model = ServedModel(write_model(tmp_path / "model"))
    model.warm()
    assert model.signatures["serving_default"].inputs == {"text": TensorSpec(dtype="string", shape=(None,))}
    assert model.signatures["serving_default"].outputs["length"] == TensorSpec(dtype="int32", shape=(None,))
    found = model("serving_default", {"text": np.array([b"a", b"bc"], object)})
    assert found["said"].tolist() == [b"=a", b"=bc"] and found["length"].tolist() == [1, 2]
    with pytest.raises(Refused, match=r"^No bad words\.$"):
        model("serving_default", {"text": np.array([b"bad"], object)})


def command(*words) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "serving.engines.ray_serve", *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_what_cannot_be_served_ends_with_one_line_and_code_2(tmp_path):
    pytest.importorskip("ray", reason="needs requirements-scale.txt")
    for words, said in (
        (("--saved-model", tmp_path), "There is no SavedModel in"),
        (("--model", "de-en"), "--model takes APP/NAME"),
        (("--model", "translation/xx-yy"), "No model 'xx-yy' for translation"),
        (("--model", "translation/de-en", "--replicas", "0"), "from 1 to 1000"),
    ):
        done = command(*words)
        assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1


class Client:
    """Asks a server."""

    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}/v1/models/echo"

    def __call__(self, *texts, data=None, path=":predict"):
        body = json.dumps({"instances": list(texts)}).encode() if data is None else data
        request = urllib.request.Request(self.url + path, body if path else None)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The command, serving the model; gives the client and the process."""
    pytest.importorskip("ray", reason="needs requirements-scale.txt")
    port = free_port()
    words = ["--saved-model", write_model(tmp_path_factory.mktemp("served") / "echo"), "--port", port]
    words += ["--queue-limit", 6, "--timeout", 20, "--max-rows", 8]
    line = [sys.executable, "-m", "serving.engines.ray_serve", *map(str, words)]
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = process.stdout.readline()
    assert said == f"Serving echo at http://127.0.0.1:{port}/v1/models/echo\n", process.communicate()[1]
    yield Client(port), process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@pytest.mark.slow
def test_it_answers_as_tensorflow_serving_does(served):
    ask, _ = served
    status, answer = ask(path="")
    assert status == 200 and answer["model_version_status"][0]["state"] == "AVAILABLE"
    assert ask("a", {"b64": "YmM="}) == (
        200,
        {"predictions": [{"said": "=a", "length": 1}, {"said": "=bc", "length": 2}]},
    )
    assert ask(data=b'{"inputs": {"text": ["a"]}}') == (200, {"outputs": {"said": ["=a"], "length": [1]}})
    assert ask("bad") == (400, {"error": "No bad words."})
    assert ask(data=b'{"instances"')[0] == 400
    assert ask(*"abcdefghi")[0] == 413
    assert ask(data=b"{}", path="/versions/7:predict")[0] == 404


@pytest.mark.slow
def test_clients_at_once_get_their_own_answers(served):
    ask, _ = served
    texts = [f"client {number % 5} asks {number}" for number in range(200)]
    with ThreadPoolExecutor(5) as clients:
        answers = list(clients.map(ask, texts))
    assert answers == [(200, {"predictions": [{"said": f"={text}", "length": len(text)}]}) for text in texts]


@pytest.mark.slow
def test_overload_is_refused_at_once_and_the_rest_is_answered(served):
    ask, _ = served
    first = threading.Thread(target=ask, args=("slow",))
    first.start()
    time.sleep(0.3)
    began = time.monotonic()
    times = []

    def timed(text):
        status, answer = ask(text)
        times.append((status, time.monotonic() - began))
        return status, answer

    with ThreadPoolExecutor(30) as clients:
        answers = list(clients.map(timed, [f"text {number}" for number in range(30)]))
    first.join()
    refused = [answer for status, answer in answers if status == 503]
    assert len(refused) >= 20 and all("takes no more" in answer["error"] for answer in refused)
    answered = [answer["predictions"][0]["said"] for status, answer in answers if status == 200]
    assert len(answered) == 30 - len(refused) >= 1 and all(text.startswith("=text ") for text in answered)
    assert max(seconds for status, seconds in times if status == 503) < min(
        seconds for status, seconds in times if status == 200
    )


@pytest.mark.slow
def test_ctrl_c_ends_it_and_all_its_processes(served):
    ask, process = served
    assert ask(path="")[0] == 200
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)
    assert process.returncode == 130 and said[1].splitlines()[-1] == "Interrupted: the server has ended."
    with pytest.raises(OSError):
        ask(path="")
    folder = Path("/proc")
    if folder.is_dir():
        time.sleep(1)
        left = [path for path in folder.glob("[0-9]*/stat") if _parent(path) == process.pid]
        assert left == [] and not os.path.exists(f"/proc/{process.pid}/stat")


def _parent(path: Path) -> int:
    try:
        return int(path.read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
