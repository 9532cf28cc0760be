"""Flags from dataclass fields: values arrive whole, errors come in one line."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.shared import flags
from apps.shared.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where things are."""

    output: Path
    """The folder."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large."""

    units: int = 4
    """LSTM units."""
    kernels: tuple[int, ...] = (3, 5)
    """Widths."""
    tied: bool = True
    """Share weights."""

    def __post_init__(self):
        if self.units < 1:
            raise ValueError(f"units must be at least 1, got {self.units}.")


def parse(*words):
    return flags.parse("python -m apps.x train", "Trains.", {"run": Paths, "recipe": Sizes(units=8)}, words)


def test_each_dataclass_gets_its_own_fields():
    values = parse("--output", "runs/x", "--kernels", "1", "2", "3", "--no-tied")
    assert values == {"run": Paths(output=Path("runs/x")), "recipe": Sizes(units=8, kernels=(1, 2, 3), tied=False)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Missing: --output. See: python -m apps.x train --help"),
        (("--output", "x", "--units", "0"), "units must be at least 1, got 0. See: python -m apps.x train --help"),
        (
            ("--output", "x", "--units", "many"),
            "Error parsing --units: invalid literal for int() with base 10: 'many'.",
        ),
        (("--output", "x", "--heads", "8"), "Unrecognized options: --heads, 8."),
        (("--output",), "Missing value for argument '--output'."),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])  # tyro draws its boxes differently
def test_errors_come_in_one_line(words, message, encoding, monkeypatch):
    class Terminal:
        def __init__(self):
            self.encoding = encoding

        def __getattr__(self, name):
            return lambda *_: None

    monkeypatch.setattr("sys.stdout", Terminal())
    with pytest.raises(UserError) as error:
        parse(*words)
    assert str(error.value).startswith(message)
    assert "│" not in str(error.value) and "---" not in str(error.value).replace("--help", "")


def test_help_shows_the_defaults_that_hold(capsys):
    with pytest.raises(SystemExit) as end:
        parse("--help")
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "(default: 8)" in shown and "LSTM units." in shown and "(required)" in shown


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--recipe", "de-en"], "de-en"),
        (["--seed", "1", "--recipe=de-en"], "de-en"),
        (["--recipe", "a", "--recipe", "b"], "b"),
        (["--text", ""], None),
        (["--recipe"], None),
    ],
)
def test_one_flag_is_found_before_the_others_are_understood(words, value):
    assert flags.first_value(words, "--recipe") == value


def test_an_empty_text_is_a_value():
    assert flags.first_value(["--text", ""], "--text") == ""
    assert flags.first_value(["--text="], "--text") == ""
