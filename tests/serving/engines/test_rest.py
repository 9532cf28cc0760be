"""TensorFlow Serving's REST shape: what a client sends becomes tensors, what the model gives becomes JSON."""

import base64
import json

import numpy as np
import pytest

from serving.engines import rest
from serving.engines.rest import Refused, Signature, TensorSpec


def text(*shape):
    return TensorSpec(dtype="string", shape=shape)


def numbers(dtype, *shape):
    return TensorSpec(dtype=dtype, shape=shape)


SIGNATURES = {
    "serving_default": Signature(
        inputs={"text": text(None)}, outputs={"label": text(None), "p": numbers("float32", None)}
    ),
    "search": Signature(
        inputs={"text": text(None), "beam_size": numbers("int32")}, outputs={"texts": text(None, None)}
    ),
    "photo": Signature(inputs={"image_bytes": text(None)}, outputs={"caption": text(None)}),
    "clip": Signature(
        inputs={"frames": numbers("uint8", None, None, 2), "lengths": numbers("int32", None)},
        outputs={"caption": text(None)},
    ),
    "features": Signature(inputs={"x": numbers("float32", None, 2)}, outputs={"y": numbers("float32", None)}),
}


def read(body, **more):
    return rest.read(json.dumps({**body, **more}).encode(), SIGNATURES)


def refusal(body) -> str:
    with pytest.raises(Refused) as refused:
        rest.read(body if isinstance(body, bytes) else json.dumps(body).encode(), SIGNATURES)
    assert refused.value.status == 400
    return str(refused.value)


# Requests


@pytest.mark.parametrize(
    "body",
    [
        {"instances": ["Hund", "Ü"]},
        {"instances": [{"text": "Hund"}, {"text": "Ü"}]},
        {"inputs": ["Hund", "Ü"]},
        {"inputs": {"text": ["Hund", "Ü"]}},
        {"signature_name": "serving_default", "instances": ["Hund", {"b64": base64.b64encode("Ü".encode()).decode()}]},
        {"signature_name": "", "instances": ["Hund", "Ü"]},
    ],
)
def test_rows_and_columns_values_and_objects_are_the_same_question(body):
    question = read(body)
    assert question.signature == "serving_default" and question.rows == 2
    assert question.by_rows == ("instances" in body)
    assert question.tensors["text"].tolist() == [b"Hund", "Ü".encode()]


def test_scalars_go_with_inputs():
    question = read({"inputs": {"text": ["a", "b"], "beam_size": 3}}, signature_name="search")
    assert question.tensors["beam_size"].shape == () and question.tensors["beam_size"].dtype == np.int32
    assert question.rows == 2


def test_bytes_come_as_base64_alone_in_a_row_too():
    content = bytes(range(256))
    sent = {"b64": base64.b64encode(content).decode()}
    for body in ({"instances": [sent]}, {"instances": [{"image_bytes": sent}]}, {"inputs": {"image_bytes": [sent]}}):
        assert read(body, signature_name="photo").tensors["image_bytes"].tolist() == [content]


def test_numbers_get_the_type_of_the_signature():
    question = read({"instances": [{"frames": [[0, 255]], "lengths": 1}]}, signature_name="clip")
    assert question.tensors["frames"].dtype == np.uint8 and question.tensors["frames"].shape == (1, 1, 2)
    assert read({"inputs": [[1, 2.5]]}, signature_name="features").tensors["x"].tolist() == [[1.0, 2.5]]
    assert np.isnan(rest.read(b'{"signature_name":"features","inputs":[[NaN,1]]}', SIGNATURES).tensors["x"][0, 0])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b"{", "JSON Parse error"),
        (b"\xff\xfe{", "JSON Parse error"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"inputs": [' + b"9" * 10_000 + b"]}", "JSON Parse error"),
        (b"[1]", "not object"),
        ({}, "Missing 'inputs' or 'instances'"),
        ({"inputs": ["a"], "instances": ["a"]}, "only one of"),
        ({"signature_name": 3, "inputs": ["a"]}, "must be a string"),
        ({"signature_name": "step", "inputs": ["a"]}, "clip, features, photo, search, serving_default"),
        ({"instances": "a"}, "to be a list"),
        ({"instances": []}, "No values"),
        ({"inputs": []}, "at least one"),
        ({"instances": [3]}, "not of expected type: string"),
        ({"instances": [None]}, "not of expected type: string"),
        ({"instances": ["\ud800"]}, "surrogate"),
        ({"instances": [["a"]]}, "expecting shape (any) but got (1, 1)"),
        (b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}", "nested too deeply"),
        ({"instances": [["a"], "b"]}, "unequal lengths or depths"),
        ({"instances": ["a", {"text": "b"}]}, "element: 1"),
        ({"instances": [{"text": "a", "more": 1}]}, "Keys must be equal to: text"),
        ({"instances": [{"b64": "%%"}]}, "base64"),
        ({"signature_name": "search", "instances": [{"text": "a", "beam_size": 2}]}, "no scalars (beam_size)"),
        ({"signature_name": "search", "instances": ["a"]}, "no scalars"),
        ({"signature_name": "search", "inputs": ["a"]}, "expecting an object with beam_size, text"),
        ({"signature_name": "search", "inputs": {"text": ["a"]}}, "Missing named input: beam_size"),
        ({"inputs": {"text": ["a"], "more": 1}}, "Unknown named input: more"),
        ({"signature_name": "search", "inputs": {"text": ["a"], "beam_size": 2.5}}, "expected type: int32"),
        ({"signature_name": "search", "inputs": {"text": ["a"], "beam_size": 2**40}}, "range of int32"),
        ({"signature_name": "search", "inputs": {"text": ["a"], "beam_size": 2**70}}, "expected type: int32"),
        ({"signature_name": "search", "inputs": {"text": ["a"], "beam_size": [2]}}, "expecting shape ()"),
        ({"signature_name": "search", "inputs": {"text": ["a"], "beam_size": True}}, "expected type: int32"),
        ({"signature_name": "features", "inputs": [[1, 2], [3]]}, "unequal lengths"),
        ({"signature_name": "features", "inputs": [["1", "2"]]}, "expected type: float32"),
        ({"signature_name": "features", "inputs": [[1, None]]}, "expected type: float32"),
        ({"signature_name": "features", "inputs": [[1e300, 2]]}, "range of float32"),
        ({"signature_name": "features", "inputs": [[1, 2, 3]]}, "expecting shape (any, 2) but got (1, 3)"),
        ({"signature_name": "clip", "inputs": {"frames": [[[0, 256]]], "lengths": [1]}}, "range of uint8"),
        ({"signature_name": "clip", "inputs": {"frames": [[[0, 1]]], "lengths": [1, 1]}}, "unequal numbers of rows"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_place(body, said):
    assert said in refusal(body)


# Answers


def test_rows_are_answered_by_rows_and_columns_by_columns():
    outputs = {"label": np.array([b"yes", "n\u00f6".encode()], object), "p": np.array([0.2, 0.75], np.float32)}
    rows = read({"instances": ["a", "b"]})
    assert rest.write(rows, outputs) == {"predictions": [{"label": "yes", "p": 0.2}, {"label": "nö", "p": 0.75}]}
    columns = read({"inputs": ["a", "b"]})
    assert rest.write(columns, outputs) == {"outputs": {"label": ["yes", "nö"], "p": [0.2, 0.75]}}


def test_a_single_output_stands_without_its_name():
    outputs = {"caption": np.array([b"a dog"], object)}
    assert rest.write(read({"instances": ["a"]}), outputs) == {"predictions": ["a dog"]}
    assert rest.write(read({"inputs": ["a"]}), outputs) == {"outputs": ["a dog"]}


def test_bytes_go_out_as_base64_and_bad_utf8_does_not_break_the_answer():
    question = read({"inputs": ["a"]})
    assert rest.write(question, {"x_bytes": np.array([b"\xff"], object)}) == {"outputs": [{"b64": "/w=="}]}
    body = rest.to_json(rest.write(question, {"x": np.array([b"\xff"], object)}))
    assert json.loads(body) == {"outputs": ["\ufffd"]}


def test_outputs_without_rows_cannot_answer_rows():
    with pytest.raises(Refused, match="ask with 'inputs'"):
        rest.write(read({"instances": ["a", "b"]}), {"total": np.array(3)})


def test_numbers_keep_their_value():
    values = np.array([1e-30, 1 / 3, -np.inf, 16777216.0], np.float32)
    found = json.loads(rest.to_json(rest.write(read({"inputs": ["a"]}), {"p": values})))["outputs"]
    assert np.array(found, np.float32).tolist() == values.tolist()


# Paths


def test_paths_are_those_of_tensorflow_serving():
    assert rest.route("POST", "/v1/models/de-en:predict", "de-en") == "predict"
    assert rest.route("POST", "/v1/models/de-en/versions/1:predict", "de-en") == "predict"
    assert rest.route("GET", "/v1/models/de-en", "de-en") == "status"
    assert rest.route("GET", "/v1/models/my%20model", "my model") == "status"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/en-de:predict", 404),
        ("GET", "/v1/models/de-en/versions/2", 404),
        ("GET", "/v1/models/de-en:predict", 405),
        ("DELETE", "/v1/models/de-en", 405),
        ("POST", "/v1/models/de-en:classify", 400),
        ("GET", "/", 400),
        ("GET", "/v1/models/../../etc/passwd", 400),
    ],
)
def test_other_paths_are_refused(method, path, status):
    with pytest.raises(Refused) as refused:
        rest.route(method, path, "de-en")
    assert refused.value.status == status


def test_the_state_and_an_error_are_worded_as_clients_know_them():
    assert rest.status()["model_version_status"][0]["state"] == "AVAILABLE"
    assert json.loads(rest.error("two\n  lines")) == {"error": "two lines"}
