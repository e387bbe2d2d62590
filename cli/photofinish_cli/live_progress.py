"""The moving progress bar; imported only where one is shown, because rich's takes a moment."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class LiveBar:
    """Label, bar, done/total, rate and time remaining; moves between `start` and `stop`."""

    def __init__(self, on: Console, label: str, total: int, unit: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(unit),
            TimeRemainingColumn(compact=True),
            console=on,
        )
        self._task = self._progress.add_task(label, total=total)

    def advance(self, count: int = 1) -> None:
        """`count` more are done."""
        self._progress.advance(self._task, count)

    def update(self, *, done: int, total: int | None = None) -> None:
        """Set how many are done, and of how many where that changed."""
        self._progress.update(self._task, completed=done, total=total)

    def __enter__(self) -> LiveBar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


class _RateColumn(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} {self._unit}/s" if speed else f"– {self._unit}/s", style="progress.data.speed")
