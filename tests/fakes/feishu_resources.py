"""What people send along with messages, for the fake Feishu cloud to give out (``im-v1/message-resource/get``)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, get_args

from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from tests.fakes.feishu_chats import Chats
from tests.fakes.feishu_gateway import Call, Gateway, Refusal
from tests.fakes.feishu_messages import Messages
from tests.fakes.feishu_record import Downloaded
from tests.fakes.pictures import bomb, picture

LARGEST = 100 * 1024 * 1024
PRIVATE = "/_private"
"""Where a resource of ``redirect`` sends its reader: something of the machine's own, which nobody may ask for."""

Odd = Literal["picture", "bomb", "endless", "html", "redirect"]
"""Instead of bytes: a small picture, one that unpacks to 400 million pixels, 100 MB without a length given, a page
with status 200, and a redirect to an address of the machine's own."""
Kind = Literal["image", "file", "unsupported"]
"""``unsupported``: a sticker, or a part of a forwarded message."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What one key of one message leads to."""

    content: bytes | Odd
    kind: Kind
    content_type: str


class Resources:
    """What people sent along with their messages."""

    def __init__(self, gateway: Gateway, chats: Chats, messages: Messages) -> None:
        self._gateway = gateway
        self._chats = chats
        self._messages = messages
        self._resources: dict[tuple[str, str], Resource] = {}

    def add(self, message_id: str, key: str, content: bytes | Odd, kind: Kind, content_type: str) -> None:
        """The message has that resource."""
        if kind not in get_args(Kind) or (isinstance(content, str) and content not in get_args(Odd)):
            raise ValueError(content, kind)
        self._resources[message_id, key] = Resource(content, kind, content_type)

    def get(self, call: Call) -> Response:
        """``GET /im/v1/messages/:message_id/resources/:file_key?type=``."""
        message_id, key, wanted = call.path["id"], call.path["key"], call.query.get("type")
        if wanted not in {"image", "file"}:
            raise Refusal(234001, "Invalid request param: type")
        self._chats.check_inside(self._messages.chat_of(message_id), code=234004)
        if self._messages.is_recalled(message_id):
            raise Refusal(230110, "Action unavailable as the message has been deleted.")
        resource = self._resources.get((message_id, key))
        if self._messages.is_card(message_id) or (resource and resource.kind == "unsupported"):
            raise Refusal(234043, "Unsupported message type.")
        if resource is None or resource.kind != wanted:
            raise Refusal(234003, "File not in message.")
        self._gateway.record.downloads.append(Downloaded(message_id, key, self._gateway.now()))
        return self._served(key, resource, call)

    def _served(self, key: str, resource: Resource, call: Call) -> Response:
        match resource.content:
            case "html":
                return HTMLResponse("<html><body>登录后查看</body></html>")
            case "redirect":
                return RedirectResponse(call.address + PRIVATE)
            case "endless":
                return StreamingResponse(self._endless(key, call), media_type=resource.content_type)
            case "bomb":
                data, content_type = bomb(), "image/png"
            case "picture":
                data, content_type = picture(), "image/jpeg"
            case bytes() as data:
                content_type = resource.content_type
        if len(data) > LARGEST:
            raise Refusal(234037, "Downloaded file size exceeds limit.")
        self._gateway.record.served_bytes[key] += len(data)
        return Response(data, media_type=content_type)

    async def _endless(self, key: str, call: Call) -> AsyncIterator[bytes]:
        block = picture() + bytes(64 * 1024)
        for _ in range(LARGEST // len(block)):
            if await call.is_gone():
                return
            yield block
            self._gateway.record.served_bytes[key] += len(block)
