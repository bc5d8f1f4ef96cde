"""POST requests: a hazard that another system reports. It goes through the intake, as whatever people say does."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request

from bot.clock import local
from bot.coordinates import Point, read_point, to_gcj
from bot.messages import OPEN311, IncomingMessage, Unavailable
from bot.settings import Open311Settings
from bot.web.open311.answers import Refused
from bot.web.open311.base import Open311
from bot.web.open311.services import Service, by_code
from models.cases import Case
from models.inbox import Claim
from models.organisations import Organisation, find_organisation

LARGEST = 64 * 1024
"""Bytes: 4,000 characters of Chinese take 36,000 in a form."""
HEARD_OUT = 1024 * 1024
"""Bytes. Who is cut off while still sending may never read the answer."""
LONGEST_TEXT = 4000
"""Characters, by the standard."""
LONGEST_ADDRESS = 200
MOST_FIELDS = 100
FORM = "application/x-www-form-urlencoded"
NO_FORM = f"要用 POST 发表单：Content-Type: {FORM}; charset=utf-8"
TOO_LARGE = f"发来的内容超过 {LARGEST // 1024} KB"
NOT_UTF8 = "表单看不懂：要用 UTF-8 编码，字段不超过 {most} 个"
NO_KEY = "表单里没有 api_key"
WRONG_KEY = "api_key 不对"
NO_CODE = "service_code 没有写，有的见 services.json"
NO_PLACE = "地点没有写：lat 和 long，或者 address_string，至少要有一样（这里没有地址库，不认 address_id）"
HALF_A_POINT = "lat 和 long 要一起写"
BAD_POINT = "lat、long 要写成 WGS84 的度数，例如 lat=36.0611&long=103.8343"
LONG_TEXT = f"description 最多 {LONGEST_TEXT} 个字"
LONG_ADDRESS = f"address_string 最多 {LONGEST_ADDRESS} 个字"
NO_ORGANISATION = "配置里写的组织在名册里找不到，暂时收不了；请跟聚蜂的运维说一声"
BUSY = "现在记不上，请过一会儿原样再发一次"
NOT_DONE = "收到了，但没有办成，已经记下来交给聚蜂的运维；不用再发"
NOTICE = "已登记，由{organisation}受理。办得怎样，请用 requests/{number}.json 来查"
NO_MEDIA = "。照片不收（media_url），要看的话请写进 description"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
Form = Mapping[str, str]


async def post_request(request: Request, open311: Open311, spend: Callable[[str], None]) -> list[dict[str, Any]]:
    """Registers a hazard and tells its number. Raises Refused. ``spend`` counts what the system reports.

    The very same report within one day is the same report: who got no answer may send it again.
    """
    form = await _read_form(request)
    system = _system(open311.systems, form.get("api_key", ""))
    spend(system.name)
    service, point = _checked(form)
    organisation = await open311.read(lambda session: find_organisation(session, system.organisation))
    if organisation is None:
        raise Refused(400, NO_ORGANISATION, code=503)
    message = _message(open311, system, organisation, form, service, point)
    try:
        await open311.intake.submit(message)
    except Unavailable as unavailable:
        raise Refused(400, BUSY, code=503) from unavailable
    number = await open311.read(lambda session: _number(session, message))
    if number is None:
        raise Refused(400, NOT_DONE, code=500)
    notice = NOTICE.format(organisation=organisation.name, number=number)
    media = NO_MEDIA if form.get("media_url") else ""
    return [{"service_request_id": str(number), "service_notice": notice + media, "account_id": None}]


async def _read_form(request: Request) -> Form:
    """The fields of the form, each once, without what no database holds. Raises Refused."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > HEARD_OUT:
            break
    if len(body) > LARGEST:
        raise Refused(400, TOO_LARGE, code=413)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refused(400, NO_FORM)
    try:
        fields = parse_qs(body.decode(), errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise Refused(400, NOT_UTF8.format(most=MOST_FIELDS)) from error
    return {name: _CONTROL.sub("", values[0]).strip() for name, values in fields.items()}


def _system(systems: Sequence[Open311Settings], key: str) -> Open311Settings:
    """Whose key it is; all are compared, each in constant time. Raises Refused (403)."""
    matching = [system for system in systems if hmac.compare_digest(system.key.encode(), key.encode())]
    if not matching:
        raise Refused(403, WRONG_KEY if key else NO_KEY)
    return matching[0]


def _checked(form: Form) -> tuple[Service, Point | None]:
    """The service and where it is, by GCJ-02. Raises Refused with everything that is wrong."""
    if not form.get("service_code"):
        raise Refused(400, NO_CODE)
    service = by_code(form["service_code"])
    latitude, longitude = form.get("lat", ""), form.get("long", "")
    point = read_point(latitude, longitude)
    wrong = [
        *([HALF_A_POINT] if bool(latitude) != bool(longitude) else []),
        *([BAD_POINT] if latitude and longitude and point is None else []),
        *([NO_PLACE] if not (latitude or longitude or form.get("address_string")) else []),
        *([LONG_ADDRESS] if len(form.get("address_string", "")) > LONGEST_ADDRESS else []),
        *([LONG_TEXT] if len(form.get("description", "")) > LONGEST_TEXT else []),
    ]
    if wrong:
        raise Refused(400, *wrong)
    return service, point and to_gcj(point)


def _message(
    open311: Open311,
    system: Open311Settings,
    organisation: Organisation,
    form: Form,
    service: Service,
    point: Point | None,
) -> IncomingMessage:
    """Nothing of who is behind the report is kept, though the standard lets clients send names and phones."""
    now = open311.clock()
    told = json.dumps(sorted((name, value) for name, value in form.items() if name != "api_key"), ensure_ascii=False)
    return IncomingMessage(
        platform=OPEN311,
        bot=system.name,
        key=f"{local(now).date()}:{hashlib.sha256(told.encode()).hexdigest()[:40]}",
        chat="",
        private=True,
        sender="",
        sent_at=now,
        kind="reported",
        text=form.get("description", ""),
        addressed=True,
        place=" ".join(form.get("address_string", "").split()),
        latitude=point and point[0],
        longitude=point and point[1],
        about=f"{organisation.id}:{service.category}",
    )


def _number(session: Session, message: IncomingMessage) -> int | None:
    """The number of the case that came of the message; None where it became a dead letter."""
    claim = (Claim.platform == message.platform, Claim.bot == message.bot, Claim.key == message.key)
    return session.scalar(select(Case.number).join(Claim, Claim.id == Case.message_id).where(*claim))
