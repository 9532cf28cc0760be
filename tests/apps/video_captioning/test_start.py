"""A captioner of clips starts from one of photos: its encoder, its decoder, and the words that both know."""

import numpy as np
import pytest
from PIL import Image

from apps.shared.captioning import scoring
from apps.shared.captioning.start import Start
from apps.shared.commands import main
from apps.video_captioning import network
from apps.video_captioning.task import VideoCaptioningTask
from data.tokenizers.subwords import SubwordTokenizer
from serving import store
from tests.apps.video_captioning.conftest import small_backbone


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(network, "build_image_encoder", small_backbone)
    monkeypatch.setattr(scoring, "PENALTIES", (1.0,))  # each costs a compiled search


@pytest.fixture
def command(walls, photo_captioner, tmp_path):
    """Flags of a training that hardly moves a weight."""
    words = ["train", "--output", str(tmp_path / "made"), "--start-from", str(photo_captioner), "--corpus", "files"]
    words += ["--clips", str(walls), "--cache", str(tmp_path / "cache"), "--image-encoder", "MobileNet"]
    words += ["--captions-file", str(walls / "train.csv"), "--dev-captions-file", str(walls / "dev.csv")]
    words += "--frame-width 64 --frame-height 32 --epochs 1 --self-critical-epochs 0 --learning-rate 1e-9".split()
    words += "--vocabulary 40 --max-length 30 --embedding-size 8 --weight-decay 0 --average 0 --stop-by loss".split()
    return words


def test_encoder_decoder_and_known_words_are_taken_over_and_all_captions_read_as_text(
    command, photo_captioner, tmp_path, capfd
):
    words = [*command, "--decoder-size", "12", "--language-epochs", "1"]
    assert main(VideoCaptioningTask(), words) == 0
    theirs, ours = (store.read_weights(path / store.WEIGHTS) for path in (photo_captioner, tmp_path / "made"))
    for name in ("backbone/stem/kernel", "decoder/layer/cell/recurrent_kernel", "decoder/first_input/kernel"):
        assert np.allclose(ours[name], theirs[name], atol=2e-3), name
    before, after = (SubwordTokenizer.load(path / "subwords.model") for path in (photo_captioner, tmp_path / "made"))
    old, new = (t.pieces(range(t.size)) for t in (before, after))
    name, both = "decoder/embedding/embeddings", {*old} & {*new}
    assert len(both) > 10 and "▁wall" in {*new} - {*old}
    for piece in both:
        assert np.allclose(ours[name][new.index(piece)], theirs[name][old.index(piece)], atol=2e-3), piece
    stages = (tmp_path / "made" / "metrics.json").read_text()
    assert stages.index("0-language") < stages.index("1-captions")
    captioner = VideoCaptioningTask().open(tmp_path / "made")
    assert captioner.recipe.start_from == str(photo_captioner) and captioner.model.backbone is not None


def test_other_sizes_end_with_the_flags_to_give(command, tmp_path, capfd):
    assert main(VideoCaptioningTask(), [*command, "--decoder-size", "16"]) == 2
    said = capfd.readouterr().err
    assert "--decoder-size 12" in said and "this recipe has 16" in said and not (tmp_path / "made").exists()


def test_a_new_piece_takes_the_mean_of_what_spelled_it_before(photo_captioner):
    start = Start.read(str(photo_captioner), ("image_captioning",))
    table = np.arange(start.tokenizer.size, dtype=np.float32)[:, None] ** 2
    new = SubwordTokenizer.train(["someone films a red wall", "someone films a blue wall"] * 2, 40)
    rows = start._rows(table, new)
    assert rows[:4, 0].tolist() == [0, 1, 4, 9]
    old = start.tokenizer.pieces(range(start.tokenizer.size))
    spelled = [old.index(letter) ** 2 for letter in "▁wall"]
    assert rows[new.pieces(range(new.size)).index("▁wall"), 0] == pytest.approx(np.mean(spelled))


def test_a_model_of_another_application_is_refused(photo_captioner):
    with pytest.raises(store.DamagedModel, match="image_captioning; give one for video_captioning"):
        Start.read(str(photo_captioner), ("video_captioning",))
    assert Start.read("", ("video_captioning",)) is None


def test_clips_made_of_photos_are_learnt_from_beside_the_corpus_own(command, tmp_path, monkeypatch):
    from apps.video_captioning import training

    folder = tmp_path / "corpora" / "flickr8k"
    (folder / "photos").mkdir(parents=True)
    for name in "ab":
        Image.new("RGB", (40, 30), "green").save(folder / "photos" / f"{name}.jpg")
    tokens = "".join(f"{name}.jpg#{number}\ta green {name} .\n" for name in "ab" for number in range(2))
    (folder / "Flickr8k.token.txt").write_text(tokens)
    (folder / "Flickr_8k.trainImages.txt").write_text("a.jpg\nb.jpg\n")
    shown, encoded = [], training.EncodedCaptions
    monkeypatch.setattr(
        training, "EncodedCaptions", lambda captions, *rest: (shown.append(captions), encoded(captions, *rest))[1]
    )
    words = [*command, "--decoder-size", "12", "--made-clips", "3", "--data-dir", str(tmp_path / "corpora")]
    assert main(VideoCaptioningTask(), words) == 0
    names, said = shown[0].names, shown[0].captions
    assert [name.startswith("made/") for name in names] == [False] * (len(names) - 3) + [True] * 3
    assert all(set(captions) <= {"a green a", "a green b"} and len(captions) == 2 for captions in said[-3:])
    assert store.read(tmp_path / "made").recipe["made_clips"] == 3


def test_clips_cannot_be_made_without_photos(command, capfd, monkeypatch):
    monkeypatch.delenv("CARROUSEL_DATA", raising=False)
    assert main(VideoCaptioningTask(), [*command, "--decoder-size", "12", "--made-clips", "3"]) == 2
    assert "--data-dir" in capfd.readouterr().err
