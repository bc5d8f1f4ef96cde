"""Answers as the standard has them: JSON, and the XML of which the JSON is the mapping; errors too."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from starlette.responses import Response

FORMATS = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex"}

Fields = Mapping[str, Any]
Rows = Sequence[Fields] | Fields

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Refused(Exception):
    """The request is not fulfilled; the descriptions say why, to a person.

    The standard has the statuses 404 for what does not exist, 403 for a wrong key, and 400 for anything else; ``code``
    may be more specific.
    """

    def __init__(
        self, status: int, *descriptions: str, code: int = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(*descriptions)
        self.status = status
        self.errors = [{"code": code or status, "description": description} for description in descriptions]
        self.headers = headers or {}

    def answer(self, form: str) -> Response:
        """The errors, in one of the formats."""
        return answered("errors", "error", self.errors, form, self.status, self.headers)


def answered(
    root: str, item: str, rows: Rows, form: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The rows in one of the formats: a list of ``item`` in ``root``, or one thing whose lists are of ``item``."""
    body = _xml(root, item, rows) if form == "xml" else _json(rows)
    return Response(body, status, HEADERS | dict(headers or {}), media_type=FORMATS[form])


def _json(rows: Rows) -> bytes:
    return json.dumps(rows, ensure_ascii=False, allow_nan=False).encode()


def _xml(root: str, item: str, rows: Rows) -> bytes:
    top = Element(root)
    if isinstance(rows, Mapping):
        _fill(top, item, rows)
    else:
        for row in rows:
            _fill(SubElement(top, item), item, row)
    written: bytes = tostring(top, encoding="utf-8", xml_declaration=True)
    return written


def _fill(element: Element, item: str, row: Fields) -> None:
    for name, value in row.items():
        child = SubElement(element, name)
        if isinstance(value, list):
            for inner in value:
                _fill(SubElement(child, item), item, inner)
        elif value is not None:
            child.text = _NOT_XML.sub("", str(value).lower() if isinstance(value, bool) else str(value))
