"""What the sandbox page shows around the chat: people, groups, the clock and what to try."""

from dataclasses import asdict
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from bot.clock import local
from bot.platforms.sandbox.cloud import private_chat
from bot.web.demo import PLAYED
from bot.web.story import CASE, PRIVATE, STORY, SUGGESTIONS, Step, Suggestion
from models.cases import OPEN_STATES, Case, CaseKind
from models.chats import Chat
from models.database import Database
from models.organisations import Organisation, OrganisationKind
from models.people import Identity, Person, Post

_FRIDAY, _MONDAY = 4, 0
_WEEKDAYS = "一二三四五六日"


def sandbox_state(database: Database, now: datetime, bot_name: str) -> dict[str, Any]:
    """All of it, as JSON values."""
    with database.read() as session:
        people = _people(session)
        case = _latest_hazard(session)
        refs = {person.name: ref for ref, person in people.items()}
        return {
            "bot": bot_name,
            "world": _world(session),
            "now": now.isoformat(),
            "clock": clock_text(now),
            "jumps": jumps(now),
            "people": [_person(ref, person) for ref, person in _in_order(people)],
            "chats": [_chat(chat, people) for chat in _groups(session)],
            "story": [_step(step, refs, case) for step in STORY if step.who in refs],
            "suggestions": {
                refs[name]: [_suggestion(words, refs[name], case) for words in known]
                for name, known in SUGGESTIONS.items()
                if name in refs
            },
        }


def clock_text(now: datetime) -> str:
    """``11月23日 周一 15:01``."""
    here = local(now)
    return f"{here.month}月{here.day}日 周{_WEEKDAYS[here.weekday()]} {here:%H:%M}"


def jumps(now: datetime) -> list[dict[str, Any]]:
    """Where 快进 can go from here."""
    return [
        {"key": "minutes", "label": "10 分钟", "minutes": 10},
        {"key": "hour", "label": "1 小时", "minutes": 60},
        _jump("friday", now, _FRIDAY, time(15, 30)),
        _jump("monday", now, _MONDAY, time(9, 30)),
    ]


def _jump(key: str, now: datetime, weekday: int, at: time) -> dict[str, Any]:
    """To the next such weekday and time, which may be today's."""
    here = local(now)
    day = here.date() + timedelta(days=(weekday - here.weekday()) % 7)
    if day == here.date() and here.time() >= at:
        day += timedelta(days=7)
    next_week = "下" if day.isocalendar().week != here.isocalendar().week else ""
    label = f"到{next_week}周{_WEEKDAYS[weekday]} {at:%H:%M}"
    return {"key": key, "label": label, "to": datetime.combine(day, at).isoformat(timespec="minutes")}


def _world(session: Session) -> str:
    """Changes when the data folder is a new one: what a page remembers of an old one is void then."""
    first = session.scalar(select(func.min(Organisation.id)))
    return str(first or "")


def _people(session: Session) -> dict[str, Person]:
    query = (
        select(Identity)
        .where(Identity.provider == "sandbox")
        .options(joinedload(Identity.person).joinedload(Person.organisation))
        .order_by(Identity.id)
    )
    return {identity.ref: identity.person for identity in session.scalars(query)}


def _in_order(people: dict[str, Person]) -> list[tuple[str, Person]]:
    """Those who are played come first, in the order of the story."""
    order = list(PLAYED)
    return sorted(people.items(), key=lambda item: order.index(item[1].name) if item[1].name in PLAYED else len(order))


def _person(ref: str, person: Person) -> dict[str, Any]:
    role = PLAYED.get(person.name) or person.post or person.occupation
    return {"ref": ref, "name": person.name, "role": str(role), "played": person.name in PLAYED}


def _groups(session: Session) -> list[Chat]:
    query = select(Chat).where(Chat.platform == "sandbox").options(joinedload(Chat.organisation)).order_by(Chat.id)
    return list(session.scalars(query))


def _chat(chat: Chat, people: dict[str, Person]) -> dict[str, Any]:
    members = [ref for ref, person in people.items() if chat.organisation and _is_in(person, chat.organisation)]
    return {"ref": chat.ref, "title": chat.title or chat.ref, "members": members}


def _is_in(person: Person, organisation: Organisation) -> bool:
    """People are in the group of their own organisation; a 书记 also in those of the one above and of its units."""
    own = person.organisation
    if own.id == organisation.id:
        return True
    if person.post is not Post.SECRETARY or own.kind is not OrganisationKind.BRANCH:
        return False
    beside = organisation.kind is OrganisationKind.UNIT and organisation.parent_id == own.parent_id
    return beside or organisation.id == own.parent_id


def _latest_hazard(session: Session) -> int | None:
    """The open hazard that was reported last; failing that, the last of all."""
    numbers = select(func.max(Case.number)).where(Case.kind == CaseKind.HAZARD)
    return session.scalar(numbers.where(Case.state.in_(OPEN_STATES))) or session.scalar(numbers)


def _step(step: Step, refs: dict[str, str], case: int | None) -> dict[str, Any]:
    who = refs[step.who]
    return {**asdict(step), "who": who, "chat": _place(step.chat, who), "text": _filled(step.text, case)}


def _suggestion(words: Suggestion, who: str, case: int | None) -> dict[str, Any]:
    return {**asdict(words), "chat": _place(words.chat, who), "text": _filled(words.text, case)}


def _place(chat: str, who: str) -> str:
    return private_chat(who) if chat == PRIVATE else chat


def _filled(text: str, case: int | None) -> str | None:
    """None: there is no hazard yet to speak of."""
    if CASE not in text:
        return text
    return text.replace(CASE, str(case)) if case else None
