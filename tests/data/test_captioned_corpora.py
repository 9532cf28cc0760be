"""Captions from the official files of Flickr8k, from JSON as COCO has it, and from a table."""

import gzip
import json

import pytest

from data.corpora import flickr8k
from data.corpora.captions import read_coco, read_file, read_table

TOKENS = "a.jpg#0\tA dog .\na.jpg#1\tTwo dogs .\nb.jpg#0\tA cat .\nelsewhere.jpg.1#0\tNo photo .\n"


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "flickr8k"
    folder.mkdir()
    (folder / "Flickr8k.token.txt.gz").write_bytes(gzip.compress(TOKENS.encode()))
    (folder / "Flickr_8k.trainImages.txt").write_text("b.jpg\na.jpg\n")
    (folder / "Flickr_8k.devImages.txt").write_text("c.jpg\n")
    return tmp_path


def test_a_split_has_its_photos_in_its_order_with_all_their_captions(corpus):
    items = flickr8k.read(corpus, "train")
    assert [(item.name, item.captions) for item in items] == [
        ("b.jpg", ("A cat .",)),
        ("a.jpg", ("A dog .", "Two dogs .")),
    ]
    assert flickr8k.read(corpus / "flickr8k", "train") == items


def test_what_is_wrong_with_the_official_files_is_named(corpus):
    with pytest.raises(ValueError, match="c.jpg has no caption"):
        flickr8k.read(corpus, "val")
    with pytest.raises(FileNotFoundError, match="No Flickr_8k.testImages.txt"):
        flickr8k.read(corpus, "test")
    with pytest.raises(FileNotFoundError, match="photos.tar"):
        flickr8k.photos(corpus)
    (corpus / "flickr8k" / "Flickr8k.token.txt.gz").write_bytes(gzip.compress(b"a.jpg#0\tA dog .\na.jpg A dog .\n"))
    with pytest.raises(ValueError, match="line 2: expected NAME.jpg#0, a tab and a caption, got 'a.jpg A dog .'"):
        flickr8k.read(corpus, "train")


def coco(path, images, annotations):
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


def test_coco_gives_each_image_its_captions_and_leaves_out_those_without(tmp_path):
    images = [{"id": 7, "file_name": "seven.jpg"}, {"id": 8, "file_name": "eight.jpg"}]
    said = [
        {"image_id": 7, "caption": " A dog. "},
        {"image_id": 7, "caption": "Dogs."},
        {"image_id": 8, "caption": " "},
    ]
    (item,) = read_file(coco(tmp_path / "captions.json", images, said))
    assert (item.name, item.captions) == ("seven.jpg", ("A dog.", "Dogs."))


def test_what_is_wrong_with_coco_is_named(tmp_path):
    path = tmp_path / "captions.json"
    for content, message in {
        "[1": "is not JSON",
        "[]": "no list 'images'",
        '{"images": [{}], "annotations": []}': "no 'id'",
        '{"images": [], "annotations": [{"image_id": 3, "caption": "A dog."}]}': "image 3, which is not among",
        '{"images": [], "annotations": []}': "has no captions",
    }.items():
        path.write_text(content)
        with pytest.raises(ValueError, match=message):
            read_coco(path)


def test_a_table_has_one_caption_a_row(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('image,caption\na.jpg,"A dog, running"\nb.jpg,A cat\na.jpg,Dogs\n', encoding="utf-8-sig")
    assert [(item.name, item.captions) for item in read_file(path)] == [
        ("a.jpg", ("A dog, running", "Dogs")),
        ("b.jpg", ("A cat",)),
    ]


def test_what_is_wrong_with_a_table_is_named(tmp_path):
    path = tmp_path / "mine.csv"
    for content, message in {
        b"photo,text\na.jpg,A dog\n": "line 1: expected columns image and caption, got photo, text",
        b"image,caption\na.jpg,A dog\nb.jpg\n": "line 3: a name and a caption",
        b"image,caption\na.jpg,\xff\n": "not UTF-8",
        b"image,caption\n": "has no captions",
    }.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_table(path)
