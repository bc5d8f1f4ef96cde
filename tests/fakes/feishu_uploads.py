"""What the bot uploads to the fake Feishu cloud, and may then send (pages ``im-v1/image`` and ``im-v1/file``)."""

import warnings
from io import BytesIO
from typing import Any

from PIL import Image
from starlette.responses import Response

from tests.fakes.feishu_gateway import Call, Gateway, Refusal
from tests.fakes.feishu_record import Uploaded
from tests.fakes.multipart import BadForm, Part, read_form

LARGEST_IMAGE = 10 * 1024 * 1024
LARGEST_FILE = 30 * 1024 * 1024
FORMATS = {"JPEG", "PNG", "WEBP", "GIF", "BMP", "ICO", "TIFF"}
"""HEIC, which the pages also name, is known by its first bytes."""
FILE_TYPES = {"opus": "audio", "mp4": "media", **dict.fromkeys(("pdf", "doc", "xls", "ppt", "stream"), "file")}
"""The msg_type for which a file of that type was uploaded."""


class Uploads:
    """What the bot uploaded."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._data: dict[str, bytes] = {}
        self._types: dict[str, str] = {}

    def data(self, key: str) -> bytes:
        """The bytes of an upload."""
        return self._data[key]

    def is_own_image(self, key: str) -> bool:
        """Whether the bot uploaded that picture, for messages."""
        return self._types.get(key) == "message"

    def check_image(self, key: object) -> None:
        """Refuses a picture that the bot may not send."""
        if not isinstance(key, str) or not key.startswith("img_"):
            raise Refusal(230001, "Your request contains an invalid request parameter: image_key")
        if not self.is_own_image(key):
            raise Refusal(230017, "Bot is NOT the owner of the resource.")

    def check_file(self, key: object, msg_type: str) -> None:
        """Refuses a file that the bot may not send as ``msg_type``."""
        if not isinstance(key, str) or not key.startswith("file_"):
            raise Refusal(230001, "Your request contains an invalid request parameter: file_key")
        if key not in self._types:
            raise Refusal(230017, "Bot is NOT the owner of the resource.")
        if FILE_TYPES[self._types[key]] != msg_type:
            raise Refusal(230055, "The type of file upload does not match the type of message being sent.")

    def take_image(self, call: Call) -> dict[str, Any]:
        """``POST /im/v1/images``."""
        form = _form(call)
        image_type = _text(form, "image_type")
        if image_type not in {"message", "avatar"}:
            raise Refusal(234001, "Invalid request param: image_type")
        image = _file(form, "image", LARGEST_IMAGE)
        _check_picture(image.data)
        key = f"img_v3_{self._gateway.new_serial():012x}"
        self._gateway.record.images.append(self._keep(key, image_type, image.filename or "", image.data))
        return {"image_key": key}

    def take_file(self, call: Call) -> dict[str, Any]:
        """``POST /im/v1/files``."""
        form = _form(call)
        file_type, name = _text(form, "file_type"), _text(form, "file_name")
        duration = form.get("duration")
        if file_type not in FILE_TYPES or (duration and duration.data and not duration.data.isdigit()):
            raise Refusal(234001, "Invalid request param: file_type or duration")
        file = _file(form, "file", LARGEST_FILE)
        key = f"file_v3_{self._gateway.new_serial():012x}"
        self._gateway.record.files.append(self._keep(key, file_type, name, file.data))
        return {"file_key": key}

    def give_image(self, call: Call) -> Response:
        """``GET /im/v1/images/:image_key``, for the bot's own."""
        key = call.path["key"]
        if not self.is_own_image(key):
            raise Refusal(234008, "The app is not the resource sender.")
        return Response(self._data[key], media_type="image/jpeg")

    def _keep(self, key: str, file_type: str, name: str, data: bytes) -> Uploaded:
        self._data[key], self._types[key] = data, file_type
        return Uploaded(key, file_type, name, len(data), self._gateway.now())


def _form(call: Call) -> dict[str, Part]:
    try:
        return read_form(call.content_type, call.body)
    except BadForm as error:
        raise Refusal(234001, f"Invalid request param: {error}") from error


def _text(form: dict[str, Part], name: str) -> str:
    part = form.get(name)
    if part is None or part.filename is not None or not part.data:
        raise Refusal(234001, f"Invalid request param: {name}")
    return part.text


def _file(form: dict[str, Part], name: str, largest: int) -> Part:
    part = form.get(name)
    if part is None:
        raise Refusal(234001, f"Invalid request param: {name}")
    if not part.data:
        raise Refusal(234010, "File's size can't be 0.")
    if len(part.data) > largest:
        raise Refusal(234006, "The file size exceed the max value.")
    return part


def _check_picture(data: bytes) -> None:
    if data[4:12] in {b"ftypheic", b"ftypheix", b"ftypmif1"}:
        return
    try:
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
            image = Image.open(BytesIO(data))
        with image:
            kind, width, height = image.format, image.width, image.height
    except Image.DecompressionBombError as error:
        raise Refusal(234039, "Image resolution exceeds limit.") from error
    except OSError as error:
        raise Refusal(234011, "Can't regonnize the image format.") from error
    if kind not in FORMATS:
        raise Refusal(234011, "Can't regonnize the image format.")
    if max(width, height) > (2000 if kind == "GIF" else 12000):
        raise Refusal(234039, "Image resolution exceeds limit.")
