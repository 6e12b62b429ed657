"""Where the same folder of recordings lies, and how it got there."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from servers import AZURITE_ACCOUNT, AZURITE_KEY, s3_environment

NDOKI = Path(sys.executable).with_name("ndoki")


@dataclass(frozen=True)
class Place:
    """Where the same folder lies: its address, the port of its server, and the environment for a port."""

    url: Callable[[int], str]
    port: int
    environment: Callable[[int], dict[str, str]]


Reach = Callable[[Place, int], str]
"""Sets the environment for a place behind a port, and gives its address."""


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def put_on_s3(port: int, bucket: str, contents: dict[str, bytes]) -> None:
    """By boto3's own client, not by what is tested."""
    import botocore.session

    environment = s3_environment(port)
    client = botocore.session.Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_bucket(Bucket=bucket)
    for name, data in contents.items():
        client.put_object(Bucket=bucket, Key=name, Body=data)
    client.close()


def put_on_azure(port: int, container: str, contents: dict[str, bytes]) -> None:
    """By Azure's own client, not by what is tested."""
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient(
        f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}",
        credential={"account_name": AZURITE_ACCOUNT, "account_key": AZURITE_KEY},
    ) as client:
        client.create_container(container)
        for name, data in contents.items():
            client.get_blob_client(container, name).upload_blob(data)
