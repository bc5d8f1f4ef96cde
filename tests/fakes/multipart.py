"""Reads ``multipart/form-data`` as strictly as RFC 7578 allows, so that a client's own encoder is put to the test."""

import re
from typing import NamedTuple

_NAME = re.compile(r'; *name="([^"]*)"')
_FILENAME = re.compile(r'; *filename="([^"]*)"')
_ENCODED_FILENAME = re.compile(r"; *filename\*=")
_BOUNDARY = re.compile(r'multipart/form-data; *boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?', re.IGNORECASE)


class BadForm(Exception):
    """The body is no form."""


class Part(NamedTuple):
    """One field: its content, and its file name where it has one."""

    data: bytes
    filename: str | None

    @property
    def text(self) -> str:
        """The content of a field that is no file."""
        return self.data.decode()


def read_form(content_type: str, body: bytes) -> dict[str, Part]:
    """The fields by name, each of which comes once. Raises BadForm."""
    found = _BOUNDARY.fullmatch(content_type)
    if found is None:
        raise BadForm("no boundary")
    line = b"\r\n--" + found[1].encode()
    before, *parts = (b"\r\n" + body).split(line)
    ended = bool(parts) and parts.pop() in {b"--", b"--\r\n"}
    if before or not ended or not all(part.startswith(b"\r\n") for part in parts):
        raise BadForm("not between boundaries")
    fields: dict[str, Part] = {}
    for part in parts:
        name, field = _read(part)
        if name in fields:
            raise BadForm(f"{name} comes twice")
        fields[name] = field
    return fields


def _read(part: bytes) -> tuple[str, Part]:
    head, gap, data = part.partition(b"\r\n\r\n")
    headers = dict(_header(line) for line in head.decode().split("\r\n")[1:])
    disposition = headers.get("content-disposition", "")
    name, filename = _NAME.search(disposition), _FILENAME.search(disposition)
    if not gap or not disposition.startswith("form-data") or name is None or _ENCODED_FILENAME.search(disposition):
        raise BadForm("a part without form-data and a name, or with filename*, which RFC 7578 forbids")
    return name[1], Part(data, filename[1] if filename else None)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()
