"""Labelled corpora: IMDB from its archive or folder, SST from its trees, and the user's own tables."""

import gzip
import io
import tarfile

import pytest

from data.corpora import imdb, labelled, sst
from data.corpora.labelled import Example

FILES = {
    "aclImdb/README": "read me",
    "aclImdb/train/pos/0_9.txt": "Fine.<br />",
    "aclImdb/train/neg/0_1.txt": "Bad.",
    "aclImdb/train/unsup/0_0.txt": "Or so.",
    "aclImdb/test/pos/0_8.txt": "Très bien.",
}


@pytest.fixture(params=["gz", "xz", "folder"])
def directory(request, tmp_path):
    """IMDB as it is fetched, packed in another way, or unpacked."""
    if request.param == "folder":
        for name, text in FILES.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path
    with tarfile.open(tmp_path / f"aclImdb_v1.tar.{request.param}", f"w:{request.param}") as archive:
        for name, text in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return tmp_path


def test_imdb_is_read_from_archives_and_folders_alike(directory):
    reviews = {(review.split, *review.example) for review in imdb.read(directory)}
    assert reviews == {
        ("train", "Fine.<br />", "positive"),
        ("train", "Bad.", "negative"),
        ("unsup", "Or so.", ""),
        ("test", "Très bien.", "positive"),
    }
    assert [review.example.text for review in imdb.read(directory, ("test",))] == ["Très bien."]
    assert len(list(directory.rglob("*"))) in (1, 12)  # nothing was unpacked


def test_a_cut_off_archive_is_named(tmp_path):
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        entry = tarfile.TarInfo("aclImdb/train/pos/0_9.txt")
        entry.size = 100_000
        archive.addfile(entry, io.BytesIO(bytes(range(250)) * 400))
    (tmp_path / "aclImdb_v1.tar.gz").write_bytes(whole.getvalue()[:300])
    with pytest.raises(ValueError, match="aclImdb_v1.tar.gz is not a whole archive"):
        list(imdb.read(tmp_path))


def test_a_missing_imdb_is_said_with_what_was_looked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No aclImdb_v1.tar.gz and no folder aclImdb.*CARROUSEL_DATA"):
        imdb.find(tmp_path)


def test_every_phrase_of_a_tree_has_its_label_inner_ones_first():
    found = sst.parse("(3 (2 A) (4 (2 -LRB-) (4 joy)))")
    assert found == [("A", 2), ("(", 2), ("joy", 4), ("( joy", 4), ("A ( joy", 3)]


@pytest.mark.parametrize("line", ["(3 (2 A)", "(7 A)", "A)", "3 A", "()"])
def test_what_is_no_tree_is_named(line):
    with pytest.raises(ValueError, match="line 5"):
        sst.parse(line, "train.txt, line 5")


@pytest.fixture
def treebank(tmp_path):
    (tmp_path / "trees").mkdir()
    trees = "(4 (2 A) (4 joy))\n(2 (2 A) (2 film))\n(0 (1 Dull) (2 film))\n"
    (tmp_path / "trees" / "dev.txt.gz").write_bytes(gzip.compress(trees.encode()))
    (tmp_path / "stsa.fine.test").write_text("1 dull and slow\n2 a film\n", encoding="utf-8")
    return tmp_path


def test_sst_has_five_classes_or_two_without_the_neutral_ones(treebank):
    assert [one.label for one in sst.read(treebank, "dev", 5)] == ["very positive", "neutral", "very negative"]
    assert list(sst.read(treebank, "dev", 2)) == [Example("A joy", "positive"), Example("Dull film", "negative")]
    phrases = [one.text for one in sst.read(treebank, "dev", 2, phrases=True)]
    assert phrases == ["joy", "A joy", "Dull", "Dull film"]


def test_sentences_without_trees_are_read_too(treebank):
    assert list(sst.read(treebank, "test", 2)) == [Example("dull and slow", "negative")]
    with pytest.raises(FileNotFoundError, match="No trees/test.txt"):
        sst.read(treebank, "test", 2, phrases=True).__next__()


def test_a_table_is_read_with_commas_semicolons_or_tabs(tmp_path):
    rows = [Example('a "quoted", text\nof two lines', "1"), Example("b", "2")]
    (tmp_path / "a.csv").write_text('label,text\n1,"a ""quoted"", text\nof two lines"\n2,b\n\n', encoding="utf-8")
    (tmp_path / "b.csv").write_text("\ufefftext;label\nb;2\n", encoding="utf-8")
    (tmp_path / "c.tsv.gz").write_bytes(gzip.compress(b'label\tsentence\n1\tan "open quote\n2\tb\n'))
    assert list(labelled.read(tmp_path / "a.csv")) == rows
    assert list(labelled.read(tmp_path / "b.csv")) == rows[1:]
    found = list(labelled.read(tmp_path / "c.tsv.gz", "sentence"))
    assert found == [Example('an "open quote', "1"), Example("b", "2")]


def test_a_table_is_streamed():
    """A million rows must not be held: the second row is given before the third is read."""
    import inspect

    assert inspect.isgeneratorfunction(labelled.read) and inspect.isgeneratorfunction(labelled._lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text,label\nfine,\n", "line 2: the label is empty"),
        (b"text,label\nfine\n", "line 2: 1 columns, and the header has 2"),
        (b"review,label\nfine,a\n", "no column 'text'; it has 'review', 'label'"),
        (b"", "no column 'text'; it has none"),
        (b"text,label\nfine,a\n\xff\xfe,b\n", "line 3: not UTF-8"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(tmp_path, content, message):
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        list(labelled.read(tmp_path / "bad.csv"))
