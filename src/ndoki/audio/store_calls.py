"""The four requests that are made of a server, in the words of each kind: size, bytes, names, and writing.

fsspec's own methods do where they ask once and ask for no more than is wanted. They are passed by where they
list a folder to learn a size, hold back an error, wait long before they ask again (adlfs), or ask a second
service what kind of bucket it is (gcsfs).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ndoki.audio.access import access
from ndoki.core.errors import RemoteError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["PAGED", "Told", "page", "read_range", "tell", "write"]

PAGED = frozenset(("s3", "azure", "gcs"))
"""Kinds that tell all names below a prefix, page by page."""

Page = tuple[list[str], str | None]
"""Names, and the token that asks for those that follow; None at the end."""

_CHANGED_KEYS = ("ETag", "etag", "Last-Modified", "LastModified", "last_modified", "updated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a server says of a file: ``changed`` differs when its content does, as far as the server knows."""

    size_bytes: int
    changed: str
    is_folder: bool = False


async def tell(kind: str, fs: "AbstractFileSystem", path: str) -> Told:
    """Ask for size and version of a file.

    Raises
    ------
    Exception
        One of `ndoki.audio.patience.failures`.
    """
    return await _TELL[kind](fs, path)


async def read_range(kind: str, fs: "AbstractFileSystem", path: str, first_byte: int, end_byte: int) -> bytes:
    """Ask for some bytes of a file.

    Raises
    ------
    RemoteError
        The server gives the whole file whatever it is asked for.
    Exception
        One of `ndoki.audio.patience.failures`.
    """
    if kind == "http":
        data = await _read_http(fs, path, first_byte, end_byte)
    elif kind == "azure":
        data = await _read_azure(fs, path, first_byte, end_byte)
    elif kind == "gcs":
        data = await _read_gcs(fs, path, first_byte, end_byte)
    else:
        data = await fs._cat_file(path, start=first_byte, end=end_byte)
    if len(data) != end_byte - first_byte:
        raise OSError(f"{len(data)} bytes came instead of {end_byte - first_byte}")
    return data


async def page(
    kind: str, fs: "AbstractFileSystem", folder: str, token: str | None, *, n_names: int | None = None
) -> Page:
    """Ask for the next names below a folder, at any depth; the token asks for those that follow.

    ``n_names`` is how many at most; None leaves it to the server, which gives 1 000 (Azure: 5 000).

    Raises
    ------
    Exception
        One of `ndoki.audio.patience.failures`.
    """
    return await _PAGE[kind](fs, folder, token, n_names)


async def write(kind: str, fs: "AbstractFileSystem", path: str, data: bytes) -> None:
    """Put a file in place; it is there as a whole or not at all.

    Raises
    ------
    Exception
        One of `ndoki.audio.patience.failures`.
    """
    if kind == "azure":
        client = fs.service_client.get_blob_client(*_divided(path))
        await client.upload_blob(data, overwrite=True, **_azure_once())
    elif kind == "gcs":
        bucket, key = _divided(path)
        place = f"{fs.base.removesuffix('storage/v1/')}upload/storage/v1/b/{{}}/o"
        await fs._call("POST", place, bucket, uploadType="media", name=key, data=data, json_out=True)
    else:
        await fs._pipe_file(path, data)


def _divided(path: str) -> tuple[str, str]:
    """Bucket and key."""
    bucket, _, key = path.partition("/")
    return bucket, key


def _prefix(key: str) -> str:
    return f"{key.rstrip('/')}/" if key else ""


def _from_mapping(size: object, told: Any) -> Told:
    changed = next((str(told[key]) for key in _CHANGED_KEYS if told.get(key)), "")
    if size is None:
        raise RemoteError("the server does not say how long the file is; copy it to a disk")
    return Told(size_bytes=int(str(size)), changed=changed)


async def _tell_http(fs: "AbstractFileSystem", path: str) -> Told:
    session = await fs.set_session()
    plain = {"Accept-Encoding": "identity"}
    async with session.head(fs.encode_url(path), allow_redirects=True, headers=plain) as answer:
        answer.raise_for_status()
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            return Told(size_bytes=0, changed="", is_folder=True)
        return _from_mapping(answer.headers.get("Content-Length"), answer.headers)


async def _read_http(fs: "AbstractFileSystem", path: str, first_byte: int, end_byte: int) -> bytes:
    session = await fs.set_session()
    wanted = {"Range": f"bytes={first_byte}-{end_byte - 1}", "Accept-Encoding": "identity"}
    async with session.get(fs.encode_url(path), headers=wanted) as answer:
        answer.raise_for_status()
        # A server without ranges would send a day of sound for each block.
        if answer.status == 200 and answer.content_length != end_byte - first_byte:
            raise RemoteError("the server sends no parts of files (HTTP ranges); copy the files to a disk")
        data: bytes = await answer.read()
        return data


async def _tell_s3(fs: "AbstractFileSystem", path: str) -> Told:
    bucket, key = _divided(path)
    told = await fs._call_s3("head_object", Bucket=bucket, Key=key)
    return _from_mapping(told["ContentLength"], told)


async def _page_s3(fs: "AbstractFileSystem", folder: str, token: str | None, n_names: int | None) -> Page:
    bucket, key = _divided(folder)
    more: dict[str, object] = {"ContinuationToken": token} if token else {}
    more |= {"MaxKeys": n_names} if n_names else {}
    told = await fs._call_s3("list_objects_v2", Bucket=bucket, Prefix=_prefix(key), **more)
    return [f"{bucket}/{one['Key']}" for one in told.get("Contents", ())], told.get("NextContinuationToken")


async def _tell_gcs(fs: "AbstractFileSystem", path: str) -> Told:
    told = await fs._call("GET", "b/{}/o/{}", *_divided(path), json_out=True)
    return _from_mapping(told["size"], told)


async def _read_gcs(fs: "AbstractFileSystem", path: str, first_byte: int, end_byte: int) -> bytes:
    wanted = {"Range": f"bytes={first_byte}-{end_byte - 1}"}
    _, data = await fs._call("GET", "b/{}/o/{}", *_divided(path), headers=wanted, alt="media")
    return bytes(data)


async def _page_gcs(fs: "AbstractFileSystem", folder: str, token: str | None, n_names: int | None) -> Page:
    bucket, key = _divided(folder)
    wanted: dict[str, object] = {"prefix": _prefix(key), "fields": "items(name),nextPageToken"}
    wanted |= {"pageToken": token} if token else {}
    wanted |= {"maxResults": n_names} if n_names else {}
    told = await fs._call("GET", "b/{}/o", bucket, json_out=True, **wanted)
    return [f"{bucket}/{one['name']}" for one in told.get("items", ())], told.get("nextPageToken")


def _azure_once() -> dict[str, float]:
    timeout_s = access().timeout_s
    return {"retry_total": 0, "connection_timeout": timeout_s, "read_timeout": timeout_s}


async def _tell_azure(fs: "AbstractFileSystem", path: str) -> Told:
    told = await fs.service_client.get_blob_client(*_divided(path)).get_blob_properties(**_azure_once())
    is_folder = (told.metadata or {}).get("hdi_isfolder") == "true"
    return Told(size_bytes=told.size, changed=str(told.etag), is_folder=is_folder)


async def _read_azure(fs: "AbstractFileSystem", path: str, first_byte: int, end_byte: int) -> bytes:
    client = fs.service_client.get_blob_client(*_divided(path))
    stream = await client.download_blob(first_byte, end_byte - first_byte, **_azure_once())
    data: bytes = await stream.readall()
    return data


async def _page_azure(fs: "AbstractFileSystem", folder: str, token: str | None, n_names: int | None) -> Page:
    container, key = _divided(folder)
    client = fs.service_client.get_container_client(container)
    listed = client.list_blobs(name_starts_with=_prefix(key), results_per_page=n_names, **_azure_once())
    pages = listed.by_page(continuation_token=token)
    names = [f"{container}/{one.name}" async for one in await anext(pages)]
    return names, pages.continuation_token or None


_TELL: "dict[str, Callable[[AbstractFileSystem, str], Awaitable[Told]]]" = {
    "http": _tell_http,
    "s3": _tell_s3,
    "gcs": _tell_gcs,
    "azure": _tell_azure,
}
_PAGE: "dict[str, Callable[[AbstractFileSystem, str, str | None, int | None], Awaitable[Page]]]" = {
    "s3": _page_s3,
    "gcs": _page_gcs,
    "azure": _page_azure,
}
