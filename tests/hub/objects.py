"""A stand-in for an object store: the part of S3's API that obstore uses, in memory.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

__all__ = ["ObjectStore", "object_store"]

BUCKET = "files"


class ObjectStore:
    """The objects by key, each with the time at which it was written."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.url = ""
        self.is_away = False
        """Whether it answers 503 to all that it is asked."""

    def environment(self) -> dict[str, str]:
        """Return the variables by which obstore finds the store."""
        return {
            "AWS_ENDPOINT": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "no-secret",
        }


class _Handler(RequestHandler):
    def initialize(self, store: ObjectStore) -> None:
        self.store = store

    def prepare(self) -> None:
        if self.store.is_away:
            self.set_status(503)
            self.finish("<Error><Code>SlowDown</Code></Error>")

    def put(self, key: str) -> None:
        if upload := self.get_query_argument("uploadId", None):
            number = int(self.get_query_argument("partNumber"))
            self.store.parts[upload][number] = self.request.body
        else:
            self.store.objects[key] = (self.request.body, datetime.now(UTC))
        self.set_header("ETag", f'"{hashlib.md5(self.request.body).hexdigest()}"')

    def post(self, key: str) -> None:
        if self.request.query == "delete":
            for found in re.findall("<Key>([^<]+)</Key>", self.request.body.decode()):
                self.store.objects.pop(found, None)
            self.finish("<DeleteResult></DeleteResult>")
            return
        if "uploads" in self.request.query_arguments or self.request.query == "uploads":
            upload = f"upload-{len(self.store.parts)}"
            self.store.parts[upload] = {}
            self.finish(
                f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId>"
                "</InitiateMultipartUploadResult>"
            )
            return
        parts = self.store.parts.pop(self.get_query_argument("uploadId"))
        data = b"".join(parts[number] for number in sorted(parts))
        self.store.objects[key] = (data, datetime.now(UTC))
        self.finish(
            "<CompleteMultipartUploadResult><ETag>whole</ETag></CompleteMultipartUploadResult>"
        )

    def head(self, key: str) -> None:
        self.get(key)

    def get(self, key: str) -> None:
        if not key:
            self._list()
            return
        if key not in self.store.objects:
            self.set_status(404)
            self.finish("<Error><Code>NoSuchKey</Code></Error>")
            return
        data, written = self.store.objects[key]
        whole = len(data)
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.request.headers.get("Range", "")):
            start, end = int(match[1]), int(match[2] or whole - 1) + 1
            data = data[start:end]
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{whole}")
        self.set_header("Content-Length", str(len(data)))
        self.set_header("Last-Modified", format_datetime(written, usegmt=True))
        self.set_header("ETag", '"etag"')
        self.set_header("Content-Type", "application/octet-stream")
        self.finish(data if self.request.method == "GET" else None)

    def delete(self, key: str) -> None:
        self.store.objects.pop(key, None)
        self.set_status(204)

    def _list(self) -> None:
        prefix = self.get_query_argument("prefix", "")
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><ETag>etag</ETag>"
            f"<LastModified>{written.isoformat()}</LastModified></Contents>"
            for key, (data, written) in sorted(self.store.objects.items())
            if key.startswith(prefix)
        )
        self.finish(
            f"<ListBucketResult><Name>{BUCKET}</Name><IsTruncated>false</IsTruncated>{found}"
            "</ListBucketResult>"
        )


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Run a store in a thread of its own."""
    store, loop, started = ObjectStore(), asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        (socket,) = bind_sockets(0, "127.0.0.1")
        store.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        server = HTTPServer(
            Application(
                [(rf"/{BUCKET}/?(.*)", _Handler, {"store": store})],
                # Tornado would write each 503 to the terminal.
                log_function=lambda _: None,
            ),
            max_buffer_size=2**28,
        )
        server.add_socket(socket)
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield store
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
