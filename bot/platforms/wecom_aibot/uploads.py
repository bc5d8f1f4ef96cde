"""Files on their way to the cloud, in chunks over the long connection (page 101463)."""

import asyncio
import base64
import hashlib
import time
from typing import Any

from bot.delivery import Refused, RetryLater
from bot.platforms.budget import Budget, Rate
from bot.platforms.fields import word
from bot.platforms.wecom_aibot.protocol import UPLOAD, Requests

CHUNK = 512 * 1024
SMALLEST = 5
LARGEST = {"image": 10 * 1024 * 1024, "file": 20 * 1024 * 1024}
"""Bytes."""
RATES = (Rate(30, 60.0), Rate(1000, 3600.0))


class Uploads:
    """Those of one robot."""

    def __init__(self, request: Requests) -> None:
        self._request = request
        self._budget = Budget(RATES, time.monotonic)

    async def put(self, kind: str, name: str, data: bytes) -> str:
        """The media_id, good for three days. ``kind``: image or file.

        Raises RetryLater, Refused, Closed or Uncertain. A file that was uploaded twice does no harm.
        """
        if not SMALLEST <= len(data) <= LARGEST[kind]:
            raise Refused("file_size")
        if not self._budget.take(""):
            raise RetryLater("uploads", self._budget.wait(""))
        begin, go_on, finish = UPLOAD
        digest = await asyncio.to_thread(_md5, data)
        chunks = range(0, len(data), CHUNK)
        about = {"type": kind, "filename": name, "total_size": len(data), "total_chunks": len(chunks), "md5": digest}
        upload = {"upload_id": _given(await self._request(begin, about), "upload_id")}
        for index, start in enumerate(chunks):
            encoded = base64.b64encode(data[start : start + CHUNK]).decode()
            await self._request(go_on, upload | {"chunk_index": index, "base64_data": encoded})
        return _given(await self._request(finish, upload), "media_id")


def _given(answer: dict[str, Any], name: str) -> str:
    """Raises Refused where the cloud gave none: without it a file would seem to be sent, and be lost."""
    if not (found := word(answer, name)):
        raise Refused(f"no_{name}")
    return found


def _md5(data: bytes) -> str:
    """What the cloud asks for: it finds damage, and nothing else hangs on it."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
