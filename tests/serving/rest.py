"""A small server that speaks the REST shape of TensorFlow Serving's predict API, for tests: the real one is not here.

Follows https://www.tensorflow.org/tfx/serving/api_rest: `instances` (rows) give `predictions`, `inputs` (columns) give
`outputs`; an error gives status 400 and `{"error": …}`.
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import tensorflow as tf


@contextmanager
def serving(model, name: str):
    """Serves a loaded SavedModel on a free port while the body runs; gives the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            try:
                assert self.path == f"/v1/models/{name}:predict", f"Malformed request: POST {self.path}"
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = 200, predict(model, body)
            except (ValueError, KeyError, AssertionError, tf.errors.OpError) as error:
                status, answer = 400, {"error": str(error)}
            content = json.dumps(answer, allow_nan=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def predict(model, body: dict) -> dict:
    """One request's answer."""
    function = model.signatures[body.get("signature_name", "serving_default")]
    specs = function.structured_input_signature[1]
    if "instances" in body:
        rows = [row if isinstance(row, dict) else {next(iter(specs)): row} for row in body["instances"]]
        columns = {key: [row[key] for row in rows] for key in specs}
    else:
        given = body["inputs"]
        columns = given if isinstance(given, dict) else {next(iter(specs)): given}
    if set(columns) != set(specs):
        raise ValueError(f"The signature takes {sorted(specs)}, got {sorted(columns)}.")
    found = function(**{key: tf.constant(value, specs[key].dtype) for key, value in columns.items()})
    values = {key: plain(value) for key, value in found.items()}
    if "inputs" in body:
        return {"outputs": values if len(values) > 1 else next(iter(values.values()))}
    return {"predictions": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]}


def plain(tensor) -> list:
    """A tensor as JSON has it."""
    values = np.asarray(tensor)
    if tensor.dtype == tf.string:
        return np.vectorize(lambda text: text.decode("utf-8"), otypes=[object])(values).tolist()
    return values.tolist()
