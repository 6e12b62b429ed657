"""What a round of mining adds: clips, a manifest of them that says where each is from, and a ranking."""

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from ndoki.audio.reader import Samples, open_samples
from ndoki.audio.resample import Resampler
from ndoki.core.errors import LabelError
from ndoki.core.types import Floats
from ndoki.curation.candidates import Mined
from ndoki.datasets.manifest import MINED_LABEL
from ndoki.tables.atomic import write_bytes, write_lines
from ndoki.tables.clips import wav_bytes
from ndoki.tables.detections import csv_line
from ndoki.tables.layout import safe_name, unique_name

__all__ = ["CLIP_RATE_HZ", "COLUMNS", "Earlier", "Place", "read_round", "write_clips", "write_ranking"]

CLIP_RATE_HZ = 8000
"""Sample rate of mined clips: that of the clips of the field, since examples mix the two."""

COLUMNS = (
    "path", "verdict", "kind", "label", "source", "licence", "attribution", "group", "split", "duration_s",
    "sample_rate_hz", "sha256", "notes", "rank", "score", "novelty", "onset_s", "mined_from", "channel",
    "first_sample", "mined_rate_hz", "detector", "detector_digest", "round", "mined_at",
)  # fmt: skip
"""Columns of a round's clips.csv. ``onset_s`` is within the clip; ``first_sample`` is where the clip begins
in ``mined_from``, in samples of that file's own rate, ``mined_rate_hz``."""

RANKING = (
    "rank",
    "why",
    "score",
    "novelty",
    "mined_from",
    "channel",
    "onset_s",
    "end_s",
    "low_hz",
    "high_hz",
    "group",
)
"""Columns of mined.csv; ``onset_s`` and ``end_s`` from the start of ``mined_from``."""


Place = tuple[str, str, str]
"""Where a clip was cut: file, channel and first sample, as they stand in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A round that was mined before.

    Attributes
    ----------
    number
        Of the round.
    clips
        Files, and the onset in each in seconds.
    verdicts
        What a person said, by where the clip was cut: a second run of the same round must not forget it.
    """

    number: int
    clips: tuple[tuple[Path, float], ...]
    verdicts: Mapping[Place, str]


def read_round(path: Path) -> Earlier:
    """Read a round's clips.csv.

    Raises
    ------
    LabelError
        It cannot be read, or `ndoki mine` did not write it.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        return Earlier(
            number=max((int(row["round"]) for row in rows), default=0),
            clips=tuple((path.parent / row["path"], float(row["onset_s"])) for row in rows),
            verdicts={_place(row): row["verdict"] for row in rows if row["verdict"]},
        )
    except OSError as error:
        raise LabelError(f"{path}: the list of mined clips cannot be read ({error.strerror})") from error
    except (KeyError, TypeError, ValueError) as error:
        raise LabelError(
            f"{path}: not a list of mined clips ({error!r}); expected a clips.csv that `ndoki mine` wrote"
        ) from error


def _place(row: Mapping[str, str]) -> Place:
    return row["mined_from"], row["channel"], row["first_sample"]


def write_clips(
    out: Path,
    mined: Sequence[Mined],
    *,
    number: int,
    mined_at: datetime,
    verdicts: Mapping[Place, str],
) -> list[Path]:
    """Write ``mined/*.wav`` and ``clips.csv``; clips of an earlier run that are not kept any more go.

    Parameters
    ----------
    mined
        Those that are kept, by rank.
    number
        Of the round.
    mined_at
        Aware.
    verdicts
        Of an earlier run of this round, from `read_round`.

    Returns
    -------
    list of Path
        The clips, by rank.

    Raises
    ------
    AudioError
        A sound cannot be read.
    OutputError
        A file cannot be written.
    """
    taken: set[str] = set()
    paths, rows = [], []
    for one in mined:
        path = out / "mined" / f"{unique_name(_name(one), taken)}.wav"
        with open_samples(one.alarm.event.recording.source) as samples:
            content = wav_bytes(_cut(samples, one), CLIP_RATE_HZ)
        write_bytes(path, content)
        row = _row(one, path.relative_to(out), content)
        row |= {"round": f"{number}", "mined_at": f"{mined_at:%Y-%m-%d}"}
        row["verdict"] = verdicts.get(_place(row), "")
        rows.append(csv_line(row[name] for name in COLUMNS))
        paths.append(path)
    write_lines(out / "clips.csv", [csv_line(COLUMNS), *rows])
    for path in set((out / "mined").glob("*.wav")) - set(paths):
        path.unlink()
    return paths


def _name(one: Mined) -> str:
    event = one.alarm.event
    stem = safe_name(PurePosixPath(event.recording.source.replace("\\", "/")).stem)
    channel = f"_ch{event.channel + 1}" if event.recording.n_channels > 1 else ""
    return f"{stem}_{event.start_s:09.3f}s{channel}"


def _cut(samples: Samples, one: Mined) -> Floats:
    """The clip's sound at `CLIP_RATE_HZ`."""
    header, candidate = samples.header, one.candidate
    first, end = (
        -(-sample * CLIP_RATE_HZ // header.rate_hz)
        for sample in (candidate.first_sample, candidate.end_sample)
    )
    resampler = Resampler(header.rate_hz, CLIP_RATE_HZ)
    return resampler.read(samples, header.n_samples, one.alarm.event.channel, first, end)


def _row(one: Mined, path: Path, content: bytes) -> dict[str, str]:
    event, candidate, origin = one.alarm.event, one.candidate, one.alarm.sound.clip
    rate_hz = event.recording.rate_hz
    return {
        "path": path.as_posix(),
        "kind": "background",
        "label": MINED_LABEL,
        "source": origin.source if origin else event.recording.site,
        "licence": origin.licence if origin else "",
        "attribution": origin.attribution if origin else "",
        "group": one.alarm.group,
        "split": "train",
        "duration_s": f"{(candidate.end_sample - candidate.first_sample) / rate_hz:.3f}",
        "sample_rate_hz": f"{CLIP_RATE_HZ}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "notes": f"was {origin.label}" if origin else "",
        "rank": f"{one.choice.rank}",
        "score": f"{event.score:.4f}",
        "novelty": f"{one.choice.novelty:.4f}",
        "onset_s": f"{one.onset_in_clip_s:.3f}",
        "mined_from": event.recording.source,
        "channel": f"{event.channel + 1}",
        "first_sample": f"{candidate.first_sample}",
        "mined_rate_hz": f"{rate_hz}",
        "detector": event.detector.name,
        "detector_digest": event.detector.digest,
    }


def write_ranking(path: Path, mined: Iterable[Mined]) -> None:
    """Write all candidates with their ranks, and why each was kept or not.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_lines(path, [csv_line(RANKING), *(csv_line(_ranked(one)) for one in mined)])


def _ranked(one: Mined) -> tuple[str, ...]:
    event = one.alarm.event
    return (
        f"{one.choice.rank or ''}",
        one.choice.why,
        f"{event.score:.4f}",
        f"{one.choice.novelty:.4f}",
        event.recording.source,
        f"{event.channel + 1}",
        f"{event.start_s:.3f}",
        f"{event.end_s:.3f}",
        f"{event.low_hz:.0f}",
        f"{event.high_hz:.0f}",
        one.alarm.group,
    )
