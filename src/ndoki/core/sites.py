"""Which recorder stood where, when, and in which time zone: the rows of a deployment table. Pure.

`Deployments.find` says which row answers for a recording; the rule is in docs/reference/time-and-place.md.
`ndoki.core.deployments` reads the table.
"""

from dataclasses import dataclass, field, fields
from datetime import datetime, tzinfo
from fnmatch import fnmatchcase

from ndoki.core.zones import localise

__all__ = ["Answer", "Deployment", "Deployments"]

# What a row can be recognised by, the most telling first.
_KEYS = ("file", "recorder", "prefix", "folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One row.

    Attributes
    ----------
    row
        Line of the file, for messages; the header is line 1.
    site
        Name of the place. Also recognises recordings (as prefix or folder) when no other key is given.
    recorder, prefix, folder, file
        What the row is recognised by; ``*`` and ``?`` stand for any text and any letter, in either case.
    latitude, longitude
        Degrees, north and east positive. Confidential, so never part of a message or a repr.
    zone, clock_zone
        Where people at the site live, and what the recorder's clock was set to (`zone` unless given).
    start, end
        Half-open period, aware or as local clock readings; None is unbounded.
    clock_fast_s
        Seconds that the recorder's clock was ahead of the true time.
    recording_start
        Explicit start of the one recording that the row is about.
    extra
        Columns that Ndoki does not know, as they are.
    """

    row: int
    site: str = ""
    recorder: str = ""
    prefix: str = ""
    folder: str = ""
    file: str = ""
    latitude: float | None = field(default=None, repr=False)
    longitude: float | None = field(default=None, repr=False)
    zone: tzinfo | None = None
    clock_zone: tzinfo | None = None
    start: datetime | None = None
    end: datetime | None = None
    clock_fast_s: float = 0.0
    recording_start: datetime | None = None
    extra: tuple[tuple[str, str], ...] = ()

    def covers(self, when: datetime, fallback_zone: tzinfo | None = None) -> bool:
        """Whether the period holds ``when``.

        A clock reading is read in `clock_zone`, the period in `zone`, either in ``fallback_zone`` where the
        row gives none. With no zone at all the readings themselves are compared.
        """
        moment = _in_zone(when, self.clock_zone or fallback_zone)
        bounds = [
            _in_zone(bound, self.zone or fallback_zone) if bound else None for bound in (self.start, self.end)
        ]
        first, end = bounds
        return (first is None or not _is_before(moment, first)) and (end is None or _is_before(moment, end))

    def says_the_same_as(self, other: "Deployment") -> bool:
        """Whether the two rows differ only in their line and in what recognises them."""
        told = {item.name for item in fields(self)} - {"row", *_KEYS, "start", "end", "extra"}
        return all(getattr(self, name) == getattr(other, name) for name in told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The row that answers for a recording, or None; and a sentence when that is doubtful."""

    deployment: Deployment | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployments:
    """All rows of a table."""

    path: str
    rows: tuple[Deployment, ...]

    def find(
        self,
        *,
        source: str,
        prefix: str = "",
        recorders: tuple[str, ...] = (),
        when: datetime | None = None,
        fallback_zone: tzinfo | None = None,
    ) -> Answer:
        """Row that answers for a recording.

        A row is a candidate when every key that it gives fits, and its period holds the recording's time (an
        unknown time lies in any period). Of several candidates those with the most telling key count: file,
        recorder, prefix, folder, site. If these still say different things, none is used.

        Parameters
        ----------
        source
            Path or URL of the recording.
        prefix
            Site prefix of its name.
        recorders
            Serial and deployment numbers, from its name and its metadata.
        when
            Its time: aware, or a clock reading.
        fallback_zone
            Zone for clock readings where a row gives none.
        """
        traits = _Traits.of(source, prefix, recorders)
        ranked = [(rank, row) for row in self.rows if (rank := traits.rank(row)) is not None]
        in_time = [(rank, row) for rank, row in ranked if when is None or row.covers(when, fallback_zone)]
        if not in_time:
            return Answer(problem=self._out_of_time(ranked[0][1], when) if ranked and when else "")
        best = min(rank for rank, _ in in_time)
        rows = [row for rank, row in in_time if rank == best]
        if all(row.says_the_same_as(rows[0]) for row in rows):
            return Answer(deployment=rows[0])
        lines = ", ".join(str(row.row) for row in rows[:5])
        return Answer(
            problem=f"Rows {lines} of {self.path} all fit and say different things; none is used. "
            "Give each a recorder, a folder or a period of its own."
        )

    def _out_of_time(self, row: Deployment, when: datetime) -> str:
        site = f" (site {row.site})" if row.site else ""
        return f"Row {row.row} of {self.path}{site} fits, but its period does not hold {when:%Y-%m-%d %H:%M}."


def _in_zone(when: datetime, zone: tzinfo | None) -> datetime:
    return when if when.tzinfo is not None or zone is None else localise(when, zone)[0]


def _is_before(one: datetime, other: datetime) -> bool:
    if one.tzinfo is None or other.tzinfo is None:
        return one.replace(tzinfo=None) < other.replace(tzinfo=None)
    return one < other


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traits:
    """What a recording can be recognised by, in lower case."""

    path: str
    folders: tuple[str, ...]
    prefix: str
    recorders: tuple[str, ...]

    @classmethod
    def of(cls, source: str, prefix: str, recorders: tuple[str, ...]) -> "_Traits":
        path = source.replace("\\", "/").casefold()
        folder = path.rpartition("/")[0]
        parts = [part for part in folder.split("/") if part]
        # Every folder by its own name, and every run of folders: "kp01/2013" and "/data/kp01" fit too.
        runs = {"/".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)}
        return cls(
            path=path,
            folders=tuple(sorted(runs)),
            prefix=prefix.casefold(),
            recorders=tuple(name.casefold() for name in recorders if name),
        )

    def rank(self, row: Deployment) -> int | None:
        """None when the row is about something else; otherwise the place of its most telling key."""
        given = [key for key in _KEYS if getattr(row, key)]
        if not given:
            site = row.site.casefold()
            return len(_KEYS) if self.prefix == site or site in self.folders else None
        fits = all(self._fits(key, getattr(row, key).replace("\\", "/").casefold()) for key in given)
        return _KEYS.index(given[0]) if fits else None

    def _fits(self, key: str, wanted: str) -> bool:
        match key:
            case "file":
                return fnmatchcase(self.path, wanted) or fnmatchcase(self.path, f"*/{wanted.lstrip('/')}")
            case "recorder":
                return any(fnmatchcase(name, wanted) for name in self.recorders)
            case "prefix":
                return fnmatchcase(self.prefix, wanted)
            case _:
                return any(fnmatchcase(folder, wanted.strip("/")) for folder in self.folders)
