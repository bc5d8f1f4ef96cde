"""The folder of lesson materials: files that secretaries upload, kept as they came under names of the product's own."""

import os
import re
import zipfile
from io import BytesIO
from pathlib import Path
from uuid import uuid4

LARGEST = 20 * 1024 * 1024
"""Bytes of one file."""
TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jpg": "image/jpeg",
    "png": "image/png",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "txt": "text/plain; charset=utf-8",
}
"""The endings that are taken, and what they are served as."""
MOST = 20
"""Materials of one lesson."""
TAKEN = "PDF、Word、PPT、Excel、图片、MP3、MP4 和 TXT"
LONGEST_NAME = 80

_NAME = re.compile(rf"\d{{1,20}}\.(?:{'|'.join(TYPES)})")
_SAME = {"jpeg": "jpg"}
_PARTS = {"docx": "word/document.xml", "pptx": "ppt/presentation.xml", "xlsx": "xl/workbook.xml"}
_STARTS = {"pdf": (b"%PDF-",), "jpg": (b"\xff\xd8\xff",), "png": (b"\x89PNG\r\n\x1a\n",)}
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069/\\:*?\"<>|]+")


class BadMaterial(Exception):
    """The file is not kept; the message says why, to the person who sent it."""


class MaterialStore:
    """Files in a folder, ``<material's id>.<ending>``, readable by the server alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, material_id: int, title: str, data: bytes) -> str:
        """Keeps a file, and returns the name under which it is once it is on the disk. Raises BadMaterial."""
        name = f"{material_id}.{checked_ending(title, data)}"
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"{uuid4().hex}.part"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / name)
        finally:
            draft.unlink(missing_ok=True)
        return name

    def path(self, name: str) -> Path:
        """The file of that name. Raises LookupError for a name under which ``save`` kept nothing."""
        if not self.has(name):
            raise LookupError("没有这份材料")
        return self._folder / name

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return bool(_NAME.fullmatch(name)) and (self._folder / name).is_file()

    def remove(self, name: str) -> None:
        """Takes back what ``save`` kept, where its record could not be written."""
        self.path(name).unlink()


def checked_ending(title: str, data: bytes) -> str:
    """The ending of a file that is what its name says. Raises BadMaterial."""
    said = title.rpartition(".")[2].lower() if "." in title else ""
    ending = _SAME.get(said, said)
    if ending not in TYPES:
        raise BadMaterial(f"这种文件收不了，请换成 {TAKEN}。")
    if not data:
        raise BadMaterial("这个文件是空的，请换一个。")
    if len(data) > LARGEST:
        raise BadMaterial(too_large())
    if not _is(ending, data):
        raise BadMaterial(f"这个文件打不开，里面不是 {said.upper()}。请另存一份再传。")
    return ending


def too_large() -> str:
    """What is said of a file that is larger than what is taken."""
    return f"文件太大了，一份最多 {LARGEST // 1024 // 1024} MB。"


def clean_title(name: str) -> str:
    """The file's name as it is shown and downloaded: without folders and what cannot be seen."""
    stem, dot, ending = _UNSEEN.sub("_", name).strip(" .").rpartition(".")
    return f"{stem[:LONGEST_NAME].strip()}{dot}{ending[:5]}"


def _is(ending: str, data: bytes) -> bool:
    """Whether the content is of the kind that the ending says."""
    if ending in _PARTS:
        return _has_part(data, _PARTS[ending])
    match ending:
        case "mp4":
            return data[4:8] == b"ftyp"
        case "mp3":
            return data[:3] == b"ID3" or (data[0] == 0xFF and data[1:2] >= b"\xe0")
        case "txt":
            return _is_text(data)
        case _:
            return data.startswith(_STARTS[ending])


def _has_part(data: bytes, part: str) -> bool:
    """Whether it is a document of Office with that part; macros are none of it."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):  # the last for a ZIP of a kind that it cannot read
        return False
    return part in names and not any(name.endswith("vbaProject.bin") for name in names)


def _is_text(data: bytes) -> bool:
    if b"\0" in data:
        return False
    for encoding in ("utf-8", "gb18030"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False
