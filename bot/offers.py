"""What the bot has asked somebody back, and what the answer chooses: 2, 对, 不是, 物业."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import select

from bot.handling import Batch, Context
from bot.messages import IncomingMessage
from bot.understanding.intent import APPEAL, NONE, Intent, Slot
from bot.understanding.short_words import LONGEST_ANSWER, agrees, answer_within, chosen_number, denies
from models.offers import OPEN_FOR, Offer

ABOUT = "offer:"
"""How what a button is about begins, where the button answers such a question."""
SURE = 0.8
"""Confidence from which words mean what they say, whatever came before."""
BESIDES = ("photo_alone", "place_alone", "choose_one", "choose_name", "none")
"""What may come between a question and its answer."""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer: what it says for the person, and what is meant by that."""

    says: str
    intent: str
    slots: dict[str, Slot] = field(default_factory=dict)
    name: str = ""
    """What it may be chosen by, if not by its number."""
    numbered: bool = True
    """Whether its number was shown."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An option that was chosen, with the photos that came with what was said first."""

    option: Option
    photos: tuple[str, ...]
    besides: dict[str, Slot]
    """What its handler has to know besides, as slots."""


class OpenOffers:
    """Those to the senders of a batch, read at once and only where somebody may be answering one."""

    def __init__(self, batch: Batch) -> None:
        self._session = batch.session
        lately = Offer.asked_at >= batch.now - OPEN_FOR
        query = select(Offer).where(Offer.closed_at.is_(None), Offer.sender.in_(batch.senders), lately)
        # locked, so that of two answers at the same time one is done
        self._open = {
            _whom(offer): offer for offer in batch.session.scalars(query.order_by(Offer.id).with_for_update())
        }

    def of(self, message: IncomingMessage, now: datetime) -> Offer | None:
        """The one that the sender of the message may answer here."""
        offer = self._open.get((message.platform, message.bot, message.sender))
        if offer is None or now - offer.asked_at > OPEN_FOR:
            return None
        return offer if message.private or message.chat == offer.chat else None

    def begin(self, offer: Offer, now: datetime) -> None:
        """Keeps a new one, instead of the one that was open."""
        theirs = (Offer.platform == offer.platform, Offer.bot == offer.bot, Offer.sender == offer.sender)
        for former in self._session.scalars(select(Offer).where(*theirs, Offer.closed_at.is_(None))):
            self.close(former, now)
        self._open[_whom(offer)] = offer
        self._session.add(offer)
        self._session.flush()

    def close(self, offer: Offer, now: datetime) -> None:
        """It has been answered, or another is asked."""
        offer.close(now)
        self._open.pop(_whom(offer), None)
        self._session.flush()


def ask(context: Context, options: Sequence[Option], *, privately: bool = False) -> str:
    """Keeps what the sender is asked now, and returns what its buttons are about. Their words are 1, 2 and so on.

    ``privately``: it must not be answered in the group where it is about something said there.
    """
    message = context.message
    offer = Offer(
        platform=message.platform,
        bot=message.bot,
        sender=message.sender,
        chat="" if privately or context.chat is None else message.chat,
        chat_id=context.chat.id if context.chat else None,
        options=json.dumps([asdict(option) for option in options], ensure_ascii=False),
        photos=list(message.photos),
        asked_at=context.now,
        message_id=context.message_id,
    )
    context.batch.shared(OpenOffers).begin(offer, context.now)
    return f"{ABOUT}{offer.id}"


def answered(context: Context, intent: Intent) -> Choice | str | None:
    """What the message chooses of what its sender was asked; else the handler that says why it chooses nothing.

    None: it is about something else.
    """
    message = context.message
    if message.about.startswith(ABOUT):
        return _pressed(context, message.about.removeprefix(ABOUT))
    if message.kind != "message" or not message.text or not _may_answer(message.text, intent):
        return None
    offer = context.batch.shared(OpenOffers).of(message, context.now)
    if offer is None or context.said_since(offer.asked_at, offer.message_id, BESIDES):
        return None  # the question is no longer what 1 is about
    return _meant(context, offer)


def _may_answer(text: str, intent: Intent) -> bool:
    if chosen_number(text) or agrees(text) or denies(text) or text.strip().isdecimal():
        return True
    return (intent.name == NONE.name or intent.confidence < SURE) and len(text) <= LONGEST_ANSWER


def _meant(context: Context, offer: Offer) -> Choice | str | None:
    text, options = context.message.text, _options(offer)
    numbered = all(option.numbered for option in options)
    number = chosen_number(text) if numbered else None
    if number is not None:
        named = options[number - 1 : number]
        if not named and not context.message.addressed:
            return None
    elif agrees(text) and numbered:
        named = options
    elif denies(text) and (numbered or context.message.addressed):
        context.batch.shared(OpenOffers).close(offer, context.now)
        return "chose_none"
    else:
        word = answer_within(text)
        if not word:
            return None
        named = [option for option in options if option.name == word] or [
            option for option in options if _names(word, option)
        ]
        if not named:
            return None
    if len(named) == 1:
        return _chosen(context, offer, named[0])
    return "choose_one" if numbered else "choose_name"


def _names(word: str, option: Option) -> bool:
    """Whether a part of the option's name is meant; of a number all of it is."""
    return word in (re.findall(r"\d+", option.name) if word.isdecimal() else option.name)


def _pressed(context: Context, number: str) -> Choice | str:
    message = context.message
    offer = context.batch.shared(OpenOffers).of(message, context.now)
    if offer is not None and str(offer.id) == number:
        return _meant(context, offer) or "chose_late"
    known = context.session.get(Offer, int(number)) if number.isdecimal() else None
    if known is not None and (known.platform, known.sender) != (message.platform, message.sender):
        return "not_asked"
    return "chose_late"


def _chosen(context: Context, offer: Offer, option: Option) -> Choice:
    """What a group has seen never joins an appeal, whose receipt says that it was seen."""
    if offer.chat_id is not None and option.intent == APPEAL:
        choice = Choice(option, (), {"seen": 1, "photos_left": len(offer.photos)})
    else:
        choice = Choice(option, tuple(offer.photos), {})
    context.batch.shared(OpenOffers).close(offer, context.now)
    return choice


def _options(offer: Offer) -> list[Option]:
    return [Option(**option) for option in json.loads(offer.options)]


def _whom(offer: Offer) -> tuple[str, str, str]:
    return offer.platform, offer.bot, offer.sender
