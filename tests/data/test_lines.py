"""Lines and JSON of files from outside: what they unpack to is never held whole."""

import gzip
import lzma
import tracemalloc

import pytest

from data.corpora import lines
from data.corpora.lines import raw_lines, read_json, read_lines


@pytest.mark.parametrize("suffix, pack", [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_lines_are_read_plain_or_packed(tmp_path, suffix, pack):
    path = tmp_path / f"x.txt{suffix}"
    path.write_bytes(pack("\ufeff eins \n\nzwei\u2028drei\nvier".encode()))
    assert read_lines(path) == ["eins", "", "zwei\u2028drei", "vier"]


@pytest.mark.parametrize(
    "name, pack", [("x.gz", lambda b: gzip.compress(b, 1)), ("x.xz", lambda b: lzma.compress(b, preset=0))]
)
def test_kilobytes_that_unpack_to_one_endless_line_are_refused_within_little_memory(tmp_path, monkeypatch, name, pack):
    monkeypatch.setattr(lines, "MAX_LINE", 2**20)
    (tmp_path / name).write_bytes(pack(bytes(100 * 2**20)))
    tracemalloc.start()
    with pytest.raises(ValueError, match="line 1: over 1 MiB. This is no text"):
        list(raw_lines(tmp_path / name))
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()


def test_more_lines_than_memory_is_meant_to_hold_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINES", 5)
    (tmp_path / "x.txt").write_bytes(b"\n" * 6)
    with pytest.raises(ValueError, match="over 5 lines"):
        read_lines(tmp_path / "x.txt")


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b"{", b"\xff", b"9" * 10_000], ids=["deep", "cut", "latin", "long"]
)
def test_what_is_no_json_is_refused_by_name(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(ValueError):
        read_json(tmp_path / "x.json")
