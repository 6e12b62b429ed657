"""What a person sees while Ndoki listens, and when it has finished. Bars only on a terminal."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from ndoki.audio.header import read_header
from ndoki.batch.run import Failure, Stretch
from ndoki.core.errors import NdokiError
from ndoki.tables.summary import TextTable

__all__ = ["Listening", "listening", "show_tables"]

_SHOWN_ROWS = 24


class Listening:
    """Counts what was heard; safe to tell from any thread."""

    def __init__(self, progress: Progress, expected_s: float | None) -> None:
        self._progress, self._lock = progress, threading.Lock()
        self._heard_s, self._n_events, self._n_failed = 0.0, 0, 0
        self._task = progress.add_task("", total=expected_s, heard="0.0 h", events=0, failed="")

    def advance(self, seconds: float) -> None:
        """Seconds of sound were heard."""
        with self._lock:
            self._heard_s += seconds
            heard = f"{self._heard_s / 3600:.1f} h"
        self._progress.update(self._task, advance=seconds, heard=heard)

    def finished(self, result: Stretch | Failure) -> None:
        """A stretch was heard, or a file failed."""
        if isinstance(result, Stretch):
            self.advance(result.length_s)
            self._n_events += result.n_events
        else:
            self._n_failed += 1
        failed = f"[red]· {self._n_failed} files failed[/red]" if self._n_failed else ""
        self._progress.update(self._task, events=self._n_events, failed=failed)


def _expected_s(sources: Sequence[str]) -> float:
    """Length of all files, judged by up to 50 of them, so that 10 000 files do not delay the start."""
    step = max(1, len(sources) // 50)
    lengths_s = []
    for source in sources[::step]:
        with suppress(NdokiError):
            header = read_header(source)
            lengths_s.append(header.n_samples * header.n_channels / header.rate_hz)
    return sum(lengths_s) / max(1, len(lengths_s)) * len(sources)


@contextmanager
def listening(sources: Sequence[str] | None) -> Iterator[Listening]:
    """A bar on standard error while files are heard: hours done, events so far, time left.

    Without time left for None: files that are still being looked for.
    """
    console = Console(stderr=True)
    expected_s = _expected_s(sources) if console.is_terminal and sources is not None else None
    with Progress(
        TextColumn("listening"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[heard]} heard · {task.fields[events]} events {task.fields[failed]} · left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        yield Listening(progress, expected_s)


def show_tables(tables: Sequence[TextTable], *, most_rows: int = _SHOWN_ROWS) -> None:
    """Print closing tables, long ones in part."""
    console = Console()
    for text in tables:
        console.print(f"\n[bold]{text.title}[/bold]")
        table = Table(show_edge=False, header_style="dim", box=SIMPLE_HEAD)
        for column in text.columns:
            table.add_column(column, overflow="fold")
        for row in text.rows[:most_rows]:
            table.add_row(*map(escape, row))
        console.print(table)
        if len(text.rows) > most_rows:
            console.print(
                f"  … and {len(text.rows) - most_rows} more, all of them in the files written", style="dim"
            )
