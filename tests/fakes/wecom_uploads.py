"""Files that a bot uploads over the long connection, chunk by chunk (page 101463)."""

import base64
import binascii
import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.wecom_cards import BAD_PARAMETER
from tests.fakes.wecom_replies import TOO_OFTEN, Refusal, string
from tests.fakes.window import Window

LARGEST = {"image": 10 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}
SMALLEST = 5
LARGEST_CHUNK = 512 * 1024
MOST_CHUNKS = 100
SESSION_SECONDS = 1800.0
MEDIA_SECONDS = 3 * 86400.0
BAD_MEDIA = 40007
PER_MINUTE, PER_HOUR = 30, 1000
_AMR = b"#!AMR"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded whole. ``media_id`` is good for three days from ``at``."""

    media_id: str
    kind: str
    filename: str
    data: bytes
    at: float


@dataclass(slots=True)
class _Session:
    kind: str
    filename: str
    size: int
    count: int
    md5: str
    at: float
    chunks: dict[int, bytes] = field(default_factory=dict)


class Uploads:
    """Those of one bot. Times are the gateway's seconds."""

    def __init__(self) -> None:
        self.done: list[Upload] = []
        self._sessions: dict[str, _Session] = {}
        self._serial = itertools.count(1)
        self._windows = [Window(PER_MINUTE, 60.0), Window(PER_HOUR, 3600.0)]

    def init(self, body: Mapping[str, Any], now: float) -> dict[str, str]:
        """Begins one."""
        if any(window.wait(now) for window in self._windows):
            raise Refusal(TOO_OFTEN, "api freq out of limit")
        for window in self._windows:
            window.take(now)
        kind, size, count = string(body, "type"), body.get("total_size"), body.get("total_chunks")
        if not isinstance(size, int) or not SMALLEST <= size <= LARGEST.get(kind, 0):
            raise Refusal(BAD_PARAMETER, "type or total_size")
        if not isinstance(count, int) or not 1 <= count <= MOST_CHUNKS or size > count * LARGEST_CHUNK:
            raise Refusal(BAD_PARAMETER, "total_chunks")
        upload_id = f"up{next(self._serial):08x}"
        session = _Session(kind, string(body, "filename"), size, count, body.get("md5", ""), now)
        self._sessions[upload_id] = session
        return {"upload_id": upload_id}

    def chunk(self, body: Mapping[str, Any], now: float) -> None:
        """Takes one of 0 … total_chunks - 1, in any order; a chunk that was there already is ignored."""
        session, index = self._session(body, now), body.get("chunk_index")
        if not isinstance(index, int) or not 0 <= index < session.count:
            raise Refusal(BAD_PARAMETER, "chunk_index")
        try:
            data = base64.b64decode(string(body, "base64_data"), validate=True)
        except binascii.Error as error:
            raise Refusal(BAD_PARAMETER, "base64_data") from error
        if len(data) > LARGEST_CHUNK:
            raise Refusal(BAD_PARAMETER, "a chunk exceeds 512 KB")
        session.chunks.setdefault(index, data)

    def finish(self, body: Mapping[str, Any], now: float) -> dict[str, str]:
        """Puts the chunks together."""
        session = self._session(body, now)
        data = b"".join(session.chunks[index] for index in sorted(session.chunks))
        if len(session.chunks) < session.count or len(data) != session.size:
            raise Refusal(BAD_PARAMETER, "chunks are missing")
        if session.md5 and session.md5 != hashlib.md5(data).hexdigest():
            raise Refusal(BAD_PARAMETER, "md5 differs")
        if session.kind == "voice" and not data.startswith(_AMR):
            raise Refusal(BAD_PARAMETER, "a voice is AMR")
        del self._sessions[string(body, "upload_id")]
        upload = Upload(f"media{next(self._serial):08x}", session.kind, session.filename, data, now)
        self.done.append(upload)
        return {"type": upload.kind, "media_id": upload.media_id, "created_at": str(int(now))}

    def find(self, media_id: str, kind: str, now: float) -> Upload:
        """What was uploaded as ``media_id``."""
        for upload in self.done:
            if (upload.media_id, upload.kind) == (media_id, kind) and now - upload.at <= MEDIA_SECONDS:
                return upload
        raise Refusal(BAD_MEDIA, "invalid media_id")

    def _session(self, body: Mapping[str, Any], now: float) -> _Session:
        session = self._sessions.get(string(body, "upload_id"))
        if session is None or now - session.at > SESSION_SECONDS:
            raise Refusal(BAD_PARAMETER, "unknown upload_id")
        return session
