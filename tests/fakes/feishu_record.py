"""What the fake Feishu cloud has seen and accepted."""

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that the cloud accepted. ``to`` is the chat or person it was addressed to; replies have only a chat."""

    message_id: str
    chat: str
    to: str
    msg_type: str
    content: dict[str, Any]
    uuid: str
    reply_to: str
    mentions: list[str]
    at: float


@dataclass(frozen=True, slots=True)
class Reacted:
    """A reaction that the cloud accepted; of each kind a message has at most one by the bot."""

    message_id: str
    emoji: str
    at: float


@dataclass(frozen=True, slots=True)
class Updated:
    """A new content of a card."""

    message_id: str
    content: dict[str, Any]
    at: float


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A picture or file of the bot's. ``file_type`` is Feishu's (``stream``, ``xls`` …), or the image_type."""

    key: str
    file_type: str
    name: str
    size: int
    at: float


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A resource that was asked for and began to be served."""

    message_id: str
    key: str
    at: float


@dataclass(frozen=True, slots=True)
class Pushed:
    """A message that a custom robot's webhook accepted."""

    token: str
    msg_type: str
    content: dict[str, Any]
    at: float


@dataclass(slots=True)
class Record:
    """What the cloud has seen."""

    posts: list[Posted] = field(default_factory=list)
    reactions: list[Reacted] = field(default_factory=list)
    updates: list[Updated] = field(default_factory=list)
    images: list[Uploaded] = field(default_factory=list)
    files: list[Uploaded] = field(default_factory=list)
    downloads: list[Downloaded] = field(default_factory=list)
    served_bytes: Counter[str] = field(default_factory=Counter)
    """Of each resource, by key, however many the client took."""
    pushes: list[Pushed] = field(default_factory=list)
    repeated_uuids: Counter[str] = field(default_factory=Counter)
    """Requests with a uuid that had been accepted within the hour; they were answered and posted nothing."""
    repeated_reactions: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    """By API, whatever became of them."""
    refusals: Counter[int] = field(default_factory=Counter)
    """By code."""

    @property
    def double_posts(self) -> dict[str, int]:
        """Uuids that were posted more than once, which can only happen after the hour."""
        counts = Counter(post.uuid for post in self.posts if post.uuid)
        return {uuid: count for uuid, count in counts.items() if count > 1}

    def as_json(self) -> dict[str, Any]:
        """The whole of it, as ``GET /_recorded`` shows it."""
        whole = {item.name: getattr(self, item.name) for item in fields(self)}
        shown = {name: [asdict(one) for one in part] for name, part in whole.items() if isinstance(part, list)}
        refusals = {str(code): count for code, count in self.refusals.items()}
        return whole | shown | {"refusals": refusals, "double_posts": self.double_posts}
