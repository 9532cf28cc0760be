"""Inputs and outputs of the commands."""

import json
import os

import pytest

from apps.shared.errors import UserError
from apps.shared.files import check_new, items, json_line, output, read_lines, write_text


def values(source):
    return [(item.place, item.value, item.error) for item in items(source, "text")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"one", ["one"]),
        (b"one\n", ["one"]),
        (b"one\n\n", ["one", ""]),
        (b"one\r\ntwo", ["one", "two"]),
        (b"\xef\xbb\xbfone", ["one"]),  # a byte order mark
        (
            "a\u2028b\x0cc\x85d".encode(),
            ["a\u2028b\x0cc\x85d"],
        ),  # no ends of lines, or files in step would fall out of it
    ],
)
def test_only_a_new_line_ends_a_line(tmp_path, content, expected):
    (tmp_path / "in").write_bytes(content)
    assert read_lines(tmp_path / "in") == expected
    assert [value for _, value, _ in values(str(tmp_path / "in"))] == expected


def test_a_line_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "in").write_bytes(b"gut\nstra\xdfe\n")
    with pytest.raises(UserError, match="in, line 2: not UTF-8"):
        read_lines(tmp_path / "in")
    assert values(str(tmp_path / "in")) == [("line 1", "gut", ""), ("line 2", "stra\ufffde", "The line is not UTF-8.")]


def test_a_missing_file_is_named_before_the_first_item_is_asked_for():
    with pytest.raises(UserError, match="Cannot read none.txt: no such file or folder: none.txt"):
        items("none.txt", "text")


def test_a_folder_without_a_photo_says_what_was_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UserError, match="No image in .*looked for .jpg"):
        items(str(tmp_path), "image")


def test_json_stays_on_one_line_and_keeps_letters():
    line = json_line({"input": "Straße\u2028\x85\n"})
    assert line.splitlines() == [line] and "Straße" in line
    assert json.loads(line) == {"input": "Straße\u2028\x85\n"}


def test_json_has_no_numbers_that_are_none():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_line({"score": float("nan")})


def test_half_a_character_from_the_command_line_can_be_written():
    assert json_line({"input": "stra\udcdfe"}) == '{"input": "stra?e"}'


def test_an_output_that_cannot_be_made_is_named(tmp_path):
    for target in (tmp_path / "none" / "out", tmp_path):
        with pytest.raises(UserError, match="Cannot write"), output(target):
            pass
    with pytest.raises(UserError, match="no folder"):
        check_new(tmp_path / "none" / "out")
    with pytest.raises(UserError, match="is a folder"):
        check_new(tmp_path)
    check_new(tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_text_is_written_in_utf8_whatever_the_locale(tmp_path):
    write_text(tmp_path / "out", "Straße\n")
    assert (tmp_path / "out").read_bytes() == "Straße\n".encode()
