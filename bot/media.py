"""The photo store: what people send is made small and anonymous once, and kept under a name of its content."""

import asyncio
import hashlib
import io
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_FILE = 10 * 1024 * 1024
"""Bytes of a picture as it arrives."""
LARGEST_PICTURE = 40_000_000
"""Pixels; checked in the header, before anything is decoded."""
LONGEST_SIDE = 1600
THUMB_SIDE = 320
"""Pixels of what is kept."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
"""What phones and chat clients send. Every other decoder stays closed to strangers."""

_NAME = re.compile(r"[0-9a-f]{32}\.jpg")


class BadPhoto(Exception):
    """The picture is not kept; the message says why, to the person who sent it."""

    code = "bad_photo"
    """The same in short, for logs."""


class MediaStore:
    """Photos in a folder: ``<hash>.jpg`` and ``<hash>.thumb.jpg``. Nothing else about a picture is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        # Decoding one picture may take 150 MB, so they take turns.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="photos")

    async def keep(self, data: bytes, name: str = "") -> str:
        """``save`` for async code: in a thread of its own, one picture after another."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self.save, data, name)

    def save(self, data: bytes, name: str = "") -> str:
        """Keeps a picture as a JPEG without metadata, and returns its media name once it is on the disk.

        Without a ``name`` the same picture gets the same name. With one (see ``photo_name``) it is kept under that,
        and what is already there stays. Raises BadPhoto, and ValueError for a ``name`` that is none.
        """
        if name and not _NAME.fullmatch(name):
            raise ValueError("no media name")
        if self.has(name):
            return name
        picture = _decode(data)
        large = _encode(picture, LONGEST_SIDE)
        name = name or f"{hashlib.sha256(large).hexdigest()[:32]}.jpg"
        self._write(_thumb_of(name), _encode(picture, THUMB_SIDE))
        self._write(name, large)
        return name

    def path(self, name: str, *, thumb: bool = False) -> Path:
        """The file of a photo. Raises LookupError for a name under which ``save`` kept nothing."""
        if not _NAME.fullmatch(name):
            raise LookupError("没有这张照片")
        found = self._folder / (_thumb_of(name) if thumb else name)
        if not found.is_file():
            raise LookupError("没有这张照片")
        return found

    def has(self, name: str) -> bool:
        """Whether there is a photo of this name."""
        return bool(_NAME.fullmatch(name)) and (self._folder / name).is_file()

    def close(self) -> None:
        """Finishes the picture in hand."""
        self._worker.shutdown()

    def _write(self, name: str, data: bytes) -> None:
        """All or nothing, and on the disk: the message that names the photo is committed right after."""
        target = self._folder / name
        if target.is_file():
            return
        draft = self._folder / f"{uuid4().hex}.part"
        try:
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


def photo_name(*parts: str) -> str:
    """The media name of a photo that is still elsewhere: always the same for what identifies it there."""
    return f"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}.jpg"


def too_large(largest: int) -> BadPhoto:
    """What is said of a picture of more than ``largest`` bytes."""
    return BadPhoto(f"照片太大了，请发 {largest // 1024 // 1024} MB 以内的")


def _thumb_of(name: str) -> str:
    return f"{name.removesuffix('.jpg')}.thumb.jpg"


def _decode(data: bytes) -> "Image":
    """The picture upright, in RGB and no larger than what is kept. Raises BadPhoto."""
    from PIL import Image  # noqa: PLC0415  # with the first photo: many processes never see one

    if len(data) > LARGEST_FILE:
        raise too_large(LARGEST_FILE)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > LARGEST_PICTURE:
                raise BadPhoto(_too_many_pixels())
            return _upright(picture)
    except BadPhoto:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPhoto(_too_many_pixels()) from error
    except Exception as error:  # a broken picture makes its decoder raise almost anything
        raise BadPhoto("这张图片打不开，请换成 JPG 或 PNG 格式再发") from error


def _too_many_pixels() -> str:
    return f"照片的像素太高了，请缩小到 {LARGEST_PICTURE // 10_000} 万像素以内再发"


def _upright(picture: "Image") -> "Image":
    """Made small first: turning and flattening then cost next to nothing."""
    from PIL import Image, ImageOps  # noqa: PLC0415

    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    upright: Image.Image = ImageOps.exif_transpose(picture)
    if not upright.has_transparency_data:
        return upright.convert("RGB")
    paper = Image.new("RGB", upright.size, "white")
    layer = upright.convert("RGBA")
    paper.paste(layer, mask=layer)
    return paper


def _encode(picture: "Image", side: int) -> bytes:
    small: Any = picture.copy()
    small.thumbnail((side, side))
    small.info.clear()
    encoded = io.BytesIO()
    small.save(encoded, "JPEG", quality=82, optimize=True)
    return encoded.getvalue()
