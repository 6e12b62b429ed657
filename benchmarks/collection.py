"""A collection on a laptop, 16 and 256 machines: time, bytes moved, bottleneck; by formula and by simulation.

The formula says how long each resource is busy at the least, and takes the longest. The simulation moves
every piece of sound through the same resources by discrete events, with machines of unequal speed,
stragglers, failed reads and dying machines. Where both agree, the formula may be trusted with other figures;
where they do not, waiting for each other costs time that no resource shows. docs/explanation/collection.md
explains both.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collection_events import simulate
from collection_scene import BYTES_PER_HOUR, HOUR_S, MEGA, Scene, closed_form

HERE = Path(__file__).resolve().parent
DAY_HOURS = 24.0
GIGABIT = 125 * MEGA
USB_DISK, SSD = 120 * MEGA, 500 * MEGA


def uneven(scene: Scene) -> Scene:
    """Machines as they are: some slower, some that die, all that take time to start."""
    return replace(scene, speed_spread=0.1, straggler_share=1 / 16, deaths_per_hour=0.05, start_s=60.0)


def in_cloud(scene: Scene) -> Scene:
    """Sound in object storage."""
    return replace(
        scene, latency_s=0.1, machine_bytes_s=2 * GIGABIT, link_bytes_s=50 * GIGABIT, failed_reads=0.01
    )


def scenes(compute_s: float, write_s: float) -> Iterator[Scene]:
    """What the table compares."""
    laptop = Scene(name="1 laptop, USB disk", compute_s=compute_s, write_s=write_s, machine_bytes_s=USB_DISK)
    yield laptop
    yield replace(laptop, name="1 laptop, SSD", machine_bytes_s=SSD)
    for n in (16, 256):
        many = uneven(replace(laptop, n_machines=n, machine_bytes_s=SSD))
        yield replace(many, name=f"{n}, a disk in each, --shard", is_sharded=True)
        server = replace(many, machine_bytes_s=GIGABIT)
        yield replace(server, name=f"{n}, server at 1 Gbit/s", link_bytes_s=GIGABIT)
        yield replace(server, name=f"{n}, server at 10 Gbit/s", link_bytes_s=10 * GIGABIT)
        yield replace(in_cloud(many), name=f"{n}, object storage")
        yield replace(in_cloud(many), name=f"{n}, object storage, --shard", is_sharded=True)


def measured() -> tuple[float, float]:
    """Seconds per hour of sound of this machine, from a simulated day of forest, and of its ledger."""
    import numpy as np

    from gate import rainy_day
    from ndoki.batch.ledger import Ledger
    from ndoki.batch.memory import keep_freed_memory
    from ndoki.batch.processes import hearing_processes
    from ndoki.batch.run import UNIT_S
    from ndoki.batch.survey import look
    from ndoki.batch.trial import try_out
    from ndoki.cli.detect import job_of, order_of
    from ndoki.events.stitch import Thinned
    from speed import FEW_HUNTS_PER_HOUR, RAIN_WORK

    keep_freed_memory()
    day = rainy_day(DAY_HOURS, HERE.parent.parent / "shared/data", RAIN_WORK, FEW_HUNTS_PER_HOUR)
    job, _ = job_of()
    with tempfile.TemporaryDirectory() as folder, hearing_processes([str(day)], job.jobs) as processes:
        processes.take(order_of(job), wait=True)
        survey = look([str(day)], job, most_s=1)
        trials = try_out(survey.looks, job, most_s=20, processes=processes).heard
        sound_h = sum(one.sound_s for one in trials) / HOUR_S
        compute_s = sum(one.work_s for one in trials) / job.jobs / sound_h
        with Ledger.begun(Path(folder), {}, [str(day)]) as ledger:
            entry = ledger.recording(0, str(day), "", survey.looks[0].recording)
            shot = Thinned(
                first_frame=0,
                end_frame=15_000,
                has_track=True,
                frame=np.arange(10),
                score=np.ones(10, np.float32),
            )
            began_s = time.perf_counter()
            for i in range(2000):
                part = replace(shot, first_frame=i * 15_000, end_frame=(i + 1) * 15_000)
                ledger.heard(entry, 0, part, UNIT_S, 1)
            write_s = (time.perf_counter() - began_s) / 2000 * HOUR_S / UNIT_S
    return compute_s, write_s


def duration(seconds: float) -> str:
    """``24 h 30 min``, ``6 min 12 s`` or ``7 d 12 h``."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 72 else f"{hours // 24} d {hours % 24:02d} h"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=140_000.0)
    parser.add_argument("--compute-s", type=float, default=0.38, help="a machine's seconds per hour of sound")
    parser.add_argument(
        "--write-s", type=float, default=0.0012, help="the writer's seconds per hour of sound"
    )
    parser.add_argument("--measure", action="store_true", help="measure both on this machine instead")
    parser.add_argument("--repeats", type=int, default=3, help="simulations per row; their mean is shown")
    options = parser.parse_args()
    compute_s, write_s = measured() if options.measure else (options.compute_s, options.write_s)
    n_bytes = options.hours * BYTES_PER_HOUR
    print(
        f"{options.hours:.0f} h of 8 kHz 16-bit sound, {n_bytes / 1e12:.2f} TB; per hour of sound a machine "
        f"takes {compute_s:.3f} s, the writer {write_s * 1000:.1f} ms"
    )
    print(f"{'machines':<32}{'formula':>13}{'simulated':>13}{'apart':>8}{'moved':>10}  busiest")
    for scene in scenes(compute_s, write_s):
        scene = replace(scene, hours=options.hours)
        told = closed_form(scene)
        seen = [simulate(scene, seed) for seed in range(options.repeats)]
        seconds = fmean(one.seconds for one in seen)
        busy = {name: fmean(one.busy[name] for one in seen) for name in seen[0].busy}
        first, second = sorted(busy.items(), key=lambda item: -item[1])[:2]
        print(
            f"{scene.name:<32}{duration(told.seconds):>13}{duration(seconds):>13}"
            f"{seconds / told.seconds - 1:>+8.1%}{fmean(one.n_bytes for one in seen) / 1e12:>7.2f} TB"
            f"  {first[0]} {first[1]:.0%}, {second[0]} {second[1]:.0%}"
        )
    for name, rate in (("100 Mbit/s", GIGABIT / 10), ("1 Gbit/s", GIGABIT), ("10 Gbit/s", 10 * GIGABIT)):
        print(f"moving the collection there first, at {name}: {duration(n_bytes / rate)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
