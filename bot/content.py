"""What goes out: the neutral vocabulary of handlers and schedules. Each platform renders it as well as it can."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Base64Bytes, TypeAdapter
from pydantic import Field as Discriminated


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody whom a text calls by name; ``ref`` is the person's id on the platform where the text is posted."""

    name: str
    ref: str


@dataclass(frozen=True, slots=True)
class Text:
    """A plain text; line breaks count. It begins with ``@name`` for each mention, as a real mention where there are."""

    text: str
    mentions: tuple[Mention, ...] = ()
    kind: Literal["text"] = "text"

    def as_text(self) -> str:
        """The text with its mentions as words."""
        called = "".join(f"@{mention.name} " for mention in self.mentions)
        return called + self.text


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
class Choice:
    """A list of which one is picked; picking it equals pressing that button. ``label`` asks the question."""

    label: str
    options: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A line to write into, with a button that says the words of ``submit`` and then what was written.

    ``submit`` says ``办结 1001``; with 已清运 written it says ``办结 1001 已清运``.
    """

    label: str
    submit: Button

    def filled(self, words: str) -> str:
        """What the button says with these words written."""
        return f"{self.submit.says} {' '.join(words.split())}".strip()


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled value of a card."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Card:
    """A titled block with labelled values, photos, buttons, a choice and a form.

    ``hint`` says what to type; it stands in for the buttons, the choice and the form where the platform has none.
    """

    title: str
    text: str = ""
    fields: tuple[Field, ...] = ()
    photos: tuple[str, ...] = ()
    """Media names (see ``bot.media``)."""
    buttons: tuple[Button, ...] = ()
    choice: Choice | None = None
    form: Form | None = None
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


@dataclass(frozen=True, slots=True)
class File:
    """A file that is made when it goes out, of what ``about`` (``roster:12``) is by then; nothing of it is kept."""

    name: str
    about: str
    kind: Literal["file"] = "file"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as it goes out."""

    name: str
    data: Base64Bytes
    kind: Literal["attachment"] = "attachment"


Content = Text | Card | File | Attachment | Acknowledge | Refresh
_adapter: TypeAdapter[Content] = TypeAdapter(Annotated[Content, Discriminated(discriminator="kind")])


def dump(content: Content) -> bytes:
    """The content as JSON bytes."""
    return _adapter.dump_json(content)


def load(data: bytes) -> Content:
    """The content that ``dump`` wrote. Raises ``pydantic.ValidationError`` for anything else."""
    return _adapter.validate_json(data)
