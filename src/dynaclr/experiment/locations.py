"""Where pixels lie: a folder, or a URL that tensorstore has a driver for; knows no plates."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import tensorstore as ts

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.paths import absolute_path, bare, is_url

_RETRIES = {"max_retries": 4, "initial_delay": "200ms", "max_delay": "2s"}
"""A server that is away is told within seconds; the drivers themselves try for many minutes."""
_SCHEMES = ("s3", "gs", "http", "https")
_WEB = ("http", "https")
_ANSWER = 200
"""Most characters of what a store answers that are told: some send a whole page."""


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
        name = name.strip("/")
        return UrlPath(f"{self.url}/{quote(name) if _parts(self.url)[0] in _WEB else name}")

    @property
    def name(self) -> str:
        """Last part of the path."""
        return _parts(self.url)[2].rsplit("/", 1)[-1]

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
    url = UrlPath(bare(str(text)).rstrip("/"))
    kvstore(url)
    return url


def _parts(url: str) -> tuple[str, str, str]:
    """Return scheme, host or bucket, and path as it is named there.

    `%20` of a web address is a blank; the key of a bucket is taken as it stands, "?", "#" and "%" included.
    """
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    scheme = scheme.lower().rstrip(":")
    return scheme, host, (unquote(path) if scheme in _WEB else path).strip("/")


def in_short(error: object) -> str:
    """Return the first line of what a store answered, not its whole page."""
    line = next(iter(str(error).strip().splitlines()), "")
    return line if len(line) <= _ANSWER else f"{line[:_ANSWER]}..."


def kvstore(place: Location) -> dict[str, Any]:
    """Return tensorstore's description of a folder.

    Raises
    ------
    ConfigError
        If it is a URL that no driver reads.
    """
    if isinstance(place, Path):
        return {"driver": "file", "path": f"{place}/"}
    scheme, host, path = _parts(place.url)
    path = f"{path}/".lstrip("/")
    spec: dict[str, Any]
    if scheme in _WEB:
        spec = {"driver": "http", "base_url": f"{scheme}://{host}", "path": f"/{path}"}
        spec["http_request_retries"] = _RETRIES
    elif scheme == "gs":
        spec = {"driver": "gcs", "bucket": host, "path": path, "gcs_request_retries": _RETRIES}
    else:
        spec = {"driver": "s3", "bucket": host, "path": path, "s3_request_retries": _RETRIES}
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            spec["endpoint"] = endpoint
            spec["aws_region"] = (
                os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
            )
        if os.environ.get("AWS_NO_SIGN_REQUEST", "").upper() in ("YES", "TRUE", "1"):
            spec["aws_credentials"] = {"type": "anonymous"}
    try:
        if scheme not in _SCHEMES:
            raise ValueError(f"URLs of the kind '{scheme}' are not read")
        if scheme in _WEB and set("?#") & set(place.url):
            raise ValueError(
                "query strings ('?...') and fragments ('#...') of web addresses are not supported"
            )
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
    folder, _ = url.rsplit("/", 1)
    try:
        return _open(json.dumps(kvstore(UrlPath(folder)))).read(UrlPath(url).name).result()
    except ValueError as error:
        raise OSError(f"the store does not answer: {in_short(error)}") from error
