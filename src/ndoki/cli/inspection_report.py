"""What ``ndoki inspect --out`` writes: a row per recording, a row and a picture per site."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ndoki.cli.inspection import Inspection
from ndoki.cli.inspection_together import look_together
from ndoki.cli.quality_rows import quality_rows
from ndoki.cli.site_quality import write_site
from ndoki.tables.layout import safe_name, unique_name
from ndoki.tables.quality import QualityRow, SiteRow, write_quality

__all__ = ["write_report"]

_UNKNOWN = "unknown"


def write_report(out: Path, inspections: Sequence[Inspection]) -> list[SiteRow]:
    """Write ``quality.csv``, ``sites.csv`` and a ``coverage_<site>.png`` for each site; returns the sites.

    Raises
    ------
    OutputError
        Something cannot be written.
    """
    together = look_together(inspections)
    write_quality(out / "quality.csv", QualityRow, list(quality_rows(inspections, together)))
    by_site: dict[str, list[Inspection]] = defaultdict(list)
    for one in inspections:
        if one.recording is not None:
            by_site[one.recording.site].append(one)
    taken: set[str] = set()
    sites = []
    for site in sorted(by_site):
        name = unique_name(f"coverage_{safe_name(site or _UNKNOWN)}", taken) + ".png"
        sites.append(write_site(out / name, site, by_site[site], together))
    write_quality(out / "sites.csv", SiteRow, sites)
    return sites
