"""Pictures as inline SVG: bars and lines, each number also as text.

No chart library: a page has to open in ten years, print in grey and be read aloud.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from handover.safe_text import plain

ROW = 26
LABEL = 190
WIDTH = 860
GREYS = ("#24527a", "#4f86b0", "#86b0cf", "#b9d2e4", "#dde9f2")
"""Dark to light: told apart in print, too."""


def escape(text: str) -> str:
    """Make a text plain, and write it so that XML takes it for a text."""
    return html.escape(plain(text))


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row: a label and a share from 0 to 100, None where there is none."""

    label: str
    share: float | None
    text: str = ""
    """What stands behind the bar; the share itself when empty."""


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """Draw horizontal bars of shares."""
    room = WIDTH - LABEL - 110
    parts = []
    for n, row in enumerate(rows):
        top = n * ROW
        share = row.share or 0.0
        said = row.text or ("-" if row.share is None else f"{row.share:.0f}")
        parts.append(
            f'<text x="{LABEL - 10}" y="{top + 17}" text-anchor="end" font-size="13">'
            f"{escape(row.label)}</text>"
            f'<rect x="{LABEL}" y="{top + 5}" width="{room}" height="16" '
            'fill="#eef2f6"/>'
            f'<rect x="{LABEL}" y="{top + 5}" width="{room * share / 100:.1f}" '
            f'height="16" fill="{GREYS[0]}"/>'
            f'<text x="{LABEL + room + 8}" y="{top + 17}" font-size="13">'
            f"{escape(said)}</text>"
        )
    return _picture(title, "".join(parts), len(rows) * ROW + 4)


def grid(
    title: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float | None]]],
) -> Markup:
    """Draw a table of shares: each cell a bar with its number, darker when fuller."""
    width = (WIDTH - LABEL) / max(len(columns), 1)
    parts = [
        f'<text x="{LABEL + n * width + 4:.0f}" y="14" font-size="12">'
        f"{escape(name)}</text>"
        for n, name in enumerate(columns)
    ]
    for n, (label, shares) in enumerate(rows):
        top = 22 + n * ROW
        parts.append(
            f'<text x="{LABEL - 10}" y="{top + 16}" text-anchor="end" font-size="13">'
            f"{escape(label)}</text>"
        )
        parts.extend(
            _cell(LABEL + k * width, top, width - 6, share)
            for k, share in enumerate(shares)
        )
    return _picture(title, "".join(parts), 22 + len(rows) * ROW + 4)


def _cell(left: float, top: float, width: float, share: float | None) -> str:
    frame = (
        f'<rect x="{left:.1f}" y="{top + 3}" width="{width:.1f}" height="20" '
        'fill="#eef2f6"/>'
    )
    if share is None:
        return f'{frame}<text x="{left + 6:.1f}" y="{top + 17}" font-size="12">-</text>'
    filled = width * share / 100
    inside = share > 25
    x = left + 6 if inside else left + filled + 6
    return (
        f"{frame}"
        f'<rect x="{left:.1f}" y="{top + 3}" width="{filled:.1f}" height="20" '
        f'fill="{GREYS[1]}"/>'
        f'<text x="{x:.1f}" y="{top + 17}" font-size="12" '
        f'style="fill:{"#fff" if inside else "#1d2733"}">{share:.0f}</text>'
    )


def line(title: str, points: Sequence[tuple[str, float | None]]) -> Markup:
    """Draw a course of shares from 0 to 100, first and last with their numbers."""
    known = [
        (n, label, share)
        for n, (label, share) in enumerate(points)
        if share is not None
    ]
    if not known:
        return Markup("")
    step = (WIDTH - 120) / max(len(points) - 1, 1)
    spots = [
        (60 + n * step, 130 - share * 1.1, label, share) for n, label, share in known
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in spots)
    parts = [
        '<line x1="60" y1="130" x2="800" y2="130" stroke="#d5dce4"/>',
        f'<polyline points="{path}" fill="none" stroke="{GREYS[0]}" stroke-width="2"/>',
    ]
    for x, y, label, share in (spots[0], spots[-1]):
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{GREYS[0]}"/>'
            f'<text x="{x:.1f}" y="{y - 9:.1f}" text-anchor="middle" font-size="12">'
            f"{share:.0f}</text>"
            f'<text x="{x:.1f}" y="148" text-anchor="middle" font-size="12">'
            f"{escape(label)}</text>"
        )
    return _picture(title, "".join(parts), 156)


def _picture(title: str, content: str, height: float) -> Markup:
    said = escape(title)
    return Markup(  # noqa: S704 - every text in it went through escape
        f'<svg role="img" aria-label="{said}" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{said}</title>{content}</svg>"
    )
