"""Where a Dask cluster is, or how one is made: an address, this computer, or a file."""

import importlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
import distributed
from distributed.comm.registry import get_backend

from ndoki.core.errors import ConfigError

__all__ = ["connected", "settings_in"]

_CONNECT_S = 10.0
_CLOSE_S = 1.0
_DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
"""Run by workers of this computer: a terminal sends Ctrl-C to them too, and who began them ends them."""

_HERE = re.compile(r"local(?::(\d+))?")
_LOCAL = {"distributed": {"deploy": {"lost-worker-timeout": "1 day"}}}
"""Dask gives up a worker that is not back after 15 s; a busy computer needs longer to start one."""

_EXPECTED = (
    "expected the address of a scheduler (tcp://host:8786), local, local:4 for four workers on this "
    "computer, the scheduler's own .json file, or a .yaml file (docs/reference/cluster.md)"
)


@contextmanager
def connected(where: str) -> Iterator[distributed.Client]:
    """A client of a cluster. What it started is closed at the end, what was there stays.

    Parameters
    ----------
    where
        ``tcp://host:port`` (or another of Dask's protocols); ``local`` or ``local:N`` for N worker processes
        on this computer; a ``.json`` file that the scheduler wrote; a ``.yaml`` file of Dask's configuration
        with ``scheduler-address``, or with ``cluster``: ``class`` and ``arguments``.

    Raises
    ------
    ConfigError
        It is none of these, or there is no answer within 10 s.
    """
    # A worker that dies is no news, its work is done by others; the scheduler's death is told in a sentence.
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    settings = settings_in(where)
    own = settings.get("cluster")
    merged = dask.config.merge(dask.config.config, settings)
    with dask.config.set({name: merged[name] for name in settings}):
        cluster = _made(where, own)
        try:
            with _client(where, cluster or _address(where)) as client:
                yield client
        finally:
            if cluster is not None:
                with suppress(OSError):
                    cluster.close()


@contextmanager
def _client(where: str, reached: object) -> Iterator[distributed.Client]:
    try:
        client = distributed.Client(reached, timeout=_CONNECT_S, set_as_default=False, name="ndoki")
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"--cluster {where}: no scheduler answers there ({error}); {_EXPECTED}") from error
    try:
        yield client
    finally:
        with suppress(OSError):
            client.close(_CLOSE_S)


def settings_in(where: str) -> dict[str, Any]:
    """What is said of Dask's configuration: by a YAML file, or for this computer.

    Raises
    ------
    ConfigError
        It cannot be read, or does not say where the cluster is.
    """
    if _HERE.fullmatch(where):
        return _LOCAL
    if not where.endswith((".yaml", ".yml")):
        return {}
    if not Path(where).is_file():
        raise ConfigError(f"--cluster {where}: there is no such file; {_EXPECTED}")
    try:
        (settings,) = dask.config.collect_yaml([where])
    except (OSError, ValueError) as error:
        raise ConfigError(f"--cluster {where}: not a readable Dask configuration ({error})") from error
    if ("cluster" in settings) == ("scheduler-address" in settings):
        raise ConfigError(
            f"--cluster {where}: it must say either scheduler-address, or cluster with class and arguments "
            "(docs/reference/cluster.md)"
        )
    return dict(settings)


def _address(where: str) -> str:
    """What `distributed.Client` is given.

    Raises
    ------
    ConfigError
        It is nothing that could be one.
    """
    address = where
    if where.endswith((".yaml", ".yml")):
        address = str(dask.config.get("scheduler-address"))
    elif where.endswith(".json"):
        address = _address_in(where)
    if not re.fullmatch(r"\w+://.+:\d+", address):
        raise ConfigError(f"--cluster {where}: {address!r} is no cluster; {_EXPECTED}")
    try:
        get_backend(address.partition("://")[0])
    except ValueError as error:
        raise ConfigError(f"--cluster {where}: {error}") from error
    return address


def _address_in(where: str) -> str:
    try:
        return str(json.loads(Path(where).read_text(encoding="utf-8"))["address"])
    except OSError as error:
        raise ConfigError(f"--cluster {where}: cannot be read ({error.strerror}); {_EXPECTED}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"--cluster {where}: no file that a scheduler wrote; {_EXPECTED}") from error


def _made(where: str, own: object) -> Any:
    """The cluster that is to be started; None where there is one."""
    if own is not None:
        return _made_as_told(where, own)
    told = _HERE.fullmatch(where)
    if told is None:
        return None
    n_workers = int(told[1] or os.cpu_count() or 1)
    if n_workers < 1:
        raise ConfigError(f"--cluster {where}: no workers; {_EXPECTED}")
    return distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
        preload=_DEAF,
    )


def _made_as_told(where: str, own: object) -> Any:
    if not isinstance(own, Mapping) or "class" not in own or not own.keys() <= {"class", "arguments"}:
        raise ConfigError(
            f"--cluster {where}: cluster must hold class (such as dask_jobqueue.SLURMCluster) and arguments, "
            "nothing else"
        )
    module, _, name = str(own["class"]).rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name)
        return kind(**(own.get("arguments") or {}))
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"--cluster {where}: the class {own['class']} cannot be had ({error}); install its package"
        ) from error
    except (TypeError, ValueError, OSError, RuntimeError) as error:
        raise ConfigError(f"--cluster {where}: {own['class']} cannot be started ({error})") from error
