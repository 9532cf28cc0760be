"""Ray on this machine, or the one that RAY_ADDRESS names: started quietly, stopped always, nothing sent home."""

from __future__ import annotations

import importlib.util
import inspect
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OBJECT_STORE_BYTES = 200 * 2**20
"""Between processes go questions and names of files; nothing large."""
START_SECONDS = 180
_PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
NEEDED = "Ray is not installed: pip install -r requirements-scale.txt"


def require() -> None:
    """Makes sure that Ray can be imported.

    Raises:
        ImportError: it is not installed; the message names the command.
    """
    if importlib.util.find_spec("ray") is None:
        raise ImportError(NEEDED)


@contextmanager
def running(cpus: float, debug: bool = False) -> Iterator[Any]:
    """Ray, for as long as the body runs.

    Where RAY_ADDRESS is set, that cluster is used and stays; its machines need this project and the same files under
    the same paths. Else Ray is started here, its logs lie in a folder of their own and go with it.

    Args:
        cpus: what Ray may take for granted here; its workers count against it.
        debug: show what Ray and its workers log, and keep the logs.

    Yields:
        The module `ray`.

    Raises:
        ImportError: Ray is not installed.
        RuntimeError: it does not start.
    """
    require()
    _prepare(debug)
    import ray

    here = not os.environ.get("RAY_ADDRESS")
    # Names of sockets have at most 107 bytes, of which Ray takes 65: not in a long $TMPDIR.
    short = "/tmp" if os.access("/tmp", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="ray-", dir=short) if here and not debug else ""
    own: dict[str, Any] = {"num_cpus": cpus, "object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False}
    settings: dict[str, Any] = {"log_to_driver": debug, "logging_level": "INFO" if debug else "CRITICAL"}
    settings |= {**own, **({"_temp_dir": folder} if folder else {})} if here else {}
    # Else Ray prints what it thinks of a dead worker on standard output, which is for results.
    ray._private.worker._worker_logs_enabled = debug
    try:
        _start(ray, settings)
        yield ray
    finally:
        ray.shutdown()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _start(ray: Any, settings: dict[str, Any]) -> None:
    """Starts or joins Ray, with patience.

    Ray gives its own processes 30 seconds, of which a busy machine needs more: what it asks for then is asked here
    until it is there. And those that choose their ports have 15 seconds to tell them in files, or all ends; here they
    are told their ports, and the files are there at once. (Ray's inside, so the version is pinned.)
    """
    services = ray._private.services
    ask, start, until = services.get_node, services.start_raylet, time.monotonic() + START_SECONDS

    def ask_patiently(*args: Any, **kwargs: Any) -> Any:
        while True:
            try:
                return ask(*args, **kwargs)
            except RuntimeError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def start_with_ports(*args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(start).bind(*args, **kwargs)
        for name, port in zip(_PORTS, _free_ports(len(_PORTS)), strict=True):
            given.arguments[name] = port
            (Path(given.arguments["session_dir"]) / f"{name}_{given.arguments['node_id']}").write_text(str(port))
        return start(*given.args, **given.kwargs)

    services.get_node, services.start_raylet = ask_patiently, start_with_ports
    try:
        ray.init(**settings)
    except Exception as error:
        raise RuntimeError(f"Ray does not start: {error}") from error
    finally:
        services.get_node, services.start_raylet = ask, start


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _prepare(debug: bool) -> None:
    """What Ray and its workers read from the environment, which they inherit."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", "1" if debug else "0")
    for name in ("READY", "HEALTH"):  # of its web server, which on a busy machine is late and not dead
        os.environ.setdefault(f"RAY_SERVE_PROXY_{name}_CHECK_TIMEOUT_S", "60")
    if not debug:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(ROOT) not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, paths)])


def set_threads(threads: int) -> None:
    """The threads of one worker's arithmetic; called in it, before TensorFlow is imported."""
    import models  # noqa: F401  (switches oneDNN on, as every command does)

    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
