"""Writes a SavedModel that runs without this project, and the page that says how to use it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from models import backend

PAGE = "signatures.md"


def save(folder: str | Path, signatures: Any, name: str, example: Mapping[str, Any], answer: Any = None) -> None:
    """Writes the SavedModel and `signatures.md`.

    Args:
        folder: an empty folder, or one to make.
        signatures: a `serving.signatures.speaking.SpeakingSignatures`, or what has the same `layers`, `resources`,
            `functions`, `describe`, `meanings` and `differences`.
        name: what the model is called.
        example: raw inputs of `serving_default` for a batch of one, JSON-ready: `{"text": ["Ein Hund."]}`.
        answer: what the model answers to it, JSON-ready, where that is worth showing.

    Raises:
        ValueError: Keras runs on another engine than TensorFlow.
        OSError: the disk is full, or the folder cannot be written.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError("A SavedModel is written by TensorFlow: unset KERAS_BACKEND, the same model loads there.")
    with backend.forward_only():
        functions = signatures.functions()
    module = tf.Module(name="carrousel")
    module.weights = [variable.value for layer in signatures.layers for variable in layer.weights]
    module.resources = signatures.resources
    module.__call__ = _callable(functions["serving_default"])
    try:
        tf.saved_model.save(module, str(folder), signatures=functions)
    except tf.errors.OpError as error:
        raise OSError(f"The SavedModel could not be written to {folder}: {error.message}") from error
    page = describe(signatures, functions, name, example, answer)
    (Path(folder) / PAGE).write_text(page, encoding="utf-8")


def _callable(function):
    """`serving_default` as the module's own call, so that `hub.load(DIR)(inputs)` answers as well."""
    names = list(function.structured_input_signature[1])
    specs = list(function.structured_input_signature[1].values())

    def call(*tensors):
        return function(**dict(zip(names, tensors, strict=True)))

    return tf.function(call, input_signature=specs, autograph=False)


def describe(
    signatures: Any, functions: Mapping[str, Any], name: str, example: Mapping[str, Any], answer: Any = None
) -> str:
    """The text of `signatures.md`; for the arguments see `save`."""
    first = next(iter(example))
    request = {"signature_name": "search", "inputs": {**example, **_search_example(functions)}}
    keywords = ", ".join(f"{key}=tf.constant({_python(value)})" for key, value in example.items())
    rows = [{key: value[0] for key, value in example.items()}]
    instances = {"instances": rows if len(example) > 1 else example[first]}
    parts = [
        f"# {name} as a SavedModel",
        "It needs `tensorflow`, and `tensorflow-text` imported before it is loaded; nothing of what made it.",
        "## In Python",
        _code(
            "python",
            "import tensorflow as tf\nimport tensorflow_text  # registers the tokenizer's operations\n\n"
            'model = tf.saved_model.load("DIR")  # or tensorflow_hub.load("DIR")\n'
            f'answer = model.signatures["serving_default"]({keywords})',
        ),
        "Every signature takes its inputs by keyword and gives a dictionary. `model(inputs)` is `serving_default`.",
        *([f"The answer: `{_json(answer)}`"] if answer else []),
        "## Over REST",
        "With TensorFlow Serving (not run here), the model being served under the name `NAME`:",
        _code(
            "sh",
            f"{_curl(instances)}\n{_curl(request)}" if "search" in functions else _curl(instances),
        ),
        "Scalars go with `inputs`; `instances` takes none.",
        "## Signatures",
        *_tables(signatures, functions),
        "## What differs from `predict`",
        "\n".join(f"- {sentence}" for sentence in signatures.differences()),
    ]
    return "\n\n".join(parts) + "\n"


def _search_example(functions: Mapping[str, Any]) -> dict[str, Any]:
    return {"beam_size": 10, "length_penalty": 1.0, "n_best": 3} if "search" in functions else {}


def _curl(body: Mapping[str, Any]) -> str:
    quoted = shlex.quote(_json(body))
    return f"curl http://localhost:8501/v1/models/NAME:predict -d {quoted}"


def _tables(signatures: Any, functions: Mapping[str, Any]) -> list[str]:
    parts, does, meanings = [], signatures.describe(), signatures.meanings()
    for name, function in functions.items():
        inputs, outputs = function.structured_input_signature[1], function.structured_outputs
        lines = ["| | name | type | shape | |", "| --- | --- | --- | --- | --- |"]
        for way, specs in (("in", inputs), ("out", outputs)):
            for key, spec in specs.items():
                shape = ", ".join("·" if size is None else str(size) for size in spec.shape)
                meaning = meanings.get(key, "part of the decoder's state" if key.startswith("state_") else "")
                lines.append(f"| {way} | `{key}` | {spec.dtype.name} | ({shape}) | {meaning} |")
        parts += [f"### {name}", does[name], "\n".join(lines)]
    return parts


def _python(value: Any) -> str:
    """An example's value in Python; bytes, which are base64 in JSON, are read from a file."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return '[open("FILE", "rb").read()]'
    return json.dumps(value, ensure_ascii=False)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
