"""Files and folders that appear whole or not at all."""

import os

import pytest

from serving.files import whole_file, whole_folder


def test_a_file_appears_only_at_the_end(tmp_path):
    with whole_file(tmp_path / "out") as file:
        file.write(b"half")
        assert not (tmp_path / "out").exists()
        file.write(b" and half")
    assert (tmp_path / "out").read_bytes() == b"half and half"
    assert os.listdir(tmp_path) == ["out"]


def test_an_error_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "out") as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert (tmp_path / "out").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with whole_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_device_is_written_directly():
    with whole_file("/dev/null") as file:
        file.write(b"gone")
    assert not os.path.isfile("/dev/null")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder. Name a file."), whole_file(tmp_path):
        pass


def test_a_folder_appears_only_at_the_end(tmp_path):
    with whole_folder(tmp_path / "new" / "model") as folder:
        (folder / "a").write_text("a")
        assert not (tmp_path / "new" / "model").exists()
    assert os.listdir(tmp_path / "new" / "model") == ["a"]
    assert os.listdir(tmp_path / "new") == ["model"]


def test_an_error_leaves_no_folder(tmp_path):
    with pytest.raises(ValueError, match="no"), whole_folder(tmp_path / "model") as folder:
        (folder / "a").write_text("a")
        raise ValueError("no")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_holds_something_is_never_replaced(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(FileExistsError, match="Name a new folder"), whole_folder(tmp_path):
        pass
    assert (tmp_path / "mine").read_text() == "precious"


def test_what_a_killed_process_of_the_same_number_left_is_no_obstacle(tmp_path):
    stale = tmp_path / f".model.{os.getpid()}.partial"
    stale.mkdir()
    (stale / "half").write_text("half")
    with whole_folder(tmp_path / "model") as folder:
        (folder / "a").write_text("a")
    assert os.listdir(tmp_path / "model") == ["a"]
