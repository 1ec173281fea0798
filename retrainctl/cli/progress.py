"""How far the work is: bars where somebody watches a terminal, few plain lines everywhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TextIO

from retrainctl.fastclass import dataclass
from retrainctl.ports import Progress
from retrainctl.render.escape import visible

if TYPE_CHECKING:
    from rich.progress import TaskID

_FEW: Final = 20
_FIRST: Final = 0.8
_EVERY: Final = 5.0
_SILENT: Final = 30.0


@dataclass(slots=True)
class _Task:
    began: float
    latest: Progress
    spoke: float | None = None
    said: Progress | None = None

    @property
    def over(self) -> bool:
        return self.latest.total is not None and self.latest.done >= self.latest.total


class LineObserver:
    """Plain lines: each finished item when there are few, else a first line within a second and then one every few
    seconds; a sign of life when nothing moves. A task that is over at once gets no line.
    """

    def __init__(self, write: Callable[[str], None], monotonic: Callable[[], float]) -> None:
        self._write = write
        self._monotonic = monotonic
        self._tasks: dict[str, _Task] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._ticker: threading.Thread | None = None

    def progress(self, progress: Progress) -> None:
        with self._lock:
            if self._ticker is None:
                self._ticker = threading.Thread(target=self._tick_along, name="progress", daemon=True)
                self._ticker.start()
            now = self._monotonic()
            task = self._tasks.setdefault(progress.task, _Task(began=now, latest=progress))
            task.latest = progress
            few = progress.total is not None and progress.total <= _FEW
            finished = progress.item is not None and progress.outcome is not None
            late = task.spoke is not None and now - task.spoke >= _EVERY
            if (few and finished) or late or (task.over and task.spoke is not None and not few):
                self._say(task, now)

    def note(self, message: str) -> None:
        with self._lock:
            self._write(visible(message))

    def tick(self) -> None:
        """Says what is due by now: the first line of a task, how far it got since, or that it goes on."""
        with self._lock:
            now = self._monotonic()
            for task in self._tasks.values():
                if task.over:
                    continue
                if task.spoke is None:
                    if now - task.began >= _FIRST:
                        self._say(task, now)
                elif now - task.spoke >= (_SILENT if task.said == task.latest else _EVERY):
                    self._say(task, now, f" (after {now - task.began:.0f} s)")

    def close(self) -> None:
        """Ends the sign of life."""
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()

    def _tick_along(self) -> None:
        while not self._ended.wait(_FIRST):
            self.tick()

    def _say(self, task: _Task, now: float, more: str = "") -> None:
        if task.said == task.latest and not more:
            return
        task.spoke, task.said = now, task.latest
        self._write(line(task.latest) + more)


def line(progress: Progress) -> str:
    """`apply: 3 of 10: WebService/census: applied`."""
    far = f"{progress.done:,}" if progress.total is None else f"{progress.done:,} of {progress.total:,}"
    parts = [progress.task, far, *(part for part in (progress.item, progress.outcome) if part)]
    return ": ".join(visible(part) for part in parts)


class BarObserver:
    """Bars on a terminal that vanish when they are done; notes scroll by above them."""

    def __init__(self, stream: TextIO, *, colour: bool, monotonic: Callable[[], float]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._console = Console(file=stream, no_color=not colour, highlight=False, markup=False, emoji=False)
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[item]}", markup=False),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            get_time=monotonic,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def progress(self, progress: Progress) -> None:
        with self._lock:
            if not self._tasks:
                self._bars.start()
            known = self._tasks.get(progress.task)
            fields: dict[str, Any] = {"completed": progress.done, "total": progress.total}
            fields["item"] = visible(progress.item or "")
            if known is None:
                self._tasks[progress.task] = self._bars.add_task(visible(progress.task), **fields)
            else:
                self._bars.update(known, **fields)

    def note(self, message: str) -> None:
        self.say(visible(message))

    def say(self, text: str) -> None:
        """A message above the bars."""
        from rich.text import Text

        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def close(self) -> None:
        self._bars.stop()
