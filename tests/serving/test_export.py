"""The SavedModel: strings in, the predictor's answers out, without a line of this project."""

import gc
import json
import os
import re
import subprocess
import sys
import unicodedata
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from apps.translation.predictor import IDS
from data.tokenizers.special import BOS_ID, EOS_ID, PAD_ID
from models.decoding.options import GraphSearchOptions, SearchOptions

ROOT = Path(__file__).resolve().parents[2]
GERMAN = [
    "Ein Hund rennt am Strand.",
    "Zwei Männer spielen Fußball im Park.",
    "Eine Frau liest ein Buch.",
    "Das Mädchen trägt einen roten Hut.",
    "Kinder spielen im Wasser.",
    "Ein Mann fährt Fahrrad auf der Straße.",
]
ENGLISH = [
    "A dog is running on the beach.",
    "Two men play soccer in the park.",
    "A woman is reading a book.",
    "The girl is wearing a red hat.",
    "Children play in the water.",
    "A man rides a bicycle on the street.",
]
AWKWARD = [
    *GERMAN,
    "",
    "   ",
    "\u2003\u00a0\n",
    "\x00\u200b",
    unicodedata.normalize("NFD", "Das Mädchen trägt einen Hut."),
    "Das Mäd\u00adchen\tträgt\r\neinen\x00 \u202eHut.\u2029",
    "日本語 🙂 \u0645\u0631\u062d\u0628\u0627",
    "ﬁn ① Ⅷ ．",
    "Hund " * 60,
    "x",
]


@pytest.fixture(scope="module")
def translator():
    """A tiny translator with weights wild enough for its answers to differ, and for some to end early."""
    import keras

    from apps.translation import network
    from apps.translation.predictor import Translator
    from apps.translation.recipe import TranslationRecipe
    from data.tokenizers.subwords import SubwordTokenizer

    keras.utils.set_random_seed(3)
    recipe = TranslationRecipe(
        embedding_size=8, encoder_size=6, decoder_size=10, decoder_layers=2, max_source_length=30, length_penalty=0.7
    )
    source, target = SubwordTokenizer.train(GERMAN, 60), SubwordTokenizer.train(ENGLISH, 60)
    model = network.build(recipe, source.size, target.size)
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(len(variable.path)).normal(scale=0.7, size=variable.shape))
    bias = np.zeros(target.size, np.float32)
    bias[EOS_ID], bias[[PAD_ID, BOS_ID]] = 0.5, -9
    model.decoder.output_bias.assign(bias)
    return Translator(model, recipe, source, target, name="tiny")


@pytest.fixture(scope="module")
def exported(translator, tmp_path_factory):
    from apps.translation.task import TranslationTask

    folder = tmp_path_factory.mktemp("exported") / "model"
    TranslationTask().export(translator, folder)
    return folder


@pytest.fixture(scope="module")
def loaded(exported):
    """The SavedModel, and nothing to complain about while it loads."""
    import tensorflow as tf

    return tf.saved_model.load(str(exported))


def strings(tensor):
    return np.vectorize(bytes.decode, otypes=[object])(np.asarray(tensor)).tolist()


def ask(loaded, texts, beam_size, length_penalty, n_best):
    import tensorflow as tf

    return loaded.signatures["search"](
        text=tf.constant(texts, tf.string),
        beam_size=tf.constant(beam_size),
        length_penalty=tf.constant(length_penalty, tf.float32),
        n_best=tf.constant(n_best),
    )


def test_the_tiny_translator_is_worth_comparing_with(translator):
    answers = translator.predict(AWKWARD)
    lengths = {len(translator.target.encode(answer.translation)) for answer in answers}
    assert len({answer.translation for answer in answers}) > 5 and len(lengths) > 3


def test_serving_default_gives_what_predict_gives(translator, loaded):
    import tensorflow as tf

    found = loaded.signatures["serving_default"](text=tf.constant(AWKWARD))
    expected = translator.predict(AWKWARD)
    assert strings(found["translation"]) == [answer.translation for answer in expected]
    np.testing.assert_allclose(found["score"], [answer.score for answer in expected], atol=1e-4)
    np.testing.assert_allclose(found["normalized"], [answer.normalized for answer in expected], atol=1e-5)


@pytest.mark.parametrize(("beam_size", "length_penalty", "n_best"), [(1, 1.0, 1), (4, 0.0, 4), (7, 1.3, 3)])
def test_search_gives_the_n_best_of_predict(translator, loaded, beam_size, length_penalty, n_best):
    texts = [text for text in AWKWARD if translator.read(text)[0] is not None]
    options = SearchOptions(beam_size=beam_size, length_penalty=length_penalty, n_best=n_best)
    found = ask(loaded, texts, beam_size, length_penalty, n_best)
    for row, answer in enumerate(translator.predict(texts, options)):
        hypotheses = answer.n_best or (answer,)
        assert strings(found["translations"])[row] == [one.translation for one in hypotheses]
        np.testing.assert_allclose(found["scores"][row], [one.score for one in hypotheses], atol=1e-4)
        np.testing.assert_allclose(found["normalized"][row], [one.normalized for one in hypotheses], atol=1e-5)
    assert np.asarray(found["found"]).tolist() == [n_best] * len(texts)


def test_blank_texts_get_the_empty_answer_and_score_zero(loaded):
    found = ask(loaded, ["", " \u3000", GERMAN[0]], 3, 1.0, 2)
    assert strings(found["translations"])[:2] == [["", ""], ["", ""]]
    assert np.asarray(found["scores"])[:2].tolist() == [[0, 0], [0, 0]]
    assert np.asarray(found["found"]).tolist() == [0, 0, 2]


def test_a_batch_of_no_texts_is_refused_with_a_message(loaded):
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one input"):
        loaded.signatures["serving_default"](text=tf.constant([], tf.string))


def test_text_that_is_not_utf8_is_answered(loaded):
    import tensorflow as tf

    found = loaded.signatures["serving_default"](text=tf.constant([b"\xff\xfe Hund", GERMAN[0].encode()]))
    alone = loaded.signatures["serving_default"](text=tf.constant([GERMAN[0]]))
    assert strings(found["translation"])[1] == strings(alone["translation"])[0]


def test_the_length_limit_is_the_predictors(translator, loaded):
    import tensorflow as tf

    texts = ["x", GERMAN[0], "Hund " * 60]
    limits = loaded.signatures["encode"](text=tf.constant(texts))["limit"]
    search = translator.default_search()
    assert np.asarray(limits).tolist() == [translator.limit(translator.read(text)[0], search) for text in texts]


def test_beam_sizes_known_only_in_the_graph_give_what_fixed_ones_give(translator):
    from models import backend
    from models.decoding import graph

    decoder = translator.model.decoder

    def run(summary, limits, options):
        return graph.search(decoder, decoder.start({"summary": summary}), limits, options, IDS)

    open_search = backend.compiled(
        lambda summary, limits, beam_size, length_penalty: run(
            summary, limits, GraphSearchOptions(beam_size=beam_size, length_penalty=length_penalty, max_length=9)
        ),
        [((None, 24), "float32"), ((None,), "int32"), ((), "int32"), ((), "float32")],
    )
    summary = np.random.default_rng(0).normal(scale=2, size=(4, 24)).astype(np.float32)
    limits = np.array([9, 5, 7, 9], np.int32)
    for beam_size, length_penalty in ((1, 1.0), (2, 0.0), (5, 0.8), (translator.target.size + 3, 1.0)):
        options = SearchOptions(beam_size=beam_size, length_penalty=length_penalty, max_length=9)
        fixed, found = run(summary, limits, options), open_search(summary, limits, beam_size, length_penalty)
        for name in ("tokens", "lengths", "finished"):
            np.testing.assert_array_equal(found[name], fixed[name])
        for name in ("scores", "normalized"):
            np.testing.assert_allclose(found[name], fixed[name], atol=1e-5)


@pytest.mark.parametrize(
    ("beam_size", "length_penalty", "n_best", "message"),
    [
        (0, 1.0, 1, "beam_size must be at least 1"),
        (101, 1.0, 1, "beam_size must be at most 100"),
        (2, 1.0, 3, "n_best must be at most beam_size"),
        (2, 1.0, 0, "n_best must be at least 1"),
        (2, -1.0, 1, "length_penalty must be at least 0"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(loaded, beam_size, length_penalty, n_best, message):
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        ask(loaded, GERMAN[:1], beam_size, length_penalty, n_best)


def test_encode_step_and_detokenize_make_a_greedy_search(translator, loaded):
    import tensorflow as tf

    encoded = loaded.signatures["encode"](text=tf.constant(GERMAN[1:2]))
    state = {name: value for name, value in encoded.items() if name.startswith("state_")}
    assert encoded["summary"].shape == (1, 24)
    tokens, score = [BOS_ID], 0.0
    while len(tokens) <= int(encoded["limit"][0]) and tokens[-1] != EOS_ID:
        out = loaded.signatures["step"](token_ids=tf.constant(tokens[-1:]), **state)
        log_probs = tf.nn.log_softmax(out.pop("logits")).numpy()[0]
        tokens.append(int(log_probs.argmax()))
        score += log_probs.max()
        state = out
    [expected] = translator.predict(GERMAN[1:2], SearchOptions(beam_size=1))
    text = loaded.signatures["detokenize"](token_ids=tf.constant([tokens]))["text"]
    assert strings(text) == [expected.translation]
    assert score == pytest.approx(expected.score, abs=1e-4)


def test_models_in_one_process_keep_their_own_subwords(tmp_path):
    import tensorflow as tf

    from data.tokenizers.subwords import SubwordTokenizer
    from serving.signatures.text import SubwordWriter

    def reload(tokenizer):
        module = SubwordWriter(tokenizer.model)
        module.spell = tf.function(module, input_signature=[tf.TensorSpec((None, None), tf.int32)], autograph=False)
        tf.saved_model.save(module, str(tmp_path / "saved"))
        return tf.saved_model.load(str(tmp_path / "saved"))

    tokenizers = [SubwordTokenizer.train(lines, 60) for lines in (GERMAN, ENGLISH)]
    first, second, second_again = (reload(tokenizers[number]) for number in (0, 1, 1))
    ids = [list(range(4, 20))]
    texts = [strings(one.spell(tf.constant(ids)))[0] for one in (first, second, second_again)]
    assert texts == [tokenizers[number].decode(ids[0]) for number in (0, 1, 1)]
    del second
    gc.collect()
    assert strings(second_again.spell(tf.constant(ids)))[0] == texts[2]


def test_it_loads_in_a_process_that_knows_nothing_of_this_project(translator, exported, tmp_path):
    program = f"""
import importlib.util, json, sys
for name in ("apps", "data", "models", "serving"):
    assert importlib.util.find_spec(name) is None, name
import tensorflow as tf, tensorflow_text
texts = tf.constant({AWKWARD!r})
model = tf.saved_model.load({str(exported)!r})
first = model.signatures["serving_default"](text=texts)
assert "tensorflow_hub" not in sys.modules and "sentencepiece" not in sys.modules
import tensorflow_hub
second = tensorflow_hub.load({str(exported)!r})(texts)
answers = [[text.decode() for text in found["translation"].numpy()] for found in (first, second)]
print(json.dumps([answers, first["score"].numpy().tolist()]))
"""
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    answers, scores = json.loads(done.stdout.splitlines()[-1])
    expected = translator.predict(AWKWARD)
    assert answers == [[answer.translation for answer in expected]] * 2
    np.testing.assert_allclose(scores, [answer.score for answer in expected], atol=1e-4)


def test_the_page_beside_it_names_every_input_and_output(exported, loaded):
    page = (exported / "signatures.md").read_text(encoding="utf-8")
    for name, function in loaded.signatures.items():
        assert f"### {name}\n" in page
        for key in (*function.structured_input_signature[1], *function.structured_outputs):
            assert re.search(rf"\| `{key}` \| \w+ \| \([^|]*\) \| [^|]+ \|", page), key
    assert "What differs from `predict`" in page and "not run here" in page


def test_the_page_gives_requests_that_work(exported, loaded, translator):
    from tests.serving.rest import predict

    page = (exported / "signatures.md").read_text(encoding="utf-8")
    requests = [json.loads(body) for body in re.findall(r"^curl .* -d '(.*)'$", page, re.MULTILINE)]
    assert len(requests) == 2
    [answer] = predict(loaded, requests[0])["predictions"]
    assert answer["translation"] == translator.predict(requests[0]["instances"])[0].translation
    assert len(predict(loaded, requests[1])["outputs"]["translations"][0]) == 3


def test_rest_speaks_rows_and_columns_and_refuses_with_a_message(loaded, translator):
    from tests.serving.rest import serving

    def post(body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/models/translator:predict", json.dumps(body).encode()
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    settings = {"beam_size": 3, "length_penalty": 1.0, "n_best": 2}
    with serving(loaded, "translator") as port:
        rows = post({"instances": [{"text": GERMAN[0]}, {"text": ""}]})["predictions"]
        columns = post({"signature_name": "search", "inputs": {"text": GERMAN[:2], **settings}})["outputs"]
        with pytest.raises(urllib.error.HTTPError) as refused:
            post({"signature_name": "search", "inputs": {"text": GERMAN[:2], **settings, "n_best": 9}})
        assert refused.value.code == 400 and "n_best must be at most beam_size" in json.load(refused.value)["error"]
    [expected] = translator.predict(GERMAN[:1])
    assert rows[0]["translation"] == expected.translation and rows[1] == {
        "translation": "",
        "score": 0.0,
        "normalized": 0.0,
    }
    best = translator.predict(GERMAN[:2], SearchOptions(**settings))
    assert columns["translations"] == [[one.translation for one in answer.n_best] for answer in best]


def test_the_clients_in_the_documentation_work(exported, loaded, capsys):
    from tests.serving.rest import serving

    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 3
    names: dict = {}
    with serving(loaded, "translator") as port:
        for block in blocks:
            block = block.replace("exported/de-en", str(exported)).replace("localhost:8501", f"127.0.0.1:{port}")
            exec(compile(block, "docs/serving.md", "exec"), names)
    assert len(capsys.readouterr().out.splitlines()) >= 3


def test_another_engine_than_tensorflow_is_told_so(translator, tmp_path, monkeypatch):
    import keras

    from serving import export

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND"):
        export.save(tmp_path, None, "tiny", {"text": ["x"]})


def test_a_full_disk_is_an_oserror(translator, tmp_path, monkeypatch):
    import tensorflow as tf

    from apps.translation.task import TranslationTask

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(OSError, match="No space left"):
        TranslationTask().export(translator, tmp_path / "model")
