"""What a run will take, before it is begun: time, money and space, each with its interval and its basis."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ndoki.batch.estimate import Interval, event_rate, ratio, total
from ndoki.batch.footprint import Footprint, measure_footprint
from ndoki.batch.processes import Processes
from ndoki.batch.run import Job
from ndoki.batch.shards import shard_of
from ndoki.batch.survey import Survey, look
from ndoki.batch.trial import Trials, n_units, try_out
from ndoki.core.errors import ConfigError
from ndoki.tables.registry import TableFormat

__all__ = ["LOOK_SHARE", "Plan", "make_plan"]

LOOK_SHARE = 0.2
"""Share of the time for measuring that may go into looking at headers."""

# Runs of one machine over the same day of sound lie this far apart, beyond what stretches differ by.
_MACHINE_SHARE = 0.15
_HOUR_S = 3600.0
# SQLite's tables with nothing in them.
_LEDGER_BYTES = 32_768


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will take. Everything that was not counted is an interval of 95 %.

    Attributes
    ----------
    n_files, n_files_seen, n_files_bad
        Files, how many of them were looked into, how many of those cannot be heard.
    hours, n_bytes
        Hours of sound (each channel that is heard counts) and bytes to read.
    n_trials, trial_hours, trial_wall_s, n_trial_failures
        What was heard for trial, and stretches that could not be.
    jobs, seconds_per_hour
        Jobs at a time on a machine, and seconds that a machine takes for an hour of sound.
    seconds_here
        For the whole run on this machine.
    bytes_per_s
        That a machine reads meanwhile.
    n_workers, largest_shard_share, seconds_on_workers
        Machines like this one, the largest share of the hours that one of them gets by ``--shard``, and how
        long that one takes.
    cost
        Workers × hours × cost per hour; None if no cost was given.
    n_trial_events, events_per_hour, n_events
        Found for trial, per hour of sound, and to be expected.
    bytes_per_event, bytes_per_file, n_output_bytes
        In the tables and, where they are wanted, pictures and clips; of a recording without events; of all
        results with the ledger.
    """

    n_files: int
    n_files_seen: int
    n_files_bad: int
    hours: Interval
    n_bytes: Interval
    n_trials: int
    trial_hours: float
    trial_wall_s: float
    n_trial_failures: int
    jobs: int
    seconds_per_hour: Interval
    seconds_here: Interval
    bytes_per_s: float
    n_workers: int
    largest_shard_share: float
    seconds_on_workers: Interval
    cost: Interval | None
    n_trial_events: int
    events_per_hour: Interval
    n_events: Interval
    bytes_per_event: float
    bytes_per_file: float
    n_output_bytes: Interval


def make_plan(
    sources: Sequence[str],
    job: Job,
    tables: Sequence[TableFormat],
    *,
    most_s: float,
    n_workers: int = 1,
    cost_per_hour: float | None = None,
    images: bool = False,
    clips: bool = False,
    processes: Processes | None = None,
) -> Plan:
    """Look at headers, hear a sample, and say what the whole will take.

    Parameters
    ----------
    sources, job, tables, images, clips
        What is to be heard, how, and what is to be written.
    most_s
        Seconds that measuring may take.
    n_workers
        Machines like this one that share the work.
    cost_per_hour
        Of one machine, in any currency.
    processes
        Others that hear too, as they would in a run.

    Raises
    ------
    ConfigError
        Nothing can be heard.
    OutputError, AudioError
        As `measure_footprint`.
    """
    survey = look(sources, job, most_s=LOOK_SHARE * most_s)
    if not survey.looks:
        source, reason = survey.failures[0]
        raise ConfigError(f"none of {survey.n_seen} files looked into can be heard; {source}: {reason}")
    trials = try_out(survey.looks, job, most_s=(1 - LOOK_SHARE) * most_s, processes=processes)
    footprint = measure_footprint(survey.looks, job.detector.id, tables, images=images, clips=clips)
    return _planned(sources, job, survey, trials, footprint, n_workers, cost_per_hour)


def _planned(
    sources: Sequence[str],
    job: Job,
    survey: Survey,
    trials: Trials,
    footprint: Footprint,
    n_workers: int,
    cost_per_hour: float | None,
) -> Plan:
    hours, n_bytes = _hours(survey), _over_all(survey, [float(one.header.size_bytes) for one in survey.looks])
    sound_h = [one.sound_s / _HOUR_S for one in trials.heard]
    pace = ratio([one.work_s / job.jobs for one in trials.heard], sound_h).widened(_MACHINE_SHARE)
    here = hours.by(pace).plus(_exactly(survey.look_s * survey.n_files))
    share = _largest_share(sources, survey, n_workers)
    on_workers = here.times(share)
    rate = event_rate([len(one.events) for one in trials.heard], sound_h)
    n_events = hours.by(rate)
    found = ratio([float(one.n_ledger_bytes) for one in trials.heard], sound_h)
    units = _over_all(survey, [float(n_units(one, job)) for one in survey.looks])
    fixed_bytes = _LEDGER_BYTES + footprint.per_recording * survey.n_files
    n_output = n_events.times(footprint.per_event).plus(_exactly(fixed_bytes))
    return Plan(
        n_files=survey.n_files,
        n_files_seen=survey.n_seen,
        n_files_bad=len(survey.failures),
        hours=hours,
        n_bytes=n_bytes,
        n_trials=len(trials.heard),
        trial_hours=sum(sound_h),
        trial_wall_s=trials.wall_s,
        n_trial_failures=len(trials.failures),
        jobs=job.jobs,
        seconds_per_hour=pace,
        seconds_here=here,
        bytes_per_s=n_bytes.likely / here.likely,
        n_workers=n_workers,
        largest_shard_share=share,
        seconds_on_workers=on_workers,
        cost=None if cost_per_hour is None else on_workers.times(n_workers * cost_per_hour / _HOUR_S),
        n_trial_events=sum(len(one.events) for one in trials.heard),
        events_per_hour=rate,
        n_events=n_events,
        bytes_per_event=footprint.per_event,
        bytes_per_file=footprint.per_recording,
        n_output_bytes=n_output.plus(hours.by(found)).plus(units.times(footprint.per_unit)),
    )


def _exactly(value: float) -> Interval:
    return Interval(low=value, likely=value, high=value)


def _hours(survey: Survey) -> Interval:
    return _over_all(survey, [one.recording.duration_s * one.n_channels / _HOUR_S for one in survey.looks])


def _over_all(survey: Survey, values: list[float]) -> Interval:
    """Of all files, from those looked into; a file that cannot be heard counts as nothing."""
    return total([*values, *[0.0] * len(survey.failures)], survey.n_files)


def _largest_share(sources: Sequence[str], survey: Survey, n_workers: int) -> float:
    """Of the hours; files that were not looked into count as long as the others are on average."""
    known = {one.recording.source: one.recording.duration_s * one.n_channels for one in survey.looks}
    usual_s = sum(known.values()) / len(known)
    known |= dict.fromkeys((source for source, _ in survey.failures), 0.0)
    shares: Counter[int] = Counter()
    for source in sources:
        shares[shard_of(source, n_workers)] += round(known.get(source, usual_s) * 1000)
    return max(shares.values()) / shares.total()
