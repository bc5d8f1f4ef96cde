"""What goes out: the neutral vocabulary of handlers and schedules. Each platform renders it as well as it can."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field as Discriminated
from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Text:
    """A plain text; line breaks count."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Button:
    """A button that says something for the person who presses it.

    Pressing it equals saying ``says`` to the bot, so a platform without buttons falls back to telling people what
    to type. ``about`` names what the card is about (``lesson:17``), so that an old card stays about its own subject.
    """

    label: str
    says: str
    about: str = ""
    style: Literal["primary", "plain", "danger"] = "plain"


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled value of a card."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Card:
    """A titled block with labelled values, photos and buttons.

    ``hint`` says what to type; it stands in for the buttons where the platform has none.
    """

    title: str
    text: str = ""
    fields: tuple[Field, ...] = ()
    photos: tuple[str, ...] = ()
    """Media names (see ``bot.media``)."""
    buttons: tuple[Button, ...] = ()
    hint: str = ""
    kind: Literal["card"] = "card"

    def as_text(self) -> str:
        """Everything the card says, for platforms and logs of dialogues that have only text."""
        lines = [self.title, self.text, *(f"{f.label}：{f.value}" for f in self.fields), self.hint]
        return "\n".join(line for line in lines if line)


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A quiet "done": a reaction, a tick, or a name in a merged line (``✅ 已签到：小李、小张``).

    ``done`` is what has been done, as the merged line says it; ``name`` is the person's.
    """

    done: str
    name: str
    kind: Literal["acknowledge"] = "acknowledge"


@dataclass(frozen=True, slots=True)
class Refresh:
    """The card of ``about`` (``lesson:17``) as it is when it goes out, so that many changes become one."""

    about: str
    kind: Literal["refresh"] = "refresh"


Content = Text | Card | Acknowledge | Refresh
_adapter: TypeAdapter[Content] = TypeAdapter(Annotated[Content, Discriminated(discriminator="kind")])


def dump(content: Content) -> bytes:
    """The content as JSON bytes."""
    return _adapter.dump_json(content)


def load(data: bytes) -> Content:
    """The content that ``dump`` wrote. Raises ``pydantic.ValidationError`` for anything else."""
    return _adapter.validate_json(data)
