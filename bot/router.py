"""From a message to its handler, and from the handler's reply to the outbox."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from bot.content import Acknowledge, Card, File, Text
from bot.drafts import OpenDrafts
from bot.handling import Batch, Context, Kept, Privately, Reply, Who, registration
from bot.messages import IncomingMessage
from bot.offers import SURE, Choice, answered
from bot.posting import Address, address_of
from bot.understanding.intent import APPEAL, CASES, HAZARD, NONE, Intent, Slot
from bot.understanding.short_words import Slip, agrees, arrived, chosen_number, denies, either, slip
from models.counters import FIRST

SURE_ENOUGH = 0.7
"""Below this an addressed text that would be acted upon at once is asked back."""
ACTS_AT_ONCE = frozenset(
    {
        APPEAL,
        "approve_leave",
        "case_feedback",
        "check_in",
        "close_lesson",
        HAZARD,
        "leave_request",
        "open_lesson",
    }
)
"""What needs nothing but to be said. Other handlers ask for what is missing better than a general question does."""
HAPPENINGS = frozenset({"joined", "entered", "members", "reported"})
"""Kinds of messages that nobody said; each has a handler of that name."""
MAYBE_CHATTER = frozenset(
    {
        *("photo_alone", "place_alone", "said_more", "correct_case", "notice_ack", "casual_ack", "case_feedback"),
        *("coming", "withdraw_leave", "refuse_leave", "vouch", "materials", "add_material", "inflow"),
        *("send_notice", "ack_list", "duty_query", "set_duty"),
        *("accept_case", "decline_case", "assign_case", "return_case", "resolve_case", "merge_case"),
        *("suspend_case", "resume_case", "more", "second_case", "report_anew"),
        *("plan_lesson", "move_lesson", "cancel_lesson", "plan_series"),
    }
)
"""What people also say to one another. Where its handler has nothing to say, nothing of it is kept; nor of what has no
handler.
"""
ARRIVED = Intent("arrived", 1.0, reply=True)
"""到, 来了: whether anybody waits for it, its handler knows."""
CASUAL_ACK = Intent("casual_ack", 1.0, reply=True, acknowledges=True)
"""What people say to a notice and to one another: whether it answers a notice, its handler knows."""
HARMLESS = ("help", "notice_ack")
"""What does nothing that would have to be asked about."""
KINDS = ("appeal", "hazard")
"""不是隐患，是诉求: what is told so is neither, where there is nothing that it could be said of."""
BARE_ACK = Intent("casual_ack", 1.0, reply=True)
"""好: the same of what is said for even less."""
BEFORE_TYING = frozenset({"joined", "members", "bind", "bind_chat"})
"""What is heard in a group that is not tied yet without the bot being addressed."""


class Understander(Protocol):
    """What turns a text into an intent; see ``bot.understanding``."""

    def understand(self, text: str, *, addressed: bool, role: str, private: bool, now: datetime) -> Intent:
        """The intent of one text."""


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of one message: the intent, and what a synchronous reply says."""

    intent: str
    answer: str
    aside: bool = False
    """Photos of the message that are still at its platform stay there for the time."""


class Router:
    """Finds out what a message wants and has it done."""

    def __init__(self, understander: Understander) -> None:
        self._understander = understander

    def handle(self, batch: Batch, message: IncomingMessage, message_id: int) -> Handled | None:
        """Does what the message wants. None: it wants nothing of the bot, and nothing of it is kept."""
        context = _context(batch, message, message_id)
        intent = self._intent(context)
        answer = answered(context, intent)
        if isinstance(answer, Choice):
            context, intent = self._as_if_said(context, answer)
        elif answer is not None:
            intent = Intent(answer, 1.0, reply=True)
        else:
            for meant in self._awaited(context, intent):
                if (reply := _call(context, meant)) is not None:
                    return Handled(meant.name, _send(context, reply))
                if meant.text("kind") in KINDS:
                    return None
            if _answers_nothing(message.text, intent):
                intent = replace(NONE, reply=message.addressed)
        if intent.acknowledges:
            intent = CASUAL_ACK
        if not intent.reply or _overheard(context, intent):
            return None
        reply = _call(context, intent)
        if reply is None and (intent.name in MAYBE_CHATTER or registration(intent.name) is None):
            return None
        aside = isinstance(reply, Kept) and reply.aside
        return Handled(intent.name, _send(context, reply) if reply else "", aside)

    def _intent(self, context: Context) -> Intent:
        message = context.message
        if message.kind == "reported":
            return Intent("reported", 1.0, reply=True, danger=self._understood(context).danger)
        if message.kind in HAPPENINGS:
            return Intent(message.kind, 1.0, reply=True)
        if (message.place or message.latitude is not None) and not message.text:
            return Intent("place_alone", 1.0, reply=True)
        if message.photos and not message.text:
            return Intent("photo_alone", 1.0, reply=True)
        return self._understood(context)

    def _as_if_said(self, context: Context, choice: Choice) -> tuple[Context, Intent]:
        """The chosen option, as if its words had been said by themselves."""
        option = choice.option
        photos = (*choice.photos, *context.message.photos)
        said = replace(context.message, text=option.says, addressed=True, about="", photos=photos)
        context = replace(context, message=said)
        intent = self._understood(context)
        if intent.name != option.intent:
            category = None if option.intent in CASES else intent.category  # each has categories of its own
            slots = {**intent.slots, **option.slots}
            intent = replace(intent, name=option.intent, slots=slots, category=category, sureness=None)
        slots = {**intent.slots, **choice.besides}
        return context, replace(intent, confidence=1.0, reply=True, slots=slots, acknowledges=False, alternatives=())

    def _awaited(self, context: Context, intent: Intent) -> Iterator[Intent]:
        """What the words may mean by what came before, the likeliest first: each, if its handler knows of it."""
        message = context.message
        if message.kind not in ("message", "button") or not message.text:
            return
        wrong = slip(message.text)
        unsure = intent.name == NONE.name or intent.confidence < SURE
        if wrong is not None and (wrong.firm or wrong.what != "place" or unsure):
            yield self._slip(context, wrong)
        if message.kind == "message" and (more := _said_more(context, intent)) is not None:
            yield more
        if message.kind == "message" and arrived(message.text, context.person.name if context.person else ""):
            yield ARRIVED
        if message.kind == "message" and not message.addressed and not intent.acknowledges and either(message.text):
            yield BARE_ACK

    def _slip(self, context: Context, wrong: Slip) -> Intent:
        """What was said to be wrong; ``place`` is what is right instead, if all of that names a place."""
        rest = replace(context.message, text=wrong.rest)
        place = self._understood(replace(context, message=rest)) if wrong.rest else NONE
        slots: dict[str, Slot] = {"kind": wrong.what, "firm": int(wrong.firm), "old": wrong.old}
        slots |= {"case": wrong.number} if wrong.number is not None else {}
        whole = place.where or (wrong.rest if place.text("place") == wrong.rest else "")
        slots |= {"place": whole}
        return Intent("slip", 1.0, reply=True, slots=slots)

    def _understood(self, context: Context) -> Intent:
        message = context.message
        return self._understander.understand(
            message.text, addressed=message.addressed, role=context.role, private=message.private, now=context.said_at
        )


def _context(batch: Batch, message: IncomingMessage, message_id: int) -> Context:
    return Context(
        batch=batch,
        message=message,
        message_id=message_id,
        person=batch.people.get((message.provider, message.sender)),
        chat=None if message.private else batch.chats[message.platform, message.bot, message.chat],
    )


def _call(context: Context, intent: Intent) -> Reply | None:
    found = registration("doubt" if _doubtful(context, intent) else intent.name) or registration("unknown")
    if found is None:
        raise LookupError("no handlers are registered")
    if not context.may(found.by):
        return Privately(Text(found.by.value)) if _asked(context, found.by) else None
    return found.handler(context, intent)


def _said_more(context: Context, intent: Intent) -> Intent | None:
    """What is not understood by itself may be the rest of a report that the sender has begun in this chat."""
    message = context.message
    half = intent.name == HAZARD and _doubtful(context, intent)
    unclear = intent.name == NONE.name or bool(intent.where) or half
    yes_or_no = intent.confidence < SURE and (agrees(message.text) or denies(message.text))
    if not (unclear or yes_or_no):
        return None
    draft = context.batch.shared(OpenDrafts).of(message, context.now)
    if draft is None or not (unclear or draft.alike_id):
        return None
    place = {"place": intent.where} if intent.where else {}
    return replace(intent, name="said_more", confidence=1.0, reply=True, slots={**intent.slots, **place})


def _answers_nothing(text: str, intent: Intent) -> bool:
    """Whether it is a yes, a no or a number that nothing waits for: of that nobody is asked what it meant."""
    half = bool(intent.alternatives) and intent.confidence < SURE_ENOUGH and intent.name not in HARMLESS
    return half and bool(agrees(text) or denies(text) or chosen_number(text))


def _doubtful(context: Context, intent: Intent) -> bool:
    """Whether a half-understood text would be acted upon; a pressed button is never half understood."""
    if not context.message.addressed or context.message.kind == "button" or intent.confidence >= SURE_ENOUGH:
        return False
    several = len(intent.alternatives) > (intent.name != NONE.name)
    if several and intent.name != "notice_ack":  # 好的 is said for nothing
        return True
    if intent.name == "assign_case":
        return False  # without a unit nothing happens, and its handler names those that there are
    return intent.name in ACTS_AT_ONCE or "case" in intent.slots


def _overheard(context: Context, intent: Intent) -> bool:
    """Whether this was said among people: in a group that is no branch's yet, or with a number that no case has."""
    if context.message.addressed or context.chat is None:
        return False
    number = intent.integer("case")
    if number is not None and number < FIRST["case"]:
        return True
    if context.chat.organisation is not None:
        return False
    return not intent.danger and intent.name not in BEFORE_TYING


def _asked(context: Context, by: Who) -> bool:
    """Whether a refusal is owed: a stranger's talk in a group is none of the bot's business, a check-in is."""
    return context.message.addressed or context.person is not None or by is Who.MEMBER


def _send(context: Context, reply: Reply) -> str:
    """Puts the reply into the outbox; a pressed button is answered by what is returned wherever that is enough."""
    message = context.message
    if isinstance(reply, Kept):
        return ""
    if isinstance(reply, Acknowledge):
        if message.kind != "button":
            context.batch.posting.acknowledge(_here(context), reply, ref=message.ref, message_id=context.message_id)
        return reply.done
    content = reply.content if isinstance(reply, Privately) else reply
    if isinstance(reply, Privately) and message.kind == "button" and isinstance(content, Text):
        return content.as_text()
    address = context.sender if isinstance(reply, Privately) else _here(context)
    elsewhere = address.to_person and not message.private
    ref = "" if elsewhere or message.kind in ("button", "members", "joined") else message.ref
    context.batch.posting.post(address, content, ref=ref, message_id=context.message_id)
    return "" if message.kind == "button" and address.to_person else _first_line(content)


def _here(context: Context) -> Address:
    return context.sender if context.chat is None else address_of(context.chat)


def _first_line(content: Text | Card | File) -> str:
    match content:
        case Text():
            return content.as_text().partition("\n")[0]
        case Card():
            return content.title.partition("\n")[0]
        case File():
            return content.name
