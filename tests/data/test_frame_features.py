"""Ready frame features, and the corpora of clips."""

import gzip
import json
import pickle

import numpy as np
import pytest

from data.corpora import msrvtt, msvd, video_svo
from data.frame_features import FrameFeatures, evenly, padded


def test_a_folder_of_one_file_a_clip_is_read(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((80, 5), np.float64))
    np.save(tmp_path / "b.npy", np.ones(5, np.float16))
    features = FrameFeatures(tmp_path)
    assert sorted(features) == ["a", "b"] and features.width == 5
    assert features["a"].shape == (80, 5) and features["b"].shape == (1, 5) and features["b"].dtype == np.float32
    assert FrameFeatures(tmp_path / "a.npy")["a"].shape == (80, 5)


def test_an_archive_is_read_in_both_layouts(tmp_path):
    np.savez(tmp_path / "keys.npz", a=np.ones((2, 3)), b=np.zeros((4, 3)))
    np.savez(tmp_path / "ids.npz", features=np.ones((2, 6, 3)), ids=np.array(["x", "y"]))
    assert {name: value.shape for name, value in FrameFeatures(tmp_path / "keys.npz").items()} == {
        "a": (2, 3),
        "b": (4, 3),
    }
    assert FrameFeatures(tmp_path / "ids.npz")["y"].shape == (6, 3)


def test_what_could_run_code_or_is_no_number_is_refused(tmp_path):
    with open(tmp_path / "evil.npy", "wb") as file:
        pickle.dump({"a": 1}, file)
    np.save(tmp_path / "nan.npy", np.full((2, 3), np.nan))
    np.save(tmp_path / "deep.npy", np.zeros((2, 3, 4)))
    features = FrameFeatures(tmp_path)
    for name, why in {"evil": "pickle|magic|whole", "nan": "no numbers", "deep": "expected"}.items():
        with pytest.raises(ValueError, match=why):
            features[name]
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(ValueError, match="whole"):
        FrameFeatures(tmp_path / "cut.npz")
    with pytest.raises(FileNotFoundError):
        FrameFeatures(tmp_path / "none")


def test_frames_are_thinned_evenly_and_padded_with_zeros():
    assert evenly(np.arange(8)[:, None], 4)[:, 0].tolist() == [1, 3, 5, 7]
    whole = padded([np.ones((1, 2)), np.ones((3, 2))])
    assert whole.shape == (2, 3, 2) and whole[0, 1:].sum() == 0 and whole[1].sum() == 6
    with pytest.raises(ValueError, match="Clip 2"):
        padded([np.ones((1, 2)), np.ones((1, 3))])


def write_gzip(path, text):
    path.write_bytes(gzip.compress(text.encode()))


def test_msrvtt_gives_each_clip_its_captions_and_frames(tmp_path):
    write_gzip(tmp_path / "captions.json.gz", json.dumps({"video1": ["a dog", "a puppy"], "video2": ["a cat"]}))
    write_gzip(tmp_path / "frames.csv.gz", "video_id,split,frames\nvideo1,train,2\nvideo2,validate,1\nvideo3,test,1\n")
    (item,) = msrvtt.read(tmp_path, "train")
    assert item.captions == ("a dog", "a puppy") and item.frames == ("video1/0.jpg", "video1/1.jpg")
    assert [item.name for item in msrvtt.read(tmp_path, "val")] == ["video2"]
    with pytest.raises(ValueError, match="video3 has no captions"):
        msrvtt.read(tmp_path, "test")


def test_frames_as_photos_share_out_their_clips_captions(tmp_path):
    said = [f"caption {number}" for number in range(20)]
    write_gzip(tmp_path / "captions.json.gz", json.dumps({"video1": said, "video2": said, "video3": ["one"]}))
    table = "video_id,split,frames\nvideo1,train,3\nvideo2,validate,3\nvideo3,train,2\n"
    write_gzip(tmp_path / "frames.csv.gz", table)
    items = msrvtt.read_frames(tmp_path, "train")
    assert [item.name for item in items] == [f"video1/{n}.jpg" for n in range(3)] + ["video3/0.jpg", "video3/1.jpg"]
    assert [len(item.captions) for item in items] == [5, 5, 5, 1, 1]
    assert len({caption for item in items[:3] for caption in item.captions}) == 15
    (middle,) = msrvtt.read_frames(tmp_path, "val")
    assert (middle.name, middle.captions) == ("video2/1.jpg", tuple(said))


def test_msvd_follows_its_official_lists(tmp_path):
    write_gzip(tmp_path / "captions.json.gz", json.dumps({"a_1_2": ["x"], "b_1_2": ["y", "z"]}))
    (tmp_path / "test_list.txt").write_text("b_1_2\n")
    assert msvd.read(tmp_path, "test")[0].captions == ("y", "z")
    (tmp_path / "train_list.txt").write_text("c_1_2\n")
    with pytest.raises(ValueError, match="c_1_2 has no captions"):
        msvd.read(tmp_path, "train")


def test_triples_are_split_into_folds_that_do_not_meet(tmp_path):
    labels = {f"video{number}": "dog stand_behind ball" for number in range(11)}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    items = video_svo.read(tmp_path)
    assert items[0].captions == ("dog stand-behind ball",)
    parts = [{item.name for item in video_svo.fold(items, split, 4)} for split in ("train", "val", "test")]
    assert sum(map(len, parts)) == 11 and len(set.union(*parts)) == 11
    tests = [item.name for number in range(5) for item in video_svo.fold(items, "test", number)]
    assert sorted(tests) == sorted(labels)
    (tmp_path / "labels.json").write_text(json.dumps({"video0": "dog runs"}))
    with pytest.raises(ValueError, match="video0"):
        video_svo.read(tmp_path)
