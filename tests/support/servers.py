"""Servers of folders on this machine: a web server, and one that speaks S3."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class _Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Forbidding(_Quiet):
    def send_error(self, code: int, *_: object, **__: object) -> None:
        """Answer as a bucket that may not be listed: what is not there is forbidden."""
        super().send_error(403 if code == 404 else code)


@contextmanager
def web_server(folder: Path, missing: int = 404) -> Iterator[str]:
    """Serve the files of a folder; give the URL of the folder. What is missing is answered 404 or 403."""
    handler = functools.partial(_Quiet if missing == 404 else _Forbidding, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def s3_server(folder: Path, bucket: str = "recordings", public: bool = False) -> Iterator[str]:
    """Serve a copy of a folder's files as a bucket; give the URL of the server."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        client = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        client.create_bucket(Bucket=bucket, ACL="public-read" if public else "private")
        for file in folder.rglob("*"):
            if file.is_file():
                key = file.relative_to(folder).as_posix()
                client.upload_file(str(file), bucket, key, {"ACL": "public-read"} if public else {})
        client.close()
        yield url
    finally:
        server.stop()
