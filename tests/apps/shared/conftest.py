"""The tiny tasks, trained once for all tests by the command that users call."""

import io
import sys

import pytest

from apps.shared.commands import main
from tests.apps.shared.tiny_tasks import CountTask, ReverseTask


@pytest.fixture(scope="session")
def reverse_model(tmp_path_factory):
    """The folder of a model that reverses digits."""
    folder = tmp_path_factory.mktemp("reverse") / "model"
    assert main(ReverseTask(), ["train", "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def count_model(tmp_path_factory):
    """The folder of a model that counts letters."""
    folder = tmp_path_factory.mktemp("count") / "model"
    assert main(CountTask(), ["train", "--output", str(folder)]) == 0
    return folder


@pytest.fixture
def standard_input(monkeypatch):
    """Sets what standard input holds, as bytes."""

    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give
