"""The commands on trained models: one line out per item in, whole files, honest exit codes."""

import errno
import json
import os
import shutil
import sys

import pytest

from apps.shared import files
from apps.shared.commands import main
from tests.apps.shared.tiny_tasks import CountTask, Reverser, ReverseTask, save_picture


def reverse(*words):
    return main(ReverseTask(), [str(word) for word in words])


def count(*words):
    return main(CountTask(), [str(word) for word in words])


# predict


def test_one_text_gives_one_line(reverse_model, capsys):
    assert reverse("predict", "--model", reverse_model, "--text", "1 2 3") == 0
    assert capsys.readouterr() == ("3 2 1\n", "")


def test_many_lines_keep_their_order_and_an_empty_line_stays_empty(reverse_model, standard_input, capsys):
    standard_input(b"1 2 3\n\n4 5\r\n   \n6")
    assert reverse("predict", "--model", reverse_model, "--input", "-") == 0
    assert capsys.readouterr().out == "3 2 1\n\n5 4\n\n6\n"


def test_bad_lines_are_named_the_others_are_done_and_the_exit_code_is_1(reverse_model, tmp_path, capsys):
    (tmp_path / "in.txt").write_bytes(b"1 2\nfish\n\xff\xfe\n3 4\n")
    words = ("predict", "--model", reverse_model, "--input", tmp_path / "in.txt", "--output", tmp_path / "out.txt")
    assert reverse(*words) == 1
    assert (tmp_path / "out.txt").read_text() == "2 1\n\n\n4 3\n"
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "line 2: Only digits with spaces between them, got 'fish'.",
        "line 3: The line is not UTF-8.",
        "2 of 4 items failed; the others are done.",
    ]


def test_json_lines_have_the_input_first_and_errors_in_place(reverse_model, standard_input, capsys):
    standard_input("1 2\nfish\u2028\n".encode())
    assert reverse("predict", "--model", reverse_model, "--input", "-", "--json") == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    first, second = map(json.loads, lines)
    assert list(first) == ["input", "reversal", "score"] and first["reversal"] == "2 1"
    assert list(second) == ["input", "error"] and second["input"] == "fish\u2028"


def test_notices_go_to_standard_error_and_into_json(reverse_model, capsys):
    assert reverse("predict", "--model", reverse_model, "--text", "1\x00 2", "--json") == 0
    said = capsys.readouterr()
    assert said.err == "1 control character was removed.\n"
    assert json.loads(said.out)["notices"] == ["1 control character was removed."]


def test_more_inputs_than_are_answered_at_once_keep_their_order(reverse_model, standard_input, capsys, monkeypatch):
    monkeypatch.setattr(Reverser, "at_once", 3)
    standard_input(b"".join(b"%d\n" % (n % 10) for n in range(20)))
    assert reverse("predict", "--model", reverse_model, "--input", "-") == 0
    assert capsys.readouterr().out.split() == [str(n % 10) for n in range(20)]


def test_a_text_may_look_like_a_flag(reverse_model, capsys):
    assert reverse("predict", "--model", reverse_model, "--text=--json") == 1
    assert "got '--json'" in capsys.readouterr().err


def test_the_model_decides_the_default_of_the_length_penalty(reverse_model, capsys):
    assert ReverseTask().default_search().length_penalty == 1.0
    for command in ("predict", "evaluate"):
        assert reverse(command, "--model", reverse_model, "--help") == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert "plain sum of log-probabilities. (default: 0.7)" in shown.replace("│ │ ", "")


def test_a_long_text_is_refused(reverse_model, capsys):
    assert reverse("predict", "--model", reverse_model, "--text", "1 " * 10_001) == 1
    assert "10,001 words; the limit is 10,000" in capsys.readouterr().err


def test_pictures_come_from_a_folder_a_list_or_one_by_one(count_model, tmp_path, standard_input, capsys):
    for name, letters in {"b.png": [0, 0, 1, 2], "a.png": [0, 0, 0, 0], "c.PNG": [1, 1, 2, 2]}.items():
        save_picture(tmp_path / name, letters)
    (tmp_path / "notes.txt").write_text("not a picture")
    assert count("predict", "--model", count_model, "--input", tmp_path) == 0
    assert capsys.readouterr().out.split() == ["4", "2", "0"]
    assert count("predict", "--model", count_model, "--image", tmp_path / "b.png") == 0
    assert capsys.readouterr().out.split() == ["2"]
    standard_input(f"{tmp_path}/c.PNG\n\n{tmp_path}/none.png\n{tmp_path}/a.png\n".encode())
    assert count("predict", "--model", count_model, "--input", "-", "--json") == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row.get("label") for row in rows] == ["0", "", None, "4"]
    assert "none.png" in rows[2]["error"]


def test_a_broken_picture_fails_alone(count_model, tmp_path, capsys):
    save_picture(tmp_path / "a.png", [0, 0, 0, 0])
    (tmp_path / "b.png").write_bytes(b"not a picture")
    save_picture(tmp_path / "c.png", [1, 1, 1, 1, 1])
    assert count("predict", "--model", count_model, "--input", tmp_path) == 1
    said = capsys.readouterr()
    assert said.out == "4\n\n\n"
    assert "b.png" in said.err and "5 × 3 pixels" in said.err and "2 of 3 items failed" in said.err


def test_the_trace_tells_what_was_answered(reverse_model, tmp_path, capsys):
    words = ("predict", "--model", reverse_model, "--text", "1 2 3", "--json")
    assert reverse(*words, "--trace", tmp_path / "trace.json") == 0
    answer = json.loads(capsys.readouterr().out)
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert (trace["format"], trace["settings"]["method"]) == ("carrousel.trace", "beam")
    best = trace["hypotheses"][0]
    assert best["text"] == answer["reversal"] == "3 2 1"
    assert best["score"] == pytest.approx(answer["score"], abs=1e-5)


def test_the_answer_begins_with_the_prefix(reverse_model, tmp_path, capsys):
    words = ("predict", "--model", reverse_model, "--text", "1 2 3", "--prefix", "3 7")
    assert reverse(*words, "--trace", tmp_path / "trace.json") == 0
    assert capsys.readouterr().out.startswith("3 7")
    assert json.loads((tmp_path / "trace.json").read_text())["hypotheses"][0]["text"].startswith("3 7")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--text", "1", "--input", "-"], "Give --text or --input, not both."),
        (["--text", "1", "--n-best", "2"], "--n-best needs --json"),
        (["--text", "1", "--n-best", "9", "--json"], "n_best must be between 1 and beam_size (2), got 9."),
        (["--input", "-", "--trace", "t.json"], "--trace follows one input"),
        (["--text", "1", "--output", "nowhere/out"], "nowhere"),
        (["--text", "1", "--output", "."], "is a folder"),
        (["--text", "1", "--trace", "nowhere/t.json"], "there is no folder nowhere"),
        (["--text", "1", "--output", "a", "--trace", "a"], "name the same file"),
        (["--input", "."], ". is a folder. Name a file"),
        (["--input", "utf16.txt"], "utf16.txt is UTF-16, not UTF-8"),
    ],
)
def test_what_does_not_go_together_ends_with_2(reverse_model, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "utf16.txt").write_bytes("1 2\n".encode("utf-16"))
    assert reverse("predict", "--model", reverse_model, *words) == 2
    said = capsys.readouterr()
    assert message in said.err and said.err.count("\n") == 1
    assert os.listdir(tmp_path) == ["utf16.txt"]


def test_a_damaged_model_is_refused_with_the_file_named(reverse_model, tmp_path, capsys):
    shutil.copytree(reverse_model, tmp_path / "model", ignore=shutil.ignore_patterns("run"))
    with open(tmp_path / "model" / "model.weights.h5", "ab") as file:
        file.write(b"x")
    assert reverse("predict", "--model", tmp_path / "model", "--text", "1", "--output", tmp_path / "out") == 2
    assert "model.weights.h5 is damaged" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_model_of_another_task_is_refused(reverse_model, tmp_path, capsys):
    save_picture(tmp_path / "a.png", [0, 0, 0, 0])
    assert count("predict", "--model", reverse_model, "--image", tmp_path / "a.png") == 2
    assert "is a model for reverse, not for count" in capsys.readouterr().err


def test_a_full_disk_is_named_and_the_old_file_stays(reverse_model, tmp_path, monkeypatch, capsys):
    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    real = files.whole_file

    class full_disk:  # noqa: N801
        def __init__(self, path):
            self.real = real(path)

        def __enter__(self):
            return Full(self.real.__enter__())

        def __exit__(self, *error):
            return self.real.__exit__(*error)

    (tmp_path / "out").write_text("old")
    monkeypatch.setattr(files, "whole_file", full_disk)
    assert reverse("predict", "--model", reverse_model, "--text", "1", "--output", tmp_path / "out") == 1
    assert capsys.readouterr().err.startswith("Stopped: the disk is full; free some space")
    assert (tmp_path / "out").read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_ctrl_c_ends_with_130_and_no_half_file(reverse_model, tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Reverser, "answer", interrupted)
    assert reverse("predict", "--model", reverse_model, "--text", "1", "--output", tmp_path / "out") == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    assert os.listdir(tmp_path) == []


def test_a_defect_shows_no_traceback_but_with_debug(reverse_model, monkeypatch, capsys):
    def broken(*_):
        raise KeyError("gate")

    monkeypatch.setattr(Reverser, "answer", broken)
    assert reverse("predict", "--model", reverse_model, "--text", "1") == 1
    assert capsys.readouterr().err == "Stopped: KeyError: 'gate' (--debug shows where.)\n"
    assert reverse("predict", "--model", reverse_model, "--text", "1", "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


# evaluate


def test_the_scores_come_as_a_table_a_report_and_a_plot(reverse_model, tmp_path, capsys):
    words = ("evaluate", "--model", reverse_model, "--split", "test", "--beam-size", "1")
    assert reverse(*words, "--report", tmp_path / "r.json", "--plot", tmp_path / "p.svg") == 0
    assert capsys.readouterr().out == "accuracy 1.000\n"
    assert json.loads((tmp_path / "r.json").read_text()) == {"accuracy": 1.0, "split": "test"}
    assert (tmp_path / "p.svg").read_text() == "<svg/>"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--split", "train"], "No split 'train'. Splits: dev, test."),
        (["--plot", "p.png"], "Plots are written as SVG: name p.svg"),
        (["--report", "nowhere/r.json"], "there is no folder nowhere"),
    ],
)
def test_an_evaluation_that_cannot_start_ends_with_2(reverse_model, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    assert reverse("evaluate", "--model", reverse_model, *words) == 2
    said = capsys.readouterr()
    assert message in said.err and said.out == ""


# export


def test_export_makes_a_new_folder_and_never_touches_another(reverse_model, tmp_path, capsys):
    assert reverse("export", "--model", reverse_model, "--output", tmp_path / "saved") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'saved'}\n"
    assert os.listdir(tmp_path / "saved") == ["signatures.md"]
    assert reverse("export", "--model", reverse_model, "--output", tmp_path / "saved") == 2
    assert "exists. Name a new folder" in capsys.readouterr().err


def test_an_export_that_fails_leaves_nothing(reverse_model, tmp_path, monkeypatch):
    def broken(self, predictor, output):
        (output / "half").write_text("half")
        raise RuntimeError("no")

    monkeypatch.setattr(ReverseTask, "export", broken)
    assert reverse("export", "--model", reverse_model, "--output", tmp_path / "saved") == 1
    assert os.listdir(tmp_path) == []


def test_standard_output_that_is_closed_early_ends_with_1(reverse_model, monkeypatch, capsys):
    class Closed:
        buffer = None

        def write(self, _):
            raise BrokenPipeError

        def flush(self):
            pass

        def fileno(self):
            raise ValueError

    Closed.buffer = Closed()
    monkeypatch.setattr(sys, "stdout", Closed())
    assert reverse("predict", "--model", reverse_model, "--text", "1") == 1
    assert capsys.readouterr().err == "Standard output was closed before everything was written.\n"


@pytest.mark.parametrize("threads", [-1, 10**6])
def test_a_number_of_threads_that_would_end_the_process_is_refused(reverse_model, capsys, threads):
    assert reverse("predict", "--model", reverse_model, "--text", "1", "--threads", threads) == 2
    assert "--threads must be between 0 and 1,024" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--input", "--output", "--model"])
@pytest.mark.parametrize("name", ["a" * 5_000, "\0"])
def test_a_path_that_the_system_refuses_ends_a_command_before_it_starts(reverse_model, capsys, flag, name):
    other = [] if flag == "--input" else ["--text", "1"]
    model = [] if flag == "--model" else ["--model", reverse_model]
    assert reverse("predict", *model, *other, f"{flag}={name}") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_task_without_a_plot_says_so_before_it_evaluates(reverse_model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ReverseTask, "plots", False)
    monkeypatch.setattr(ReverseTask, "evaluate", None)  # not reached
    assert reverse("evaluate", "--model", reverse_model, "--plot", tmp_path / "p.svg") == 2
    assert capsys.readouterr().err == "reverse has no plot. Leave out --plot.\n"


def test_a_handler_that_exits_keeps_its_exit_code(reverse_model, monkeypatch):
    def exits(self, *_):
        raise SystemExit(143)

    monkeypatch.setattr(Reverser, "predict", exits)
    with pytest.raises(SystemExit) as ended:
        reverse("predict", "--model", reverse_model, "--text", "1")
    assert ended.value.code == 143
