"""How files on servers are reached: patience, credentials, cache. One setting for the whole process."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ndoki.core.errors import InputError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["Access", "access", "file_system", "is_url", "kind_of", "reached_by"]

_KINDS = {
    "http": "http",
    "https": "http",
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
} | dict.fromkeys(("az", "abfs", "abfss"), "azure")
_SIGNED = re.compile(
    r"//[^/@]*:[^/@]*@|[?&](sig|signature|key|token|access_token|x-(amz|goog)-[a-z-]+)=", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How servers are treated.

    Attributes
    ----------
    anonymous
        Send no credentials: for public buckets and containers.
    timeout_s
        Silence after which a request is given up and made again.
    attempts
        How often a request is made before its file fails. The waits between double from 0.25 s on, to at most
        a minute, half of each of them random.
    cache_folder
        Keep blocks of files here, also from run to run. None keeps those of compressed files only, and only
        while the process runs.
    cache_bytes
        What the cache may take on disk, at most.
    """

    anonymous: bool = False
    timeout_s: float = 30.0
    attempts: int = 9
    cache_folder: Path | None = None
    cache_bytes: int = 2 << 30


_in_force = [Access()]


def access() -> Access:
    """What is in force."""
    return _in_force[-1]


@contextmanager
def reached_by(wanted: Access) -> Iterator[None]:
    """Put settings in force for all threads of the process, until the block ends."""
    _in_force.append(wanted)
    try:
        yield
    finally:
        _in_force.remove(wanted)


def is_url(source: str) -> bool:
    """Whether a source is an address rather than a path."""
    return "://" in source


def kind_of(source: str) -> str | None:
    """``http``, ``s3``, ``gcs`` or ``azure``; None for local paths and whatever else fsspec knows."""
    return _KINDS.get(source.partition("://")[0].lower()) if is_url(source) else None


def file_system(source: str) -> "tuple[AbstractFileSystem, str]":
    """The file system of an address of one of the four kinds, and the path in it.

    Raises
    ------
    InputError
        A secret is part of the address, a package is missing, or the settings contradict themselves.
    """
    if _SIGNED.search(source):
        raise InputError(
            f"the {source.partition('://')[0]}:// address holds a password, key or signature, which would "
            "end up in every table; give the plain address, and the secret in the environment "
            "(docs/reference/storage.md)"
        )
    # Loaded where it is needed: a run over local files begins sooner without it.
    from fsspec import get_filesystem_class

    kind, protocol = kind_of(source) or "", source.partition("://")[0].lower()
    try:
        kind_of_system = get_filesystem_class(protocol)
        told = kind_of_system._get_kwargs_from_urls(source)
        return kind_of_system(**(told | _options(kind, access()))), kind_of_system._strip_protocol(source)
    except ImportError as error:
        raise InputError(
            f"{protocol}:// needs a package that is not installed ({error.name or error}): "
            f'pip install "ndoki[{kind}]"'
        ) from error
    except ValueError as error:
        raise InputError(f"{protocol}:// cannot be used: {error}") from error


def _options(kind: str, wanted: Access) -> dict[str, Any]:
    """Arguments of fsspec's file systems; what stands in fsspec's own configuration is kept.

    Each would retry by itself. That is switched off where it can be, since waits would multiply.
    """
    from fsspec.config import conf

    options: dict[str, Any] = {"use_listings_cache": False}
    if kind == "s3":
        own = {
            "connect_timeout": wanted.timeout_s,
            "read_timeout": wanted.timeout_s,
            "retries": {"total_max_attempts": 1},
        }
        options["config_kwargs"] = own | conf.get("s3", {}).get("config_kwargs", {})
        return options | ({"anon": True} if wanted.anonymous else {})
    if kind == "azure":
        return options | ({"anon": True} if wanted.anonymous else {})
    import aiohttp

    silence = aiohttp.ClientTimeout(total=None, sock_connect=wanted.timeout_s, sock_read=wanted.timeout_s)
    if kind == "gcs":
        return options | {"requests_timeout": silence} | ({"token": "anon"} if wanted.anonymous else {})
    own = {"timeout": silence, "trust_env": not wanted.anonymous}  # proxies, and passwords in ~/.netrc
    return options | {"client_kwargs": own | conf.get("http", {}).get("client_kwargs", {})}
