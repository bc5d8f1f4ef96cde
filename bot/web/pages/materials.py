"""``/p/upload/<token>``: where a secretary gives files to a lesson; ``/p/material/<token>``: where they are read."""

import asyncio
from urllib.parse import quote, unquote

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from bot.materials import LARGEST, MOST, TAKEN, TYPES, BadMaterial, MaterialStore, clean_title, too_large
from bot.media import MediaStore
from bot.web.pages.base import HEADERS, Closed, Pages
from models.base import new_id
from models.lessons import Lesson, LessonState
from models.materials import Material

GONE = "这份材料不在了，请找书记要。"
CALLED_OFF = "这次课已经取消了，不用再传材料。"
ENOUGH = "这次课的材料已经满了。"
NAME = "X-File-Name"
"""The header with the file's name, percent-encoded."""


class _NotTaken(Exception):
    """The upload is refused; the message says why."""


def add_to(router: APIRouter, pages: Pages) -> None:
    """Adds the pages. An upload link's subject is ``<lesson>:<message>:<person>``, a reading link's the material."""
    store, media = MaterialStore(pages.data_dir / "materials"), MediaStore(pages.data_dir / "photos")

    @router.get("/p/upload/{token}")
    async def upload_page(token: str) -> Response:
        lesson_id, _, _ = _upload_subject(pages, token)
        title = await pages.read(lambda session: _title(session, lesson_id))
        endings = ",".join(f".{ending}" for ending in (*TYPES, "jpeg"))
        return pages.show("upload.html", title=title, taken=TAKEN, endings=endings, megabytes=LARGEST // 1024 // 1024)

    @router.post("/p/upload/{token}")
    async def upload(token: str, request: Request) -> Response:
        lesson_id, message_id, person_id = _upload_subject(pages, token)
        try:
            data = await _body(request)
            name = clean_title(unquote(request.headers.get(NAME, "")))
            material = Material(
                id=new_id(),
                lesson_id=lesson_id,
                title=name,
                link="",
                size=len(data),
                added_by=person_id or None,
                added_at=pages.clock(),
                message_id=message_id,
            )
            await asyncio.to_thread(_keep, pages, store, material, data)
        except (BadMaterial, _NotTaken) as refused:
            return JSONResponse({"words": str(refused)}, 422, HEADERS)
        return JSONResponse({"words": f"收到了：{name}"}, headers=HEADERS)

    @router.get("/p/material/{token}")
    async def material(token: str) -> Response:
        material_id = int(pages.subject("material", token))
        found = await pages.read(lambda session: session.get(Material, material_id))
        if found is None or not found.file:
            raise Closed(404, GONE)
        try:
            path = store.path(found.file) if store.has(found.file) else media.path(found.file)
        except LookupError as error:
            raise Closed(404, GONE) from error
        disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.title)}"}
        return FileResponse(path, media_type=TYPES[path.suffix[1:]], headers=HEADERS | disposition)


def _upload_subject(pages: Pages, token: str) -> tuple[int, int, int]:
    lesson_id, message_id, person_id = (int(part) for part in pages.subject("upload", token).split(":"))
    return lesson_id, message_id, person_id


def _title(session: Session, lesson_id: int) -> str:
    lesson = session.get_one(Lesson, lesson_id)
    if lesson.state is LessonState.CANCELLED:
        raise Closed(410, CALLED_OFF)
    return lesson.title


async def _body(request: Request) -> bytes:
    """The file. Raises BadMaterial as soon as it is known to be too large."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:12]) > LARGEST:
        raise BadMaterial(too_large())
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > LARGEST:
            raise BadMaterial(too_large())
    return bytes(received)


def _keep(pages: Pages, store: MaterialStore, material: Material, data: bytes) -> None:
    """The file first, then its record: a record always has its file. Raises BadMaterial and _NotTaken."""
    material.file = store.save(material.id, material.title, data)
    try:
        with pages.database.write.begin() as session:
            lesson = session.get_one(Lesson, material.lesson_id, with_for_update=True)
            if lesson.state is LessonState.CANCELLED:
                raise _NotTaken(CALLED_OFF)
            held = session.scalar(select(func.count()).where(Material.lesson_id == lesson.id)) or 0
            if held >= MOST:
                raise _NotTaken(ENOUGH)
            session.add(material)
    except BaseException:  # whatever ended it, a record that was not kept leaves no file behind
        store.remove(material.file)
        raise
