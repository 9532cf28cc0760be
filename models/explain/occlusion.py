"""What an answer loses when a part of a picture is covered (Zeiler & Fergus 2014, section 4.2).

Nothing is differentiated: the picture is really covered, and the model asked again. A grey square, as wide as two cells
of the encoder's last map, is put over each cell in turn.
"""

from __future__ import annotations

import numpy as np

GREY = 127
"""What the encoders here read as nothing."""
WIDTH = 2.0
"""The square's side in cells: one cell alone is mostly made up for by its neighbours."""

Box = tuple[int, int, int, int]


def squares(height: int, width: int, rows: int, columns: int, cells: float = WIDTH) -> list[Box]:
    """A square over each cell of a grid, row by row, cut off at the edges.

    Args:
        height, width: of the picture, in pixels.
        rows, columns: of the grid.
        cells: the square's side.

    Returns:
        (top, left, bottom, right) of each, in pixels.
    """
    found = []
    for row in range(rows):
        for column in range(columns):
            top, bottom = ((row + 0.5 + side * cells / 2) * height / rows for side in (-1, 1))
            left, right = ((column + 0.5 + side * cells / 2) * width / columns for side in (-1, 1))
            found.append(
                (max(0, round(top)), max(0, round(left)), min(height, round(bottom)), min(width, round(right)))
            )
    return found


def covered(pixels: np.ndarray, boxes: list[Box], grey: int = GREY) -> np.ndarray:
    """The picture once for each box, that box covered: uint8 (height, width, 3) → (boxes, height, width, 3)."""
    pictures = np.repeat(pixels[None], len(boxes), axis=0)
    for picture, (top, left, bottom, right) in zip(pictures, boxes, strict=True):
        picture[top:bottom, left:right] = grey
    return pictures
