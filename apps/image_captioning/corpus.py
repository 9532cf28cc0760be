"""Photos and their captions: Flickr8k, frames of MSR-VTT's clips, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.image_captioning.recipe import ImageCaptioningRecipe
from apps.shared.captioning.text import CaptionSet
from apps.shared.errors import UserError
from data.corpora import captions, flickr8k, msrvtt
from data.photos import PhotoFiles


@dataclass(frozen=True, kw_only=True)
class CaptionedPhotos:
    """One part of a corpus."""

    captions: CaptionSet
    files: PhotoFiles


def read_split(recipe: ImageCaptioningRecipe, split: str, options: Any) -> CaptionedPhotos:
    """Reads one part of the recipe's corpus, or of the user's own files.

    Args:
        recipe: names the corpus.
        split: "train", "val" or "test".
        options: has `data_dir`, `photos`, `captions_file`, and for the split "val" `dev_captions_file` where it has it.

    Raises:
        UserError: there is nothing to read, or only a part of the user's own is named.
        ValueError, FileNotFoundError: see `data.corpora`.
    """
    dev = split == "val" and hasattr(options, "dev_captions_file")
    own = options.dev_captions_file if dev else options.captions_file
    given = [getattr(options, name, None) for name in ("captions_file", "dev_captions_file")]
    if any(given):
        if own is None or options.photos is None:
            both = " and --dev-captions-file" if hasattr(options, "dev_captions_file") else ""
            raise UserError(f"Give --photos (a folder or a tar) and --captions-file{both} together.")
        return CaptionedPhotos(captions=CaptionSet.of(captions.read_file(own)), files=PhotoFiles(options.photos))
    if options.data_dir is None:
        raise UserError(
            "No corpus to read. Name the folder that holds it with --data-dir or in CARROUSEL_DATA, or give "
            "--photos and --captions-file."
        )
    if recipe.corpus == "msrvtt":
        frames = options.photos or msrvtt.frames(options.data_dir)
        items = msrvtt.read_frames(options.data_dir, split)
        return CaptionedPhotos(captions=CaptionSet.of(items), files=PhotoFiles(frames))
    items = flickr8k.read(options.data_dir, split)
    photos: Path = options.photos or flickr8k.photos(options.data_dir)
    return CaptionedPhotos(captions=CaptionSet.of(items), files=PhotoFiles(photos))
