"""Tables in text: aligned columns, the longest cut until a row fits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from retrainctl.render.style import Style, cells, pad, shorten

_GAP = 2
_NARROWEST = 8


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    style: Style,
    *,
    right: Collection[int] = (),
    indent: int = 2,
) -> Iterator[str]:
    """Lines of a table whose cells are safe to show.

    Args:
        header: names of the columns.
        right: numbers of the columns that stand to the right, which are never cut.
        indent: blanks before each line.
    """
    widths = [max(cells(row[at]) for row in (header, *rows)) for at in range(len(header))]
    room = style.width - indent - _GAP * (len(header) - 1)
    soft = [at for at in range(len(header)) if at not in right]
    while sum(widths) > room:
        widest = max(soft, key=lambda at: widths[at], default=None)
        if widest is None or widths[widest] <= _NARROWEST:
            break
        rest = max((widths[at] for at in soft if at != widest), default=0)
        spare = sum(widths) - room
        widths[widest] = max(_NARROWEST, widths[widest] - min(spare, max(1, widths[widest] - rest)))
    yield style.paint("quiet", _line(header, widths, style, right, indent))
    for row in rows:
        yield _line(row, widths, style, right, indent)


def _line(row: Sequence[str], widths: Sequence[int], style: Style, right: Collection[int], indent: int) -> str:
    shown = []
    for at, (text, width) in enumerate(zip(row, widths, strict=True)):
        cut = shorten(text, width, style)
        shown.append(" " * (width - cells(cut)) + cut if at in right else pad(cut, width))
    return (" " * indent + (" " * _GAP).join(shown)).rstrip()
