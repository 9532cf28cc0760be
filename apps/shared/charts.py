"""Small charts as SVG text: what `--plot` writes. No library is needed to draw a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

COLOURS = ("#0f4a9a", "#b64500", "#1d8662", "#b2529a")
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 360, 60, 50, 90, 60


def line_chart(
    title: str, across: str, up: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]]
) -> str:
    """Draws lines over named places.

    Args:
        title, across, up: what is drawn, and what the axes mean.
        labels: the places along the horizontal axis.
        series: name → one value a place, None where there is none.

    Returns:
        An SVG document.
    """
    top = _round_up(max((value for line in series.values() for value in line if value is not None), default=1.0))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(labels) - 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 24, title, "start", 'font-size="15" font-weight="600"'),
        _text(LEFT, 42, up, "start", 'fill="#555"'),
        _text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 14, across, "middle", 'fill="#555"'),
    ]
    for tick in range(5):
        value = top * tick / 4
        y = _height(value, top)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{value:g}", "end", 'fill="#555"'))
    for place, label in enumerate(labels):
        parts.append(_text(LEFT + place * step, HEIGHT - BOTTOM + 20, label, "middle", 'fill="#555"'))
    for (name, line), colour in zip(series.items(), COLOURS, strict=False):
        points = [(LEFT + place * step, _height(value, top)) for place, value in enumerate(line) if value is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points)
        if points:
            parts.append(_text(points[-1][0] + 10, points[-1][1] + 4, name, "start", f'fill="{colour}"'))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _round_up(value: float) -> float:
    for top in (1, 2, 4, 10, 20, 40, 60, 80, 100):
        if value <= top:
            return float(top)
    return float(value)


def _height(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _text(x: float, y: float, text: str, anchor: str, more: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'
