import io
import threading

import numpy as np
import pytest
import soundfile
from rich.console import Console
from rich.progress import Progress

from ndoki.batch.run import Failure, Stretch
from ndoki.cli.progress import Listening, _expected_s, listening, show_tables
from ndoki.tables.summary import TextTable


def text_of(progress: Progress) -> str:
    task = progress.tasks[0]
    said = (task.fields[name] for name in ("heard", "events", "failed"))
    return f"{task.completed:.0f}/{task.total:.0f} " + " ".join(map(str, said))


@pytest.fixture
def progress():
    return Progress(console=Console(file=io.StringIO()), disable=True)


def heard(n_events: int, length_s: float = 0.0) -> Stretch:
    return Stretch(source="a.wav", length_s=length_s, n_events=n_events)


def test_it_counts_hours_events_and_failures(progress):
    bar = Listening(progress, 7200.0)
    assert text_of(progress) == "0/7200 0.0 h 0 "
    bar.advance(1800.0)
    bar.finished(heard(3, 1800.0))
    bar.finished(heard(2))
    assert text_of(progress) == "3600/7200 1.0 h 5 "
    bar.finished(Failure(source="b.wav", reason="empty"))
    assert "1 files failed" in text_of(progress)


def test_many_threads_may_tell_it(progress):
    bar = Listening(progress, 1000.0)
    threads = [threading.Thread(target=lambda: [bar.advance(3.6) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert text_of(progress) == "7200/1000 2.0 h 0 "


def test_the_expected_length_is_judged_by_a_sample_of_files(tmp_path):
    sources = []
    for i in range(4):
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, np.zeros((8000 * (i + 1), 1 + i % 2)), 8000)
        sources.append(str(path))
    assert _expected_s(sources) == 1 + 2 * 2 + 3 + 2 * 4
    (tmp_path / "broken.wav").touch()
    # A broken file is taken for one of the usual length.
    assert _expected_s([*sources[:1], str(tmp_path / "broken.wav")]) == 2.0
    assert _expected_s([str(tmp_path / "broken.wav")]) == 0.0
    assert _expected_s(sources[:1] * 200) == 200.0


def test_there_is_no_bar_where_nobody_looks(capsys):
    """A log file must not fill with bars; the files are not opened for a length that nobody sees."""
    with listening(["no such file.wav"]) as bar:
        bar.advance(3600.0)
        bar.finished(heard(1))
    assert capsys.readouterr() == ("", "")


def test_tables_are_printed_whole_and_brackets_are_kept(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    rows = tuple((f"[red]file {i}[/red].wav", "cut off") for i in range(24))
    show_tables([TextTable(title="Files", columns=("file", "reason"), rows=rows)])
    out = capsys.readouterr().out
    assert "Files" in out
    for i in range(24):
        assert f"[red]file {i}[/red].wav" in out
    assert "more" not in out


def test_a_long_table_says_what_it_leaves_out(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    rows = tuple((f"file{i}",) for i in range(100))
    show_tables([TextTable(title="Files", columns=("file",), rows=rows)])
    out = capsys.readouterr().out
    assert "file23" in out
    assert "file24" not in out
    assert "76 more" in out
