"""Options of all commands that read recordings from servers."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

__all__ = ["storage_options"]

_NAMES = ("anonymous", "cache", "cache_gb", "timeout_s")
_GB = 10**9


def storage_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with options that say how servers are reached; in force while it runs."""

    @wraps(command)
    def reaching(*arguments: Any, **options: Any) -> Any:
        import logging

        from ndoki.audio.access import Access, reached_by

        # Azure's package warns of every odd answer, also of those that are asked for again.
        logging.getLogger("azure").setLevel(logging.ERROR)
        anonymous, cache, cache_gb, timeout_s = (options.pop(name) for name in _NAMES)
        wanted = Access(
            anonymous=anonymous,
            timeout_s=timeout_s,
            cache_folder=cache.absolute() if cache else None,
            cache_bytes=round(cache_gb * _GB),
        )
        with reached_by(wanted):
            return command(*arguments, **options)

    decorated: Callable[..., Any] = reaching
    for option in (
        click.option(
            "--timeout-s",
            type=click.FloatRange(0, min_open=True),
            default=30.0,
            show_default=True,
            metavar="X",
            help="Silence of a server after which it is asked again.",
        ),
        click.option(
            "--cache-gb",
            type=click.FloatRange(0.02),
            default=2.0,
            show_default=True,
            metavar="X",
            help="What is kept of files on servers takes no more disk than this.",
        ),
        click.option(
            "--cache",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Keep what was read from servers here, for the next run.",
        ),
        click.option("--anonymous", is_flag=True, help="Send no credentials: for public buckets."),
    ):
        decorated = option(decorated)
    return decorated
