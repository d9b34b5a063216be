"""Where pixels lie: a folder, or a URL that tensorstore has a driver for; knows no plates."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tensorstore as ts

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.paths import absolute_path, is_url

_RETRIES = {"max_retries": 4, "initial_delay": "200ms", "max_delay": "2s"}
"""A server that is away is told within seconds; the drivers themselves try for many minutes."""
_SCHEMES = ("s3", "gs", "http", "https")


@dataclass(frozen=True, slots=True)
class UrlPath:
    """A folder or file of a store by URL, with the few methods of a path that reading needs.

    S3: region and credentials as everywhere (`AWS_*` variables, `~/.aws`), another server by
    `AWS_ENDPOINT_URL`, a public bucket by `AWS_NO_SIGN_REQUEST=YES`.

    Attributes
    ----------
    url
        Without a slash at its end.
    """

    url: str

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> UrlPath:
        return UrlPath(f"{self.url}/{name.strip('/')}")

    @property
    def name(self) -> str:
        """Last part of the path."""
        return urlsplit(self.url).path.rsplit("/", 1)[-1]

    def is_file(self) -> bool:
        """Whether something is stored under this name."""
        return bool(_read(self.url).state == "value")

    def read_bytes(self) -> bytes:
        """Return what is stored under this name.

        Raises
        ------
        FileNotFoundError
            If nothing is.
        OSError
            If the store does not answer.
        """
        found = _read(self.url)
        if found.state != "value":
            raise FileNotFoundError(f"nothing there: {self.url}")
        return bytes(found.value)

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return what is stored under this name as text."""
        return self.read_bytes().decode(encoding)


Location = Path | UrlPath
"""A folder or file of pixels."""


def location(text: str | os.PathLike[str] | UrlPath) -> Location:
    """Return a path as a person wrote it, absolute, or a URL.

    Raises
    ------
    ConfigError
        If it is a URL of a kind that cannot be read.
    """
    if isinstance(text, UrlPath):
        return text
    if not is_url(text):
        return absolute_path(text)
    url = UrlPath(str(text).strip().strip("\"'").rstrip("/"))
    kvstore(url)
    return url


def kvstore(place: Location) -> dict[str, Any]:
    """Return tensorstore's description of a folder.

    Raises
    ------
    ConfigError
        If it is a URL that no driver reads.
    """
    if isinstance(place, Path):
        return {"driver": "file", "path": f"{place}/"}
    parts = urlsplit(place.url)
    path = f"{parts.path.strip('/')}/".lstrip("/")
    spec: dict[str, Any]
    if parts.scheme in ("http", "https"):
        spec = {"driver": "http", "base_url": f"{parts.scheme}://{parts.netloc}", "path": f"/{path}"}
        spec["http_request_retries"] = _RETRIES
    elif parts.scheme == "gs":
        spec = {"driver": "gcs", "bucket": parts.netloc, "path": path, "gcs_request_retries": _RETRIES}
    else:
        spec = {"driver": "s3", "bucket": parts.netloc, "path": path, "s3_request_retries": _RETRIES}
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            spec["endpoint"] = endpoint
            spec["aws_region"] = (
                os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
            )
        if os.environ.get("AWS_NO_SIGN_REQUEST", "").upper() in ("YES", "TRUE", "1"):
            spec["aws_credentials"] = {"type": "anonymous"}
    try:
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"URLs of the kind '{parts.scheme}' are not read")
        ts.KvStore.Spec(spec)
    except ValueError as error:
        raise ConfigError(
            problem(
                "not the URL of a store",
                file=place.url,
                expected="s3://bucket/path, gs://bucket/path or https://host/path",
                found=str(error),
            )
        ) from error
    return spec


@cache
def _open(spec: str) -> Any:
    return ts.KvStore.open(json.loads(spec)).result()


def _read(url: str) -> Any:
    """Return what a store holds under a URL, or that it holds nothing; OSError if it does not answer."""
    folder, name = url.rsplit("/", 1)
    try:
        return _open(json.dumps(kvstore(UrlPath(folder)))).read(name).result()
    except ValueError as error:
        raise OSError(f"the store does not answer: {error}") from error
