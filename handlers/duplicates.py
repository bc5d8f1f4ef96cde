"""Duplicates: a hazard that somebody has reported already is not registered twice; who tells it again is asked."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from bot.content import Button, Card, Field, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.seconding import settle, standing, take_back
from bot.understanding.intent import Intent
from bot.understanding.likeness import NEAR, Report, likeness, metres
from bot.understanding.short_words import agrees, denies
from handlers.drafts import begin, blank, close, open_draft
from handlers.registering import MOST_PHOTOS, Told, register
from handlers.seconding import by_sender, second_case, waiting
from models.cases import FINISHED_STATES, Case, CaseKind, CaseState, find_case
from models.drafts import Draft
from models.organisations import Organisation

WITHIN = timedelta(days=14)
"""How old a report may be that another is the same as."""
JUST_ASKED = timedelta(minutes=5)
"""For how long 对, said in a group to nobody in particular, is for the bot."""
KNOWN = "已有人报过 {number}（{where}，{state}）"
KNOWN_OWN = "你报过 {number}（{where}，{state}）"
SAME_OR_NOT = "是同一件事就回复「+1」附议，办好了也告诉你；不是就回复「另报」。"
SAME_OR_NOT_OWN = "是同一件事就不用再报，这次说的我放进去；不是就回复「另报」。"
STILL_OR_ANEW = "还是那一件没弄好，就回复「+1」，我转告经办的人；是新的就回复「另报」。"
NOTHING_WAITS = "没有等你说明的事。要报隐患，说一句哪里、怎么了就行，比如「东门井盖没了」。"
_NOT_MEANT = (CaseState.DECLINED, CaseState.WITHDRAWN)
_SAME = re.compile(r"\W*(?:[+＋] ?1|加[1一]|我?也?附议|就?是?(?:同一?|一|这|那)件事?)[了啊吧的]?\W*")
_NOT_SAME = re.compile(r"\W*(?:不是|另外?)(?:同一?|一|这|那)?(?:件|回|个|起)?事?[了啊吧的]?\W*")


def alike(context: Context, organisation: Organisation, told: Told) -> Case | None:
    """The hazard that was told, where somebody in the same tree of organisations has reported it in the last two weeks.

    One that was merged since means the one that goes on.
    """
    if told.kind is not CaseKind.HAZARD or not (told.place or told.latitude is not None):
        return None
    report = Report(told.category, told.place, told.text)
    found = [
        (likeness().alike(report, _report(case)), case.number, case) for case in _near(context, organisation, told)
    ]
    for words, _, case in sorted(found, key=lambda each: each[:2], reverse=True):
        known = standing(context.session, case) if words else None
        if known is not None:
            return known
    return None


def _report(case: Case) -> Report:
    return Report(case.category, case.place, case.text)


def _near(context: Context, organisation: Organisation, told: Told) -> Iterator[Case]:
    """The hazards of the last two weeks that are where this one was told to be."""
    here = likeness().spot(told.place, told.text)
    for case in context.session.scalars(select(Case).where(Case.id.in_(_perhaps_near(context, organisation, told)))):
        there = likeness().spot(case.place, case.text)
        distance = _distance(told, (case.latitude, case.longitude))
        if distance is not None:
            if distance <= NEAR and not likeness().contradict(here, there):
                yield case
        elif likeness().same_spot(here, there) and not likeness().is_everywhere(here):
            neighbours = case.organisation_id == organisation.id
            if neighbours or not likeness().is_local(here):
                yield case


def _perhaps_near(context: Context, organisation: Organisation, told: Told) -> list[int]:
    """By distance, or by the names of the places alone: texts are sealed, and to read all of them would take long."""
    tree = context.batch.tree
    top = [organisation, *tree.above(organisation)][-1]
    theirs = {below.id for below in tree.below(top)}
    query = select(Case.id, Case.organisation_id, Case.latitude, Case.longitude, Case.place).where(
        Case.created_at >= context.now - WITHIN,
        Case.kind == CaseKind.HAZARD,
        Case.state.not_in(_NOT_MEANT),
    )
    may_be = likeness().may_be(likeness().spot(told.place, told.text))
    found = []
    for case_id, owner, latitude, longitude, place in context.session.execute(query):
        distance = _distance(told, (latitude, longitude))
        if owner in theirs and (may_be(place) if distance is None else distance <= NEAR):
            found.append(case_id)
    return found


def _distance(told: Told, there: tuple[float | None, float | None]) -> float | None:
    """In metres; None where one of the two is known by words alone."""
    if told.latitude is None or told.longitude is None or there[0] is None or there[1] is None:
        return None
    return metres((told.latitude, told.longitude), (there[0], there[1]))


def unanswered(context: Context, told: Told, same: Case | None) -> Told:
    """Who goes on to another report without an answer will not answer any more; who tells the same again has more of
    it to show."""
    former = open_draft(context)
    if former is None or former.alike_id is None:
        return told
    if same is not None and standing(context.session, former.alike) is same:
        return replace(told, photos=(*former.photos, *told.photos)[:MOST_PHOTOS])
    settle(context.session, context.batch.posting, former, context.now)
    close(context, former)
    return told


def offer(context: Context, told: Told, case: Case) -> Reply:
    """Asks whether what was told is the known hazard, and keeps it until that is said, or for half an hour."""
    begin(context, _draft(context, told, case))
    own = by_sender(context, case)
    finished = case.state in FINISHED_STATES
    title = (KNOWN_OWN if own else KNOWN).format(
        number=case.number, where=case.place or case.category, state=case.state
    )
    about = f"case:{case.number}"
    return Card(
        title=title,
        fields=(Field("类别", case.category),),
        photos=tuple(case.photos[:1]) if case.organisation is context.organisation else (),
        buttons=(
            Button("是这件" if own else "+1", f"附议 {case.number}", about, "primary"),
            Button("另报", "另报", about),
        ),
        hint=STILL_OR_ANEW if finished else SAME_OR_NOT_OWN if own else SAME_OR_NOT,
    )


def _draft(context: Context, told: Told, case: Case) -> Draft:
    draft = blank(context)
    draft.kind, draft.text, draft.category, draft.sureness = told.kind, told.text, told.category, told.sureness
    draft.urgent, draft.photos, draft.message_id = told.urgent, list(told.photos), told.message_id
    draft.place, draft.latitude, draft.longitude = told.place, told.latitude, told.longitude
    draft.alike_id = case.id
    return draft


def same_or_not(context: Context) -> Reply | None:
    """The answer in passing of somebody who was asked in this chat: +1. None: it is about something else.

    对 and 不是 answer it as well, in a group right after it was asked.
    """
    said, draft = context.message.text, open_draft(context)
    just_asked = context.message.addressed or (draft is not None and context.now - draft.begun_at <= JUST_ASKED)
    if _SAME.fullmatch(said) or (just_asked and agrees(said)):
        return second_case(context, Intent("second_case", 1.0, reply=True))
    if _NOT_SAME.fullmatch(said) or (just_asked and denies(said)):
        return report_anew(context, Intent("report_anew", 1.0, reply=True))
    return None


@handles("report_anew", by=Who.ANYONE)
def report_anew(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """另报: it is another hazard after all, within a day. None: it was said to somebody else.

    On a card it means what that card has asked about.
    """
    number = context.message.about.removeprefix("case:")
    asked = find_case(context.session, int(number)) if number.isdecimal() else None
    draft = waiting(context, asked, counted=True)
    if draft is None:
        return Privately(Text(NOTHING_WAITS)) if context.message.addressed else None
    like = draft.alike.number if draft.alike is not None else None
    if context.organisation is not None:
        take_back(context.session, draft)
        close(context, draft)
    return register(context, replace(Told.of_draft(draft), like=like))
