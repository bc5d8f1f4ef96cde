"""The sandbox's address for its page: post, press, send photos, read the log and listen to it."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from bot.content import Button
from bot.media import LARGEST_FILE, BadPhoto, MediaStore
from bot.messages import Unavailable
from bot.platforms.sandbox.bodies import ButtonPress, NewMessage, documented, read_body, read_json
from bot.platforms.sandbox.cloud import PRIVATE, Bubble, IdTaken, private_chat
from bot.platforms.sandbox.guard import loopback_only

if TYPE_CHECKING:
    from bot.platforms.sandbox.platform import SandboxPlatform

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_AGAIN = "刚才没有记上，请再试一次"


def sandbox_routes(platform: "SandboxPlatform") -> APIRouter:
    """All of them, for this machine only."""
    router = APIRouter(prefix="/sandbox", dependencies=[Depends(loopback_only)], tags=["沙盒"])
    _add_messages(router, platform)
    _add_photos(router, platform.media)
    _add_files(router, platform)
    return router


def _add_messages(router: APIRouter, platform: "SandboxPlatform") -> None:
    @router.post("/messages", summary="发一条消息", openapi_extra=documented(NewMessage))
    async def post_message(request: Request) -> dict[str, Any]:
        new = await read_json(request, NewMessage)
        _check(new, platform.media)
        try:
            bubble, receipt = await platform.say(new)
        except IdTaken as error:
            raise HTTPException(409, str(error)) from error
        except (Unavailable, SQLAlchemyError) as error:
            raise HTTPException(503, _AGAIN) from error
        return {"message": bubble.as_json(), "answer": receipt.answer, "duplicate": receipt.duplicate}

    @router.post("/buttons", summary="按卡片上的按钮、选一项、填一句", openapi_extra=documented(ButtonPress))
    async def press_button(request: Request) -> dict[str, Any]:
        press = await read_json(request, ButtonPress)
        try:
            card = await asyncio.to_thread(platform.cloud.find, press.message)
            receipt = await platform.press(press, *_button_of(card, press))
        except (Unavailable, SQLAlchemyError) as error:
            raise HTTPException(503, _AGAIN) from error
        return {"answer": receipt.answer, "duplicate": receipt.duplicate}

    @router.get("/messages", summary="聊天记录")
    async def list_messages(
        chat: Annotated[str, Query(max_length=80)] = "", after: Annotated[int, Query(ge=0, lt=2**63)] = 0
    ) -> dict[str, Any]:
        bubbles = await asyncio.to_thread(platform.cloud.latest, chat, after)
        return {"messages": [bubble.as_json() for bubble in bubbles]}

    @router.get("/events", summary="新消息（server-sent events）")
    async def listen() -> StreamingResponse:
        return StreamingResponse(
            platform.feed.listen(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )


def _add_photos(router: APIRouter, media: MediaStore) -> None:
    @router.post("/photos", summary="上传照片（请求体就是图片本身）")
    async def upload(request: Request) -> dict[str, str]:
        data = await read_body(request, LARGEST_FILE)
        try:
            return {"photo": await media.keep(data)}
        except BadPhoto as error:
            raise HTTPException(415, str(error)) from error

    @router.get("/photos/{name}", summary="看照片")
    async def photo(name: str, thumb: bool = False) -> FileResponse:
        try:
            path = media.path(name, thumb=thumb)
        except LookupError as error:
            raise HTTPException(404, "没有这张照片") from error
        headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return FileResponse(path, media_type="image/jpeg", headers=headers)


def _add_files(router: APIRouter, platform: "SandboxPlatform") -> None:
    @router.get("/files/{uuid}", summary="下载小蜂发来的文件")
    async def file(uuid: Annotated[str, Path(max_length=64)]) -> Response:
        bubble = await asyncio.to_thread(platform.cloud.find, uuid)
        attachment = bubble.attachment() if bubble else None
        if attachment is None:
            raise HTTPException(404, "没有这个文件")
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(attachment.name, safe='')}",
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
        kind = _XLSX if attachment.name.endswith(".xlsx") else "application/octet-stream"
        return Response(attachment.data, media_type=kind, headers=headers)


def _check(new: NewMessage, media: MediaStore) -> None:
    if not (new.text or new.photos):
        raise HTTPException(422, "说点什么，或者发一张照片")
    if new.chat.startswith(PRIVATE) and new.chat != private_chat(new.sender):
        raise HTTPException(403, "这是别人和小蜂的私聊")
    if not all(media.has(name) for name in new.photos):
        raise HTTPException(422, "照片还没有传上来，请重新选一次")


def _button_of(card: Bubble | None, press: ButtonPress) -> tuple[Bubble, Button]:
    content = card.card() if card else None
    if card is None or content is None:
        raise HTTPException(404, "没有这张卡片")
    if card.chat.startswith(PRIVATE) and card.chat != private_chat(press.sender):
        raise HTTPException(403, "这是别人和小蜂的私聊")
    button = press.button_of(content)
    if button is None:
        raise HTTPException(409, "卡片已经更新了，请看看新的按钮")
    return card, button
