"""What a page's run leaves compiled is there in its next run."""

import ast
import gc
from pathlib import Path

import pytest

from apps.shared.warm import keep_warm

ROOT = Path(__file__).parents[3]


@pytest.fixture
def keras(monkeypatch):
    """Keras as nobody has touched it, and so again afterwards."""
    import keras

    monkeypatch.setattr(keras.backend, "clear_session", keras.utils.clear_session)
    yield keras
    gc.unfreeze()


@pytest.fixture
def emptied(monkeypatch):
    """How often TensorFlow's kernel cache was emptied: a list that grows."""
    from tensorflow.python.eager import context

    times: list[int] = []
    monkeypatch.setattr(context.context(), "clear_kernel_cache", lambda: times.append(1))
    return times


def test_streamlit_no_longer_empties_the_kernel_cache(keras, emptied):
    from streamlit.runtime.scriptrunner.script_runner import _clean_problem_modules

    _clean_problem_modules()
    assert len(emptied) == 1, "Streamlit no longer does it by itself: apps/shared/warm.py can go"
    keep_warm()
    _clean_problem_modules()
    assert len(emptied) == 1


def test_who_asks_keras_itself_is_still_heard(keras, emptied):
    keep_warm()
    keras.utils.clear_session()
    assert len(emptied) == 1


def test_what_is_there_is_frozen_once_and_later_garbage_is_still_collected(keras):
    gc.unfreeze()
    keep_warm()
    frozen = gc.get_freeze_count()
    assert frozen > 100_000
    keep_warm()
    assert gc.get_freeze_count() <= frozen
    knot = []
    knot.append(knot)
    del knot
    assert gc.collect() >= 1


def test_before_keras_there_is_nothing_to_do(monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "keras", raising=False)
    before = gc.get_freeze_count()
    keep_warm()
    assert gc.get_freeze_count() == before and "keras" not in sys.modules


def test_the_pages_call_it_however_a_run_ends():
    tree = ast.parse((ROOT / "streamlit_app.py").read_text(encoding="utf-8"))
    (attempt,) = [node for node in tree.body if isinstance(node, ast.Try)]
    assert "keep_warm()" in ast.unparse(ast.Module(attempt.finalbody, []))
    assert ".run()" in ast.unparse(ast.Module(attempt.body, []))
