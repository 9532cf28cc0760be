"""Serves a model with Ray Serve, under the REST paths of TensorFlow Serving.

    python -m serving.engines.ray_serve --model translation/de-en
    python -m serving.engines.ray_serve --saved-model exported/de-en --replicas 2 --port 8501

Needs `pip install -r requirements-scale.txt`. `--model APP/NAME` is a shipped model, or `APP/PATH` a model folder; it
is exported once, by the application's own `export`, into --cache. The paths and bodies of requests are described in
docs/serving.md. More requests than --queue-limit are refused at once with 503; one that takes longer than --timeout
gets 504. Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serving import store
from serving.engines import ray_cluster
from serving.engines.service import Limits, Service

DONE, FAILED, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
SERVER = "carrousel"


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until it is ended.

    Args:
        argv: the flags; None takes them from the command line.

    Returns:
        The exit code: 0 ended by SIGTERM, 130 by ctrl-C, 1 broken off, 2 could not start.
    """
    options = _parser().parse_args(argv)
    try:
        limits = Limits(
            max_batch_size=options.max_batch_size,
            batch_wait=options.batch_wait_ms / 1000,
            queue_limit=options.queue_limit,
            timeout=options.timeout,
            max_rows=options.max_rows,
            max_bytes=options.max_request_mb * 2**20,
        )
        ray_cluster.require()
        folder, name = _saved_model(options)
        _check_port(options.host, options.port)
    except (ValueError, OSError, ImportError) as error:
        return _say(error, NOT_STARTED)
    except KeyboardInterrupt:
        return _say("Interrupted.", INTERRUPTED)
    try:
        return _serve(folder, name, limits, options)
    except KeyboardInterrupt:
        return _say("Interrupted: the server has ended.", INTERRUPTED)
    except SystemExit as end:
        return int(end.code or DONE)
    except Exception as error:
        if options.debug:
            raise
        return _say(error, FAILED)


def _serve(folder: Path, name: str, limits: Limits, options: argparse.Namespace) -> int:
    cpus = options.replicas * options.threads
    with ray_cluster.running(cpus=cpus + 1, debug=options.debug):
        from ray import serve
        from ray.serve._private import api, client

        api.HTTP_PROXY_TIMEOUT = client.HTTP_PROXY_TIMEOUT = ray_cluster.START_SECONDS
        signal.signal(signal.SIGTERM, _terminated)  # after Ray has set its own
        if not options.debug:
            logging.getLogger("ray.serve").setLevel(logging.ERROR)
        # Ray's own limits stand behind those of the replicas, which answer in TensorFlow Serving's words.
        serve.start(
            proxy_location="HeadOnly",
            http_options={"host": options.host, "port": options.port, "request_timeout_s": limits.timeout + 10},
        )
        replica = serve.deployment(Replica).options(
            num_replicas=options.replicas,
            max_ongoing_requests=4 * limits.queue_limit + 64,
            max_queued_requests=4 * limits.queue_limit + 64,
            graceful_shutdown_timeout_s=2,
            ray_actor_options={"num_cpus": options.threads},
        )
        try:
            serve.run(replica.bind(str(folder), name, limits, options.threads), name=SERVER, route_prefix="/")
            print(f"Serving {name} at http://{options.host}:{options.port}/v1/models/{name}", flush=True)
            while True:
                time.sleep(3600)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            serve.shutdown()


class Replica:
    """One process of the deployment: a `Service` behind Ray Serve's HTTP.

    Args:
        folder: of the SavedModel.
        name: what the model is called in paths.
        limits: see there.
        threads: for the arithmetic.
    """

    def __init__(self, folder: str, name: str, limits: Limits, threads: int):
        ray_cluster.set_threads(threads)
        from serving.engines.saved_model import ServedModel

        model = ServedModel(folder)
        model.warm()
        self.service = Service(model, name, limits)

    async def __call__(self, request: Any) -> Any:
        """A `starlette.requests.Request` → a `starlette.responses.Response`."""
        from starlette.responses import Response

        body = await request.body()
        reply = await self.service.respond(request.method, request.url.path, body)
        headers = {"Retry-After": "1"} if reply.status == 503 else None
        return Response(reply.body, reply.status, headers, media_type="application/json")


def _saved_model(options: argparse.Namespace) -> tuple[Path, str]:
    """The SavedModel to serve, exported where that is needed, and its name in paths.

    Raises:
        ValueError or OSError: there is none.
    """
    if options.saved_model:
        folder = options.saved_model.resolve()
        if not (folder / "saved_model.pb").is_file():
            raise FileNotFoundError(f"There is no SavedModel in {folder}: it has no saved_model.pb.")
        return folder, options.name or folder.name
    app, _, wanted = options.model.partition("/")
    if not wanted or not (ray_cluster.ROOT / "apps" / app / "__main__.py").is_file():
        raise ValueError(f"--model takes APP/NAME, such as translation/de-en, got {options.model!r}.")
    path = store.resolve(wanted, app)
    store.read(path, app)
    name = options.name or path.resolve().name
    return export_once(app, path, options.cache), name


def export_once(app: str, path: Path, cache: Path) -> Path:
    """The SavedModel of a model folder, from the cache or made now by `python -m apps.APP export`.

    Args:
        app: the application.
        path: its model folder, whole.
        cache: a folder for SavedModels; one is found again by its model's manifest.

    Returns:
        The SavedModel's folder.

    Raises:
        OSError or ValueError: it cannot be made; the message is what `export` said.
    """
    cache = cache.resolve()
    folder = cache / f"{app}-{store.fingerprint(path)[:16]}"
    if (folder / "saved_model.pb").is_file():
        return folder
    print(f"Exporting {app}/{path.name} to {folder}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", f"apps.{app}", "export", "--model", str(path.resolve()), "--output", str(folder)]
    cache.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, cwd=ray_cluster.ROOT, capture_output=True, text=True, check=False)
    if done.returncode and not (folder / "saved_model.pb").is_file():  # another server may have been first
        said = done.stderr.strip().splitlines()
        raise ValueError(said[-1] if said else f"{' '.join(command)} ended with {done.returncode}.")
    return folder


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(f"{host}:{port} cannot be used: {error.strerror}. Choose another with --port.") from error


def _terminated(*_: Any) -> None:
    raise SystemExit(DONE)


def _say(what: object, code: int) -> int:
    print(" ".join(str(what).split()), file=sys.stderr)
    return code


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "carrousel" / "exported"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as all commands do."""

    def error(self, message: str) -> Any:
        self.exit(_say(f"{message} See: {self.prog} --help", NOT_STARTED))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m serving.engines.ray_serve", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    default = " (default: %(default)s)"
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", help="APP/NAME of a shipped model, or APP/PATH of a model folder")
    which.add_argument("--saved-model", type=Path, help="a folder that export wrote")
    parser.add_argument("--name", default="", help="the model's name in paths (default: NAME, or the folder's)")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 answers other machines, too" + default)
    parser.add_argument("--port", type=_whole(1, 65535), default=8501, help="of HTTP" + default)
    parser.add_argument("--replicas", type=_whole(1, 1000), default=1, help="processes with the model" + default)
    parser.add_argument("--threads", type=_whole(1, 256), default=1, help="of each replica" + default)
    sizes = Limits()
    for flag, kind, value, does in (
        ("--max-batch-size", _whole(1, 4096), sizes.max_batch_size, "rows answered by one call of the model"),
        ("--batch-wait-ms", _number(0, 1000), sizes.batch_wait * 1000, "a batch waits so long for more requests"),
        ("--queue-limit", _whole(1, 100_000), sizes.queue_limit, "requests a replica holds; one more gets 503"),
        ("--timeout", _number(0.01, 3600), sizes.timeout, "seconds until a request gets 504"),
        ("--max-rows", _whole(1, 10**6), sizes.max_rows, "rows of one request; more gets 413"),
        ("--max-request-mb", _whole(1, 1024), sizes.max_bytes // 2**20, "size of one request; more gets 413"),
    ):
        parser.add_argument(flag, type=kind, default=value, help=does + default)
    parser.add_argument("--cache", type=Path, default=_cache(), help="where exported models are kept" + default)
    parser.add_argument("--debug", action="store_true", help="show tracebacks and the logs of Ray")
    return parser


def _whole(least: int, most: int) -> Any:
    def whole(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"from {least} to {most}, got {value}")
        return value

    return whole


def _number(least: float, most: float) -> Any:
    def number(text: str) -> float:
        value = float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"from {least:g} to {most:g}, got {value:g}")
        return value

    return number


if __name__ == "__main__":
    # Under its own name and not as __main__, or the replicas could not import the class.
    from serving.engines import ray_serve

    sys.exit(ray_serve.main())
