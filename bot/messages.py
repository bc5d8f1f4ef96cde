"""What comes in: one message, button press or event of any platform, in neutral words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pydantic import TypeAdapter

PAGE = "page"
"""The platform of what people do on a signed page. It knows them by their ids of the roster, and nothing can be said to
them there but the answer itself."""
OPEN311 = "open311"
"""The platform of other systems that report hazards (see ``bot.web.open311``): ``bot`` is the system's name. Nobody is
known of who is behind it, and nothing can be said there: the system looks by itself what becomes of its reports."""
PROVIDERS = {
    "feishu": "feishu",
    "wecom_aibot": "wecom",
    "wecom_app": "wecom",
    "wecom_robot": "wecom",
    "official_account": "wechat",
    "sandbox": "sandbox",
}
"""Who issues the person ids of a platform: the roster's columns and ``bot.admins`` are named after these."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A photo that is still at the platform; it will be kept under ``name`` (see ``bot.media.photo_name``)."""

    name: str
    source: str
    """What ``Platform.fetch`` needs to get it; only the platform can read it. It may hold a key."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a group, by the platform's id and under the name shown there."""

    ref: str
    name: str


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One thing that a person did in a chat, verified and decrypted.

    ``key`` is unique within ``(platform, bot)`` however often the platform redelivers the message.
    """

    platform: str
    bot: str
    key: str
    chat: str
    """The platform's id of the chat; in private chat, of the chat with the sender."""
    private: bool
    sender: str
    """The platform's id of the person (open_id, userid, openid)."""
    sent_at: datetime
    kind: Literal["message", "button", "joined", "entered", "members", "reported"] = "message"
    """``button``: a card said ``text`` for the person; ``joined``: the bot was added to the chat; ``entered``: the
    person opened the private chat; ``members``: people of the chat became known, and nobody said anything;
    ``reported``: another system reports a hazard, with its organisation and category in ``about``."""
    text: str = ""
    """What was said, without the @-mention of the bot."""
    addressed: bool = False
    """The bot was @-mentioned, a button was pressed, or the chat is private."""
    photos: tuple[str, ...] = ()
    """Media names (see ``bot.media``)."""
    pending: tuple[Pending, ...] = ()
    """Those of the photos that are still at the platform."""
    place: str = ""
    """The label of a location that was sent."""
    latitude: float | None = None
    longitude: float | None = None
    """Degrees of that location, as the platform gives them."""
    about: str = ""
    """What the pressed card was about (``lesson:17``); empty otherwise."""
    ref: str = ""
    """What the platform needs to reply or react to this very message."""
    chat_title: str = ""
    members: tuple[Member, ...] = ()
    """People who are in the chat."""
    whole: bool = False
    """Nobody else is in the chat than ``members``."""
    left: tuple[str, ...] = ()
    """Ids of people who are in the chat no more."""

    @property
    def provider(self) -> str:
        """Who issued the sender's id: feishu, wecom, wechat or sandbox; for a page and for Open311, they themselves."""
        return PROVIDERS.get(self.platform, self.platform)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message, given once it is committed.

    ``answer`` is what a platform with synchronous replies shows; a redelivered message gets the same one again.
    """

    answer: str
    duplicate: bool


class Unavailable(Exception):
    """The message could not be committed now; the platform should deliver it again."""


class Intake(Protocol):
    """What platforms hand their messages to."""

    async def submit(self, message: IncomingMessage) -> Receipt:
        """Returns once the message, its effects and its replies are committed. Raises Unavailable."""


_adapter = TypeAdapter(IncomingMessage)


def dump_message(message: IncomingMessage) -> bytes:
    """The message as JSON bytes."""
    return _adapter.dump_json(message)


def load_message(data: bytes) -> IncomingMessage:
    """The message that ``dump_message`` wrote. Raises ``pydantic.ValidationError`` for anything else."""
    return _adapter.validate_json(data)
