"""TensorFlow Serving's REST shape: JSON to tensors and back. Nothing here knows a server, or TensorFlow.

Follows https://www.tensorflow.org/tfx/serving/api_rest and the source of TensorFlow Serving's `json_tensor.cc`:

- `POST /v1/models/NAME:predict` takes `{"signature_name": …, "instances": [row, …]}`, a row being a value or an object
  of named values, and gives `{"predictions": [row, …]}`; or `{"inputs": …}`, one value or an object of columns, and
  gives `{"outputs": …}`. Scalars go with `inputs` alone. Bytes are `{"b64": "…"}`.
- `GET /v1/models/NAME` gives the state; both paths may name `/versions/N`.
- An error is `{"error": "…"}`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

import numpy as np

DEFAULT = "serving_default"
STRING = "string"
VERSION = 1
"""A model that is served here has one version."""

_MOST_DIMENSIONS = 8
_PREDICT = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d{1,18}))?:(classify|regress|predict)", re.IGNORECASE)
_STATUS = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d{1,18}))?", re.IGNORECASE)


class Refused(ValueError):
    """A request that gets no answer.

    Args:
        message: why, in one sentence.
        status: the HTTP status.
    """

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """What a tensor of a signature is.

    Attributes:
        dtype: a NumPy type's name, or "string".
        shape: None where a size is free.
    """

    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a signature takes and gives, by name."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request, read.

    Attributes:
        signature: its name.
        tensors: one array an input; strings are bytes in arrays of objects.
        by_rows: whether it came as `instances` and is answered by `predictions`.
        rows: inputs in it; 1 where the signature takes scalars only.
    """

    signature: str
    tensors: Mapping[str, np.ndarray]
    by_rows: bool
    rows: int


def route(method: str, path: str, name: str) -> Literal["predict", "status"]:
    """What a request wants of the model `name`.

    Raises:
        Refused: nothing that is served here: 404 for another model or version, 405 for another method, else 400.
    """
    asked = _PREDICT.fullmatch(path)
    found = asked or _STATUS.fullmatch(path)
    if not found:
        raise Refused(f"Malformed request: {method} {path}")
    if method != ("POST" if asked else "GET"):
        raise Refused(f"Malformed request: {method} {path}", 405)
    model, version = unquote(found[1]), found[2]
    if model != name or (version and int(version) != VERSION):
        raise Refused(f"Servable not found for request: {f'Specific({model}, {version})' if version else model}", 404)
    if asked and asked[3].lower() != "predict":
        raise Refused(f"{name} answers :predict alone.")
    return "predict" if asked else "status"


def status() -> dict[str, Any]:
    """The state of a model that answers, as TensorFlow Serving words it."""
    fine = {"error_code": "OK", "error_message": ""}
    return {"model_version_status": [{"version": str(VERSION), "state": "AVAILABLE", "status": fine}]}


def to_json(value: Mapping[str, Any]) -> bytes:
    """An answer as UTF-8. NaN and Infinity are written as such, as TensorFlow Serving does."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def error(message: str) -> bytes:
    """The body of an answer that is an error."""
    return to_json({"error": " ".join(message.split())})


def read(body: bytes, signatures: Mapping[str, Signature]) -> Question:
    """Reads the body of a `:predict`.

    Args:
        body: JSON.
        signatures: those of the model, by name.

    Raises:
        Refused: it is no JSON, or not what the signature takes; the message names the place.
    """
    values = _parse(body)
    name = values.get("signature_name", DEFAULT)
    if not isinstance(name, str):
        raise Refused("'signature_name' key must be a string value.")
    name = name or DEFAULT
    if name not in signatures:
        raise Refused(f'Serving signature name: "{name}" not found in signature def. There are: {_names(signatures)}.')
    given = [key for key in ("instances", "inputs") if key in values]
    if len(given) != 1:
        raise Refused(
            "Expecting only one of 'inputs' or 'instances'." if given else "Missing 'inputs' or 'instances' key."
        )
    by_rows, specs = given[0] == "instances", signatures[name].inputs
    columns = (_from_rows if by_rows else _from_columns)(values[given[0]], specs)
    tensors = {key: _tensor(columns[key], spec, key) for key, spec in specs.items()}
    return Question(signature=name, tensors=tensors, by_rows=by_rows, rows=_rows(tensors, specs))


def write(question: Question, outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The answer to a question, ready for `to_json`.

    Args:
        question: what was asked.
        outputs: what the signature gave; strings are bytes in arrays of objects.

    Raises:
        Refused: rows were asked for, and the outputs have none.
    """
    values = {name: _plain(array, name) for name, array in outputs.items()}
    if not question.by_rows:
        return {"outputs": values if len(values) > 1 else next(iter(values.values()))}
    for name, array in outputs.items():
        if array.ndim == 0 or len(array) != question.rows:
            raise Refused(f"The output {name} is not one value a row: ask with 'inputs'.")
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {"predictions": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]}


def _parse(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise Refused("JSON Parse error: The document is empty")
    try:
        values = json.loads(body)
    except RecursionError as problem:
        raise Refused("JSON Parse error: it is nested too deeply.") from problem
    except ValueError as problem:  # malformed, not UTF-8, or a number of thousands of digits
        raise Refused(f"JSON Parse error: {str(problem)[:200]}") from problem
    if not isinstance(values, dict):
        raise Refused("JSON Value: Is not object")
    return values


def _from_rows(rows: Any, specs: Mapping[str, TensorSpec]) -> dict[str, list]:
    if not isinstance(rows, list):
        raise Refused("Expecting 'instances' to be a list/array.")
    if not rows:
        raise Refused("No values in 'instances' array.")
    scalars = [name for name, spec in specs.items() if not spec.shape]
    if scalars:
        raise Refused(f"'instances' takes no scalars ({_names(scalars)}): give columns with 'inputs'.")
    named = _is_object(rows[0])
    if not named and len(specs) != 1:
        raise Refused(f"instances is a plain list, but expecting list of objects with {_names(specs)}.")
    for number, row in enumerate(rows):
        if _is_object(row) != named:
            raise Refused(f"Failed to process element: {number} of 'instances' list: objects and values are mixed.")
        if named and set(row) != set(specs):
            raise Refused(
                f"Failed to process element: {number} of 'instances' list. Keys must be equal to: {_names(specs)}."
            )
    return {name: [row[name] for row in rows] if named else rows for name in specs}


def _from_columns(given: Any, specs: Mapping[str, TensorSpec]) -> dict[str, Any]:
    if not _is_object(given):
        if len(specs) != 1:
            raise Refused(f"inputs is a plain value/list, but expecting an object with {_names(specs)}.")
        return {next(iter(specs)): given}
    for name in specs:
        if name not in given:
            raise Refused(f"Missing named input: {name} in 'inputs' object.")
    for name in given:
        if name not in specs:
            raise Refused(f"Unknown named input: {name[:80]} in 'inputs' object. There are: {_names(specs)}.")
    return given


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not (len(value) == 1 and isinstance(value.get("b64"), str))


def _tensor(value: Any, spec: TensorSpec, name: str) -> np.ndarray:
    array = _strings(value, name) if spec.dtype == STRING else _numbers(value, spec.dtype, name)
    fits = array.ndim == len(spec.shape) and all(
        size is None or size == found for size, found in zip(spec.shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in spec.shape)
        raise Refused(f"Input {name}: expecting shape ({wanted}) but got {tuple(array.shape)}.")
    return array


def _numbers(value: Any, dtype: str, name: str) -> np.ndarray:
    wanted = np.dtype(dtype)
    try:
        found = np.asarray(value)
    except ValueError as problem:
        raise Refused(f"Input {name}: lists of unequal lengths.") from problem
    if not found.size:
        return found.astype(wanted)
    kinds = {"b": "b", "i": "iu", "u": "iu", "f": "iuf"}.get(wanted.kind, "")
    if found.dtype.kind not in kinds:
        raise Refused(f"Input {name}: a value is not of expected type: {dtype}.")
    if wanted.kind in "iu" and not (np.iinfo(wanted).min <= found.min() and found.max() <= np.iinfo(wanted).max):
        raise Refused(f"Input {name}: a value is beyond the range of {dtype}.")
    with np.errstate(over="ignore"):
        array = found.astype(wanted)
    if wanted.kind == "f" and not (np.isfinite(array) | ~np.isfinite(found)).all():
        raise Refused(f"Input {name}: a value is beyond the range of {dtype}.")
    return array


def _strings(value: Any, name: str) -> np.ndarray:
    shape: list[int] = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
        if len(shape) > _MOST_DIMENSIONS:
            raise Refused(f"Input {name}: lists are nested too deeply.")
    leaves: list[bytes] = []
    _gather(value, shape, 0, leaves, name)
    array = np.empty(len(leaves), object)
    array[:] = leaves
    return array.reshape(shape)


def _gather(value: Any, shape: Sequence[int], level: int, leaves: list[bytes], name: str) -> None:
    if level == len(shape):
        leaves.append(_bytes(value, name))
        return
    if not isinstance(value, list) or len(value) != shape[level]:
        raise Refused(f"Input {name}: lists of unequal lengths or depths.")
    for inner in value:
        _gather(inner, shape, level + 1, leaves, name)


def _bytes(value: Any, name: str) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError as problem:
            raise Refused(f"Input {name}: a text has half a surrogate pair.") from problem
    if isinstance(value, dict) and not _is_object(value):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError) as problem:
            raise Refused(f"Input {name}: Unable to base64 decode.") from problem
    raise Refused(f"Input {name}: a value is not of expected type: string, or an object with the one key b64.")


def _rows(tensors: Mapping[str, np.ndarray], specs: Mapping[str, TensorSpec]) -> int:
    counts = {name: len(tensors[name]) for name, spec in specs.items() if spec.shape and spec.shape[0] is None}
    if len(set(counts.values())) > 1:
        raise Refused(f"The inputs have unequal numbers of rows: {counts}.")
    rows = next(iter(counts.values()), 1)
    if not rows:
        raise Refused("Give at least one input.")
    return rows


def _plain(array: np.ndarray, name: str) -> Any:
    """An output as JSON has it; what ends in `_bytes` as base64."""
    array = np.asarray(array)
    if array.dtype.kind in "OSU":
        as_json = _as_base64 if name.endswith("_bytes") else _as_text
        flat = np.empty(array.size, object)
        flat[:] = [as_json(value) for value in array.reshape(-1).tolist()]
        return flat.reshape(array.shape).tolist()
    if array.dtype.kind not in "biuf":  # bfloat16, which is NumPy's by extension
        array = array.astype(np.float32)
    if array.dtype.kind == "f" and array.dtype.itemsize < 8:
        array = array.astype(str).astype(np.float64)  # 0.2 and not 0.20000000298, as TensorFlow Serving writes it
    return array.tolist()


def _as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _as_base64(value: Any) -> dict[str, str]:
    return {"b64": base64.b64encode(value if isinstance(value, bytes) else str(value).encode()).decode("ascii")}


def _names(names: Any) -> str:
    return ", ".join(sorted(names))
