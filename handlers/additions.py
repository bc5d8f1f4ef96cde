"""补充: what is said to a case after it was told; and 问: what whoever works on it wants to know of the reporter."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import select

from bot.content import Button, Card, Form, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.cases import NOT_YOURS as ELSEWHERE
from handlers.cases import (
    PROGRESS,
    actor_of,
    answer,
    name_of,
    not_found,
    numbered_case,
    runners,
    tell_reporter,
    tell_unit_elsewhere,
)
from handlers.own_cases import open_cases_of_sender
from models.case_notes import CaseNote
from models.cases import FINISHED_STATES, OPEN_STATES, Case, CaseState, Part
from models.inbox import Claim

LONGEST = 1000
"""Characters of one addition that are kept."""
ANSWERED_WITHIN = timedelta(days=1)
"""For how long a plain word in private answers what was asked."""
WHAT = "补充什么？请照这样发：「补充 {number} 昨天又扣了一次」，照片可以一起发。"
WHICH = "补充到哪一件？请带上编号，比如「补充 {number} 昨天又扣了一次」。"
NOTHING_OPEN = "你没有在办的事可以补充。有新的事，直接说一句就行。"
NOT_YOURS = "{number} 要由报的人或者经办的人来补充。你也看到了，发「附议 {number}」。"
AT_AN_END = "{number} 现在是「{state}」，不能补充了。{instead}"
NO_MORE_QUESTIONS = "{number} 现在是「{state}」，不用问了。"
IF_UNSOLVED = "没解决请发「评价 {number} 未解决」。"
IF_NEW = "还有事请重新报一次。"
ANOTHER = "要是另一件事，请发「诉求 什么事」。"
IN_GROUP = "\n这句话群里的人看得到，想收回请现在撤回；后面请在这里说。"
NO_PHOTOS = "群里的照片没有放进去，要放请在这里发。"
ASK_WHAT = "要问什么？请照这样发：「问 {number} 哪天的事？」，我私下转给报的人。"
UNREACHABLE = "{number} 报的人在这里联系不上，请当面问。"
ASKED = "已经私下问了报的人，有回答我告诉您。"
WORDS = "你的回答"


@handles("add_to_case", by=Who.ANYONE)
def add(context: Context, intent: Intent) -> Reply:
    """补充: by the reporter, or by whoever works on the case; the others who work on it are told."""
    case = _meant(context, intent)
    if not isinstance(case, Case):
        return case
    text = intent.text("text")
    # A photo that a group has seen never joins an appeal.
    photos = () if case.confidential and not context.private else context.message.photos
    if not text and not photos:
        return Privately(Text(WHAT.format(number=case.number)))
    return _added(context, case, text, photos)


def _meant(context: Context, intent: Intent) -> Case | Privately:
    """The case that is added to, or what to say instead."""
    number = intent.integer("case")
    if number is None:
        return _only(context)
    case = numbered_case(context, number)
    if case is None:
        return not_found(number)
    parts = actor_of(context, case).parts
    if not parts:
        return Privately(Text(NOT_YOURS.format(number=number)))
    goes_on = _goes_on(context, case)
    return case if goes_on.state in OPEN_STATES else _at_an_end(goes_on, by_reporter=Part.REPORTER in parts)


def _at_an_end(case: Case, *, by_reporter: bool) -> Privately:
    """Who reported it can have it opened again; for the others there is only to see how it went."""
    again = IF_UNSOLVED if case.state in FINISHED_STATES else IF_NEW
    instead = (again if by_reporter else PROGRESS).format(number=case.number)
    return Privately(Text(AT_AN_END.format(number=case.number, state=case.state, instead=instead)))


def _goes_on(context: Context, case: Case) -> Case:
    """The case itself, or the one under whose number it goes on."""
    while case.state is CaseState.MERGED and case.merged_into is not None:
        case = context.session.get_one(Case, case.merged_into)
    return case


def _only(context: Context) -> Case | Privately:
    """The one case that can be meant where no number was said."""
    asked = _waiting_question(context)
    cases = [asked] if asked else open_cases_of_sender(context)
    if len(cases) == 1:
        return cases[0]
    return Privately(Text(WHICH.format(number=cases[0].number) if cases else NOTHING_OPEN))


def _added(context: Context, told: Case, text: str, photos: Iterable[str], hint: str = "") -> Reply:
    case, by_reporter = _goes_on(context, told), Part.REPORTER in actor_of(context, told).parts
    note = _note(context, case, text, photos, by_reporter=by_reporter)
    who = "报的人" if by_reporter else "经办的人"
    card = Card(f"➕ {name_of(case)}{who}补充了", note.text, photos=tuple(note.photos))
    knows = not by_reporter and Part.DISPATCHER in actor_of(context, case).parts
    context.tell_all(runners(context, case, knows=knows), card)
    if Part.UNIT not in actor_of(context, case).parts:
        tell_unit_elsewhere(context, case, card)
    done = f"已补充到 {name_of(case)}。{hint}"
    if case.confidential and not context.private:
        done += (NO_PHOTOS if context.message.photos else "") + IN_GROUP
    return answer(case, done)


def _note(context: Context, case: Case, text: str, photos: Iterable[str] = (), *, by_reporter: bool) -> CaseNote:
    note = CaseNote(
        case_id=case.id,
        text=text[:LONGEST],
        photos=list(photos),
        by_reporter=by_reporter,
        by_id=context.person.id if context.person else None,
        at=context.now,
        message_id=context.message_id,
    )
    context.session.add(note)
    return note


@handles("ask_reporter", by=Who.CASEWORKER)
def ask(context: Context, intent: Intent) -> Reply:
    """问: the reporter is asked in private, and neither learns more of the other than before."""
    number, question = intent.integer("case"), intent.text("text")
    if number is None:
        return Privately(Text(ASK_WHAT.format(number=1024)))
    case = numbered_case(context, number)
    if case is None:
        return not_found(number)
    works_on_it = actor_of(context, case).parts - {Part.REPORTER}
    if not works_on_it and case.confidential:  # to ask, not even its reporter finds an appeal
        return not_found(number)
    if not works_on_it:
        return Privately(Text(ELSEWHERE.format(number=number, action="问")))
    if not question:
        return Privately(Text(ASK_WHAT.format(number=case.number)))
    if case.state not in OPEN_STATES:
        return Privately(Text(NO_MORE_QUESTIONS.format(number=case.number, state=case.state)))
    if not tell_reporter(context, case, _question(case, question)):
        return Privately(Text(UNREACHABLE.format(number=case.number)))
    _note(context, case, question, by_reporter=False)
    return answer(case, ASKED)


def _question(case: Case, question: str) -> Card:
    says = f"补充 {case.number}"
    return Card(
        f"❓ 你报的 {name_of(case)}，经办的人想问：",
        question,
        form=Form(WORDS, Button("回答", says, f"case:{case.number}", "primary")),
        hint=f"直接在这里回一句，或者发「{says} 你的回答」。",
    )


def answered(context: Context, *, appeal: bool = False) -> Reply | None:
    """Takes plain words or a photo in private as the answer to what was asked last; None where nothing was.

    ``appeal``: by itself it would be an appeal, and is none of a hazard's.
    """
    message = context.message
    if not context.private or not (message.text or message.photos):
        return None
    case = _waiting_question(context)
    if case is None or (appeal and not case.confidential):
        return None
    return _added(context, case, message.text, message.photos, ANOTHER if appeal else "")


def _waiting_question(context: Context) -> Case | None:
    """The case of the sender's about which something was asked within a day and not answered yet."""
    by_number = {case.id: case for case in open_cases_of_sender(context)} if context.private else {}
    query = (
        select(CaseNote, Claim.intent)
        .join(Claim, Claim.id == CaseNote.message_id)
        .where(CaseNote.case_id.in_(list(by_number)), CaseNote.at >= context.now - ANSWERED_WITHIN)
        .order_by(CaseNote.id.desc())
    )
    seen: set[int] = set()
    for note, said in context.session.execute(query):
        if said == "ask_reporter" and note.case_id not in seen:
            return by_number[note.case_id]
        if note.by_reporter:
            seen.add(note.case_id)
    return None


def notes_of(context: Context, case: Case) -> list[CaseNote]:
    """What was added and asked, the first first."""
    query = select(CaseNote).where(CaseNote.case_id == case.id).order_by(CaseNote.id)
    return list(context.session.scalars(query))
