"""Clips as features with their captions: MSR-VTT's frames, MSVD's clips, ready features, or the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.shared.captioning.text import CaptionSet
from apps.shared.errors import UserError
from apps.video_captioning.features import Extractor, KeptFeatures
from apps.video_captioning.recipe import READY, VideoCaptioningRecipe
from data.clips import SUFFIXES, ClipRefused, open_clip
from data.corpora import captions, flickr8k, msrvtt, msvd, video_svo
from data.frame_features import FrameFeatures, evenly, padded
from data.made_clips import film, plan
from data.photos import PhotoFiles


@dataclass(frozen=True, kw_only=True)
class CaptionedClips:
    """One part of a corpus.

    Attributes:
        captions: of each clip.
        features: of each clip, float32 (clips, frames, features), rows of zeros where there is no frame.
    """

    captions: CaptionSet
    features: np.ndarray


def read_split(
    recipe: VideoCaptioningRecipe, split: str, options: Any, extractor: Callable[[], Extractor]
) -> CaptionedClips:
    """Reads one part of a corpus and finds or computes its features.

    Args:
        recipe: the corpus and the encoder.
        split: "train", "val" or "test".
        options: has `data_dir`, `features`, `clips`, `captions_file`, `cache`, for "val" `dev_captions_file` too.
        extractor: gives the extractor, where frames must be read or their features found.

    Raises:
        UserError: there is nothing to read.
        ValueError, FileNotFoundError: see `data.corpora`, `data.frame_features`, `data.clips`.
    """
    items = _items(recipe, split, options)
    place = options.features
    if place is None and recipe.corpus == "video_svo":
        place = video_svo.find(options.data_dir) / video_svo.FEATURES
    if place is not None or recipe.image_encoder == READY:
        if place is None:
            raise UserError("Name the ready features with --features: a folder of .npy files, or an .npz.")
        return _ready(recipe, items, FrameFeatures(place))
    kept = KeptFeatures(options.cache, recipe, extractor().fingerprint)
    if recipe.corpus == "msrvtt":
        frames = {item.name: item.frames for item in items}
        marks = [(item.name, " ".join(item.frames)) for item in items]
        files: list[PhotoFiles] = []

        def frames_of(name: str) -> np.ndarray:
            if not files:
                files.append(PhotoFiles(msrvtt.frames(options.data_dir)))
            return np.stack([np.asarray(files[0].open(frame).image, np.uint8) for frame in frames[name]])

        return _together(items, kept.get(marks, frames_of, extractor))
    folder = options.clips or (msvd.clips(options.data_dir) if recipe.corpus == "msvd" else None)
    if folder is None:
        raise UserError("Name the folder of your clips with --clips, or their ready features with --features.")
    return _from_clips(items, folder, kept, extractor)


def read_texts(recipe: VideoCaptioningRecipe, options: Any) -> CaptionSet:
    """The captions of the corpus' whole training part as text, of clips that are not at hand too.

    None of a clip that the model is chosen or tested by is among them.

    Raises:
        UserError: there is nothing to read.
        ValueError, FileNotFoundError: see `data.corpora`.
    """
    if recipe.corpus == "msrvtt" and options.captions_file is None and options.data_dir is not None:
        return CaptionSet.of(msrvtt.read_texts(options.data_dir, "train"))
    return CaptionSet.of(_items(recipe, "train", options))


def with_made_clips(
    clips: CaptionedClips, recipe: VideoCaptioningRecipe, options: Any, extractor: Callable[[], Extractor]
) -> CaptionedClips:
    """The training part of a corpus, and behind it `recipe.made_clips` clips made of Flickr8k's training photos.

    Args:
        clips: the corpus' own.
        recipe, options, extractor: see `read_split`.

    Raises:
        UserError: there is no folder of corpora.
        FileNotFoundError: Flickr8k is not in it.
    """
    if options.data_dir is None:
        raise UserError("--made-clips wants Flickr8k's photos: name the folder of corpora with --data-dir.")
    by_name = {item.name: item for item in flickr8k.read(options.data_dir, "train")}
    made = plan(list(by_name), recipe.made_clips)
    size = (recipe.frame_width, recipe.frame_height)
    photos = PhotoFiles(flickr8k.photos(options.data_dir))
    films = {clip.name: clip for clip in made}

    def frames_of(name: str) -> np.ndarray:
        return film(films[name], lambda photo: photos.open(photo).image, size)

    marks = [(clip.name, " ".join(f"{photo}:{frames}" for photo, frames in clip.shots)) for clip in made]
    kept = KeptFeatures(options.cache, recipe, extractor().fingerprint)
    said = [captions.CaptionedItem(name=clip.name, captions=by_name[clip.about].captions) for clip in made]
    more = _together(said, kept.get(marks, frames_of, extractor))
    return CaptionedClips(
        captions=CaptionSet(
            names=clips.captions.names + more.captions.names, captions=clips.captions.captions + more.captions.captions
        ),
        features=padded([*clips.features, *more.features]),
    )


def _items(recipe: VideoCaptioningRecipe, split: str, options: Any) -> Sequence[Any]:
    dev = split == "val" and hasattr(options, "dev_captions_file")
    own = options.dev_captions_file if dev else options.captions_file
    if own is not None:
        return captions.read_file(own)
    if recipe.corpus == "files" or options.captions_file is not None:
        both = " and --dev-captions-file" if hasattr(options, "dev_captions_file") else ""
        raise UserError(
            f"Give --captions-file{both}: JSON as COCO has it, or a CSV table with columns file and caption."
        )
    if options.data_dir is None:
        raise UserError(
            "No corpus to read. Name the folder of corpora with --data-dir or in CARROUSEL_DATA, or give "
            "--captions-file with --clips or --features."
        )
    if recipe.corpus == "video_svo":
        return video_svo.fold(video_svo.read(options.data_dir), split, recipe.fold)
    return (msvd if recipe.corpus == "msvd" else msrvtt).read(options.data_dir, split)


def _ready(recipe: VideoCaptioningRecipe, items: Sequence, ready: FrameFeatures) -> CaptionedClips:
    """The clips that have features, by id or by file name without its ending."""
    names = set(ready)
    known = [(item, name) for item in items for name in (item.name, Path(item.name).stem) if name in names]
    chosen = list({item.name: (item, name) for item, name in reversed(known)}.values())[::-1]
    if not chosen:
        raise UserError(f"None of the {len(items):,} clips has features in {ready.place}.")
    arrays = [evenly(ready[name], recipe.max_frames) for _, name in chosen]
    return _together([item for item, _ in chosen], arrays)


def _from_clips(items: Sequence, folder: Path, kept: KeptFeatures, extractor) -> CaptionedClips:
    paths = {item.name: path for item in items if (path := _clip_path(folder, item.name))}
    items = [item for item in items if item.name in paths]
    if not items:
        raise UserError(f"None of the captioned clips is in {folder}.")
    marks = [(item.name, str(paths[item.name].stat().st_size)) for item in items]
    return _together(items, kept.get(marks, lambda name: _frames(paths[name]), extractor))


def _frames(path: Path) -> np.ndarray:
    try:
        return open_clip(path).frames
    except ClipRefused as error:
        raise ClipRefused(f"{path}: {error}") from error


def _clip_path(folder: Path, name: str) -> Path | None:
    tried = [folder / name, *(folder / f"{name}{suffix}" for suffix in SUFFIXES)]
    return next((path for path in tried if path.exists()), None)


def _together(items: Sequence, arrays: list[np.ndarray]) -> CaptionedClips:
    said = CaptionSet.of(items)
    by_name = {item.name: array for item, array in zip(items, arrays, strict=True)}
    return CaptionedClips(captions=said, features=padded([by_name[name] for name in said.names]))
