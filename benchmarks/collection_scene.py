"""A collection, machines, and what lies between; and by formula how long it takes."""

import math
from dataclasses import dataclass
from statistics import NormalDist

HOUR_S = 3600.0
BYTES_PER_HOUR = 8000 * 2 * HOUR_S
"""Of 8 kHz 16-bit mono sound."""

MEGA = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A collection, machines, and what lies between.

    Attributes
    ----------
    name
        As the table shows it.
    hours, file_hours, piece_hours
        Sound in all, in a file, and in the piece that a machine takes at a time.
    n_machines, compute_s
        Machines, and seconds that one takes for an hour of sound while nothing is missing.
    link_bytes_s, machine_bytes_s
        What storage delivers to all together (infinite: a disk in each), and to one machine.
    latency_s
        From asking for a piece to its first byte.
    write_s
        Seconds that the writer takes per hour of sound. With shards each machine has one.
    start_s
        Until a machine begins.
    speed_spread
        Standard deviation of the logarithm of the machines' speeds.
    straggler_share, straggler_slowness
        Share of the machines that are slower, and by what factor.
    failed_reads
        Share of reads that fail half-way and are made again.
    deaths_per_hour, restart_s
        How often a machine dies, and how long until it is back; what it held is made again.
    is_sharded
        Files are dealt to machines beforehand by chance (``--shard``), rather than pieces taken on demand.
    """

    name: str
    hours: float = 140_000.0
    file_hours: float = 24.0
    piece_hours: float = 1.0
    n_machines: int = 1
    compute_s: float = 0.63
    link_bytes_s: float = math.inf
    machine_bytes_s: float = 500 * MEGA
    latency_s: float = 0.0
    write_s: float = 0.0056
    start_s: float = 5.0
    speed_spread: float = 0.0
    straggler_share: float = 0.0
    straggler_slowness: float = 3.0
    failed_reads: float = 0.0
    deaths_per_hour: float = 0.0
    restart_s: float = 120.0
    is_sharded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Seconds, bytes moved, hours heard, and the share of the time that each resource was busy."""

    seconds: float
    n_bytes: float
    hours: float
    busy: dict[str, float]

    @property
    def bottleneck(self) -> str:
        """What was busiest."""
        return max(self.busy, key=lambda name: self.busy[name])


def closed_form(scene: Scene) -> Outcome:
    """The least time by which each resource can be done; the longest of them counts.

    Reading, computing and writing go on at the same time, so their times are not added up. A machine that
    dies loses the restart, and half of the piece at work.
    """
    piece_s = scene.piece_hours * scene.compute_s
    deaths_per_s = scene.deaths_per_hour / HOUR_S
    is_up = 1 - deaths_per_s * (scene.restart_s + piece_s / 2)
    # A failed read has moved half of its piece; a death costs the piece at work and the one read ahead.
    again = 0.5 * scene.failed_reads / (1 - scene.failed_reads) + deaths_per_s * 2 * piece_s
    n_bytes = scene.hours * BYTES_PER_HOUR * (1 + again)
    computing_s = dealt_s(scene, again) if scene.is_sharded else on_demand_s(scene)
    own_bytes_s = 1 / (1 / scene.machine_bytes_s + scene.latency_s / (scene.piece_hours * BYTES_PER_HOUR))
    n_writers = scene.n_machines if scene.is_sharded else 1
    busy_s = {
        "computing": computing_s / is_up,
        "the storage": n_bytes / scene.link_bytes_s,
        "a machine's line": n_bytes / scene.n_machines / own_bytes_s,
        "the writer": scene.hours * scene.write_s / n_writers,
    }
    longest_s = max(busy_s.values())
    return Outcome(
        seconds=scene.start_s + longest_s,
        n_bytes=n_bytes,
        hours=scene.hours,
        busy={name: seconds / longest_s for name, seconds in busy_s.items()},
    )


def on_demand_s(scene: Scene) -> float:
    """Seconds of computing when pieces are taken on demand: as fast as all speeds together.

    The mean of a log-normal speed is exp(σ²/2).
    """
    slow = round(scene.straggler_share * scene.n_machines) / scene.n_machines
    speed = math.exp(scene.speed_spread**2 / 2) * (1 - slow + slow / scene.straggler_slowness)
    return scene.hours * scene.compute_s / scene.n_machines / speed


def dealt_s(scene: Scene, again: float) -> float:
    """Seconds until the last machine is done when files were dealt out: the longest of each kind.

    As long as all read, none is faster than its share of the storage; the last ones have it to themselves.
    """
    n, slow = scene.n_machines, round(scene.straggler_share * scene.n_machines)
    mean_hours = scene.hours / n
    crowded_s = BYTES_PER_HOUR * (1 + again) / (scene.link_bytes_s / n)
    crowd_s = mean_hours * crowded_s if crowded_s > scene.compute_s else 0.0
    last_s = []
    for n_alike, own_s in ((n - slow, scene.compute_s), (slow, scene.compute_s * scene.straggler_slowness)):
        if n_alike:
            longest = longest_of(n_alike, mean_hours / scene.file_hours, scene.speed_spread)
            in_crowd = min(mean_hours * longest, crowd_s / max(own_s, crowded_s))
            last_s.append(in_crowd * max(own_s, crowded_s) + (mean_hours * longest - in_crowd) * own_s)
    return max(last_s)


def longest_of(n: int, mean_files: float, speed_spread: float) -> float:
    """Expected longest of ``n`` machines over their mean: files dealt by chance, speeds by chance.

    Both are taken as normal, with variances that add up; the greatest of ``n`` normal values lies about
    Φ⁻¹((n − 3/8) / (n + 1/4)) standard deviations above the mean (G. Blom, Statistical Estimates and
    Transformed Beta-Variables, 1958).
    """
    spread = math.hypot(1 / math.sqrt(mean_files), speed_spread)
    return 1 + spread * NormalDist().inv_cdf((n - 0.375) / (n + 0.25))
