"""Pictures as people and attackers send them."""

import struct
import zlib
from functools import cache
from io import BytesIO

from PIL import Image

_SIDE = 20_000


@cache
def picture(kind: str = "JPEG", width: int = 64, height: int = 48) -> bytes:
    """A valid picture of that format (a name of Pillow's)."""
    buffer = BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(buffer, kind)
    return buffer.getvalue()


@cache
def bomb() -> bytes:
    """A valid PNG of some 50 kB that unpacks to 400 million pixels."""
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + _SIDE // 8)
    data = b"".join(packer.compress(row) for _ in range(_SIDE)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
