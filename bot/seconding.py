"""附议 (+1): what somebody has told of a hazard that is known already goes to that hazard.

Both handlers, at a word, and schedules, when nothing was said for half an hour, count a draft so.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bot.content import Card, Field, Text
from bot.posting import Address, Posting
from bot.reports.case_words import leaders_near
from bot.reports.ladder import unit_addresses
from bot.understanding.likeness import likeness
from models.case_notes import CaseNote
from models.cases import FINISHED_STATES, Case, CaseState
from models.drafts import Draft
from models.followers import Follower
from models.organisations import Tree
from models.people import Person

UNDONE_WITHIN = timedelta(hours=24)
"""For how long 另报 takes a 附议 back."""
COUNTED = "你说的按附议记在 {name}了，办好了告诉你。不是一件事就发「另报」。"
NO_LONGER = "你说的那件事，{number} 已经不办了，还没有登记。要登记请发「另报」。"
_GONE = (CaseState.DECLINED, CaseState.WITHDRAWN)


def standing(session: Session, case: Case | None) -> Case | None:
    """The case that a case is by now: where it was merged, the one that goes on.

    None: there is none to follow; a hazard may have turned out to be an appeal.
    """
    while case is not None and case.merged_into is not None:
        case = session.get_one(Case, case.merged_into)
    return None if case is None or case.confidential or case.state in _GONE else case


def is_reporter(case: Case, platform: str, ref: str, person_id: int | None) -> bool:
    """Whether somebody, as a platform or the roster knows them, has reported the case."""
    known = person_id is not None and case.reporter_id == person_id
    return known or (case.reporter_platform, case.reporter_ref) == (platform, ref)


def follows(session: Session, case: Case, platform: str, ref: str) -> bool:
    """Whether somebody has said +1 to the case already."""
    query = select(Follower.id).where(Follower.case_id == case.id, Follower.platform == platform, Follower.ref == ref)
    return session.scalars(query).first() is not None


def follow(
    session: Session, case: Case, address: Address, person: Person | None, at: datetime, message_id: int
) -> bool:
    """Somebody follows the case from now on. False where they do already, or have reported it."""
    platform, ref = address.platform, address.ref
    if is_reporter(case, platform, ref, person.id if person else None) or follows(session, case, platform, ref):
        return False
    follower = Follower(
        case_id=case.id, person=person, platform=platform, bot=address.bot, ref=ref, at=at, message_id=message_id
    )
    session.add(follower)
    session.flush()
    return True


def count(session: Session, posting: Posting, draft: Draft, case: Case, now: datetime) -> bool:
    """The draft is a 附议 of the case: its words and photos are kept there. Returns whether it is a new follower.

    Who works on the case is told where that helps: by photos, by a place that says more, or after 办结.
    """
    person = session.get(Person, draft.person_id) if draft.person_id is not None else None
    added = follow(session, case, address(draft), person, now, draft.message_id)
    by_reporter = is_reporter(case, draft.platform, draft.sender, draft.person_id)
    note = CaseNote(
        case_id=case.id,
        text=draft.text,
        photos=list(draft.photos),
        by_reporter=by_reporter,
        by_id=draft.person_id,
        at=now,
        message_id=draft.message_id,
    )
    session.add(note)
    finished = case.state in FINISHED_STATES
    more_place = draft.place if likeness().spot(draft.place) != likeness().spot(case.place) else ""
    if draft.photos or more_place or finished:
        who = "报的人又说" if by_reporter else "有人附议"
        title = f"➕ {case.number}（{case.place or case.category}）{'已办结，' if finished else ''}{who}"
        fields = (Field("地点", more_place),) if more_place else ()
        _tell_workers(session, posting, case, Card(title, draft.text, fields, tuple(draft.photos)), person)
    if case.latitude is None:
        case.latitude, case.longitude = draft.latitude, draft.longitude
    return added


def settle(session: Session, posting: Posting, draft: Draft, now: datetime) -> None:
    """Without an answer the draft counts as 附议; that is said in private, and 另报 takes it back within a day.

    Where the known hazard has been declined or withdrawn meanwhile there is nothing to follow: that is said instead.
    """
    draft.closed_at = now
    case = standing(session, draft.alike)
    if case is None:
        number = draft.alike.number if draft.alike is not None else ""
        posting.post(address(draft), Text(NO_LONGER.format(number=number)))
        return
    draft.alike_id = case.id
    count(session, posting, draft, case, now)
    if not is_reporter(case, draft.platform, draft.sender, draft.person_id):
        name = f"{case.number}（{case.place or case.category}）"
        posting.post(address(draft), Text(COUNTED.format(name=name)))


def take_back(session: Session, draft: Draft) -> None:
    """The draft was no 附议 after all: neither its follower nor its words stay with the case."""
    for record in (Follower, CaseNote):
        session.execute(delete(record).where(record.message_id == draft.message_id))
    draft.alike_id = None
    session.flush()


def told_again(session: Session, case: Case) -> set[int]:
    """The messages that were counted as 附议 of the case: what they say is in its notes."""
    return set(session.scalars(select(Draft.message_id).where(Draft.alike_id == case.id)))


def address(draft: Draft) -> Address:
    """The private chat of who has begun the draft."""
    return Address(draft.platform, draft.bot, draft.sender, to_person=True)


def _tell_workers(session: Session, posting: Posting, case: Case, card: Card, but: Person | None) -> None:
    """Who runs the case, in private, and the unit that it is with, in its groups where it has any."""
    leaders = posting.reach_all(leaders_near(session, Tree(session), case, but)).values()
    for place in dict.fromkeys((*leaders, *unit_addresses(session, posting, case))):
        posting.post(place, card)
