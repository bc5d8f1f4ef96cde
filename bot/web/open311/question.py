"""What GET requests asks for. Its arguments are read strictly: a wrong one would be answered with too much."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.datastructures import QueryParams

from bot.web.open311.answers import Refused
from bot.web.open311.services import by_code

SPAN = timedelta(days=90)
MOST = 1000
"""Requests of one answer."""
MOST_NUMBERS = 50
STATUSES = ("open", "closed")
TOO_MANY_NUMBERS = f"service_request_id 一次最多 {MOST_NUMBERS} 个"
BAD_DATE = "{name} 要写成带时区的时间，例如 2026-11-23T00:00:00+08:00 或 2026-11-22T16:00:00Z"
BACKWARDS = "end_date 不能比 start_date 早"
TOO_LONG = f"start_date 到 end_date 最多 {SPAN.days} 天，请分几次来查"
BAD_STATUS = "status 只能写 open 或 closed"
BAD_PAGE = "{name} 要写成 {least} 到 {most} 之间的整数"
MOST_PAGES = 1_000_000

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """``numbers`` overrides all the others; it has only those that could be a case's."""

    numbers: tuple[int, ...] | None
    categories: tuple[str, ...]
    """Empty: all."""
    since: datetime
    until: datetime
    """Both included."""
    statuses: frozenset[str]
    page: int
    page_size: int


def read_question(asked: QueryParams, now: datetime) -> Question:
    """The question. Raises Refused; an empty argument is one that was not given."""
    numbers = _listed(asked, "service_request_id")
    if len(numbers) > MOST_NUMBERS:
        raise Refused(400, TOO_MANY_NUMBERS)
    if numbers:
        asked = QueryParams()  # the numbers override all other arguments, wrong ones too
    statuses = _listed(asked, "status")
    if not set(statuses) <= set(STATUSES):
        raise Refused(400, BAD_STATUS)
    since, until = _span(_moment(asked, "start_date"), _moment(asked, "end_date"), now)
    return Question(
        numbers=read_numbers(numbers) if numbers else None,
        categories=tuple(by_code(code).category for code in _listed(asked, "service_code")),
        since=since,
        until=until,
        statuses=frozenset(statuses or STATUSES),
        page=_whole(asked, "page", 1, MOST_PAGES),
        page_size=_whole(asked, "page_size", MOST, MOST),
    )


def read_numbers(texts: Iterable[str]) -> tuple[int, ...]:
    """Those of the texts that could be the number of a case."""
    return tuple(int(text) for text in texts if _NUMBER.fullmatch(text))


def _listed(asked: QueryParams, name: str) -> list[str]:
    """An argument may come several times, and each time with commas."""
    parts = ",".join(asked.getlist(name)).split(",")
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _moment(asked: QueryParams, name: str) -> datetime | None:
    """A moment with its time zone. Many forget to escape the plus sign, which an address reads as a space."""
    text = asked.get(name, "").strip().replace(" ", "+")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
        if moment is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # the 30th of February, or before the year 1
    raise Refused(400, BAD_DATE.format(name=name))


def _span(since: datetime | None, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """The most recent 90 days, unless told otherwise; of one end that is given, the 90 days after or before it."""
    try:
        until = until or (max(since, min(now, since + SPAN)) if since else now)
        since = since or until - SPAN
        length = until - since
    except OverflowError as error:
        raise Refused(400, BAD_DATE.format(name="start_date、end_date")) from error
    if length < timedelta():
        raise Refused(400, BACKWARDS)
    if length > SPAN:
        raise Refused(400, TOO_LONG)
    return since, until


def _whole(asked: QueryParams, name: str, default: int, most: int) -> int:
    text = asked.get(name, "").strip()
    if not text:
        return default
    found = read_numbers([text])
    if not found or found[0] > most:
        raise Refused(400, BAD_PAGE.format(name=name, least=1, most=most))
    return found[0]
