"""How a table looks on a terminal; imported only where one is drawn, because rich takes a moment."""

from __future__ import annotations

from rich import box
from rich.cells import cell_len
from rich.table import Table as DrawnTable

from photofinish_cli.output import Table

_BETWEEN_COLUMNS = 3


def draw(table: Table, width: int) -> DrawnTable:
    """Lay `table` out for a terminal of `width` columns; ids stay in one piece, even where they do not fit."""
    drawn = DrawnTable(box=box.SIMPLE_HEAD, pad_edge=False, title=table.title, title_justify="left", title_style="bold")
    drawn_columns = [
        index
        for index, name in enumerate(table.columns)
        if name not in table.optional or any(cells[index] for cells, _ in table.rows)
    ]
    needed = [
        max([cell_len(name), *(cell_len(cells[index]) for cells, _ in table.rows)])
        for index, name in enumerate(table.columns)
    ]
    is_narrow = sum(needed[index] + _BETWEEN_COLUMNS for index in drawn_columns) > width
    for index in drawn_columns:
        name = table.columns[index]
        longest_word = max(map(cell_len, name.split()), default=0)
        is_fixed = is_narrow and name in table.at_least
        drawn.add_column(
            name,
            justify="right" if name in table.right else "left",
            overflow="fold",
            no_wrap=name in table.whole,
            min_width=needed[index] if name in table.whole else longest_word,
            width=min(needed[index], max(table.at_least[name], longest_word)) if is_fixed else None,
        )
    before: tuple[str, ...] = ("",) * len(table.columns)
    for cells, style in table.rows:
        repeated = [
            name in table.grouped and cell == above
            for name, cell, above in zip(table.columns, cells, before, strict=True)
        ]
        drawn.add_row(*("" if repeated[index] else cells[index] for index in drawn_columns), style=style)
        before = cells
    return drawn
