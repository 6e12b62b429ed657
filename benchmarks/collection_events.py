"""The same scene by discrete events: every piece of sound is read, computed and written by somebody."""

import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from collection_scene import BYTES_PER_HOUR, HOUR_S, Outcome, Scene

_PIECE_SPREAD = 0.05


class SharedLink:
    """Storage that all read from at equal shares, each no faster than its own line allows.

    All reads run at one rate at any moment. So one number, the bytes that each of them was served since the
    beginning, tells which is done next.
    """

    def __init__(self, link_bytes_s: float, machine_bytes_s: float) -> None:
        self._link, self._machine = link_bytes_s, machine_bytes_s
        self._now_s = self._served = 0.0
        self._reads: list[tuple[float, int]] = []
        self._given_up: set[int] = set()
        self.n_bytes = 0.0

    def begin(self, now_s: float, key: int, n_bytes: float) -> None:
        """A read begins; ``key`` is new."""
        self._advance(now_s)
        heapq.heappush(self._reads, (self._served + n_bytes, key))

    def give_up(self, now_s: float, key: int) -> None:
        """A read ends before its time."""
        self._advance(now_s)
        self._given_up.add(key)
        self._tidy()

    def next_s(self) -> float:
        """When the next read is done; infinite if none is under way."""
        if not self._reads:
            return math.inf
        return self._now_s + max(0.0, self._reads[0][0] - self._served) / self._rate()

    def finish(self, now_s: float) -> int:
        """Key of the read that is done now."""
        self._advance(now_s)
        _, key = heapq.heappop(self._reads)
        self._tidy()
        return key

    def _advance(self, now_s: float) -> None:
        n = len(self._reads) - len(self._given_up)
        if n:
            part = self._rate() * (now_s - self._now_s)
            self._served += part
            self.n_bytes += part * n
        self._now_s = now_s

    def _rate(self) -> float:
        return min(self._machine, self._link / (len(self._reads) - len(self._given_up)))

    def _tidy(self) -> None:
        while self._reads and self._reads[0][1] in self._given_up:
            self._given_up.discard(heapq.heappop(self._reads)[1])


@dataclass(slots=True)
class Machine:
    """One machine: a piece at work, one ready, one on its way."""

    queue: int
    piece_s: float
    life: int = 0
    is_up: bool = True
    reading: int | None = None
    has_ready: bool = False
    is_computing: bool = False
    is_waiting: bool = False
    computing_since_s: float = 0.0
    busy_s: float = 0.0


@dataclass(slots=True)
class Run:
    """A run at work: the event queue, the machines, what is left."""

    scene: Scene
    rng: random.Random
    now_s: float = 0.0
    machines: list[Machine] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    n_pieces: int = 0
    n_done: int = 0
    writers_free_s: list[float] = field(default_factory=list)
    _events: list[tuple[float, int, str, int, int]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _owners: dict[int, tuple[int, bool]] = field(default_factory=dict)

    def outcome(self) -> Outcome:
        """Simulate to the end."""
        scene = self.scene
        link = SharedLink(scene.link_bytes_s, scene.machine_bytes_s)
        self._deal()
        for place in range(scene.n_machines):
            self._later(scene.start_s, "up", place)
        while self.n_done < self.n_pieces:
            if link.next_s() <= (self._events[0][0] if self._events else math.inf):
                self.now_s = link.next_s()
                self._read(link.finish(self.now_s))
            else:
                self.now_s, _, kind, place, life = heapq.heappop(self._events)
                if self.machines[place].life == life:
                    self._happen(kind, place, link)
        seconds = max(self.writers_free_s)
        busy_s = self._busy_s(link.n_bytes)
        return Outcome(
            seconds=seconds,
            n_bytes=link.n_bytes,
            hours=self.n_pieces * scene.piece_hours,
            busy={name: value / (seconds - scene.start_s) for name, value in busy_s.items()},
        )

    def _happen(self, kind: str, place: int, link: SharedLink) -> None:
        if kind == "up":
            self._up(place)
        elif kind == "asked":
            self._asked(place, link)
        elif kind == "computed":
            self._computed(place)
        else:
            self._death(place, link)

    def _busy_s(self, n_bytes: float) -> dict[str, float]:
        """Seconds that each resource was busy; of machines that were dealt files, the busiest."""
        scene, n = self.scene, self.scene.n_machines
        computing_s = [machine.busy_s for machine in self.machines]
        return {
            "computing": max(computing_s) if scene.is_sharded else sum(computing_s) / n,
            "the storage": n_bytes / scene.link_bytes_s,
            "a machine's line": (n_bytes / scene.machine_bytes_s + scene.latency_s * self.n_pieces) / n,
            "the writer": self.n_pieces * scene.piece_hours * scene.write_s / len(self.writers_free_s),
        }

    def _deal(self) -> None:
        scene, rng = self.scene, self.rng
        per_file = round(scene.file_hours / scene.piece_hours)
        n_files = round(scene.hours / scene.file_hours)
        n_queues = scene.n_machines if scene.is_sharded else 1
        self.left = [0] * n_queues
        self.writers_free_s = [0.0] * n_queues
        for _ in range(n_files):
            self.left[rng.randrange(n_queues)] += per_file
        self.n_pieces = sum(self.left)
        n_slow = round(scene.straggler_share * scene.n_machines)
        for place in range(scene.n_machines):
            slowness = scene.straggler_slowness if place < n_slow else 1.0
            speed = math.exp(rng.gauss(0, scene.speed_spread)) / slowness
            piece_s = scene.compute_s * scene.piece_hours / speed
            self.machines.append(Machine(queue=place % n_queues, piece_s=piece_s))

    def _later(self, delay_s: float, kind: str, place: int) -> None:
        life = self.machines[place].life
        heapq.heappush(self._events, (self.now_s + delay_s, next(self._numbers), kind, place, life))

    def _up(self, place: int) -> None:
        self.machines[place].is_up = True
        if self.scene.deaths_per_hour:
            self._later(self.rng.expovariate(self.scene.deaths_per_hour / HOUR_S), "death", place)
        self._ask(place)

    def _ask(self, place: int) -> None:
        """Read ahead by one piece."""
        machine = self.machines[place]
        if machine.is_up and machine.reading is None and not machine.has_ready:
            if not self.left[machine.queue]:
                machine.is_waiting = True
                return
            self.left[machine.queue] -= 1
            machine.reading = next(self._numbers)
            self._later(self.scene.latency_s, "asked", place)

    def _asked(self, place: int, link: SharedLink) -> None:
        fails = self.rng.random() < self.scene.failed_reads
        key = next(self._numbers)
        self.machines[place].reading = key
        self._owners[key] = (place, fails)
        link.begin(self.now_s, key, self.scene.piece_hours * BYTES_PER_HOUR * (0.5 if fails else 1.0))

    def _read(self, key: int) -> None:
        place, fails = self._owners.pop(key)
        machine = self.machines[place]
        if fails:
            self._later(self.scene.latency_s, "asked", place)
            return
        machine.reading, machine.has_ready = None, True
        self._compute(place)
        self._ask(place)

    def _compute(self, place: int) -> None:
        machine = self.machines[place]
        if machine.has_ready and not machine.is_computing:
            machine.has_ready, machine.is_computing = False, True
            machine.computing_since_s = self.now_s
            self._later(machine.piece_s * math.exp(self.rng.gauss(0, _PIECE_SPREAD)), "computed", place)

    def _computed(self, place: int) -> None:
        machine = self.machines[place]
        machine.is_computing = False
        machine.busy_s += self.now_s - machine.computing_since_s
        write_s = self.scene.write_s * self.scene.piece_hours
        free_s = max(self.now_s, self.writers_free_s[machine.queue])
        self.writers_free_s[machine.queue] = free_s + write_s
        self.n_done += 1
        self._compute(place)
        self._ask(place)

    def _death(self, place: int, link: SharedLink) -> None:
        """What it held goes back; who waits for work may take it."""
        machine = self.machines[place]
        lost = (machine.reading is not None) + machine.has_ready + machine.is_computing
        if machine.reading in self._owners:
            link.give_up(self.now_s, machine.reading)
            del self._owners[machine.reading]
        if machine.is_computing:
            machine.busy_s += self.now_s - machine.computing_since_s
        machine.reading, machine.has_ready, machine.is_computing = None, False, False
        machine.is_up, machine.life = False, machine.life + 1
        self.left[machine.queue] += lost
        self._later(self.scene.restart_s, "up", place)
        for other, idle in enumerate(self.machines):
            if idle.is_waiting:
                idle.is_waiting = False
                self._ask(other)


def simulate(scene: Scene, seed: int = 0) -> Outcome:
    """The same scene by discrete events; equal seeds give equal outcomes."""
    return Run(scene=scene, rng=random.Random(seed)).outcome()
