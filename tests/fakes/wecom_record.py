"""What the fake gateway of WeCom's long connection sent, accepted and counted."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.wecom_uploads import Upload


@dataclass(frozen=True, slots=True)
class Callback:
    """What the gateway sent the bot; ``delivered`` is False when no connection was there to take it."""

    req_id: str
    body: dict[str, Any]
    delivered: bool


@dataclass(slots=True)
class Stream:
    """A streamed answer to the message ``msgid``. ``target``: the chat, or the person of a private chat."""

    id: str
    req_id: str
    msgid: str
    target: str
    at: float
    frames: list[str] = field(default_factory=list)
    finished: bool = False

    @property
    def text(self) -> str:
        """What people see now."""
        return self.frames[-1] if self.frames else ""


@dataclass(frozen=True, slots=True)
class Posted:
    """A message in one piece. ``msgid``: what it answers, empty for a push. ``content``: as given at its msgtype."""

    target: str
    msgtype: str
    content: dict[str, Any]
    msgid: str
    req_id: str
    at: float

    @property
    def text(self) -> str:
        """The text of a markdown or text message, empty for others."""
        return str(self.content.get("content", ""))


@dataclass(frozen=True, slots=True)
class Updated:
    """A card's new content, for ``users`` or, when that is empty, for everybody."""

    task_id: str
    card: dict[str, Any]
    users: list[str]
    at: float


@dataclass(slots=True)
class Record:
    """What the gateway accepted, and what it counted."""

    streams: list[Stream] = field(default_factory=list)
    replies: list[Posted] = field(default_factory=list)
    pushes: list[Posted] = field(default_factory=list)
    welcomes: list[Posted] = field(default_factory=list)
    updates: list[Updated] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    """Frames by cmd, whatever became of them."""
    refusals: Counter[int] = field(default_factory=Counter)
    """By errcode."""
    protocol_pings: int = 0
    connections: int = 0

    @property
    def posts(self) -> list[Posted]:
        """Everything in one piece that people see."""
        return [*self.replies, *self.pushes, *self.welcomes]

    @property
    def cards(self) -> list[Posted]:
        """The template cards among the posts."""
        return [post for post in self.posts if post.msgtype == "template_card"]

    @property
    def double_posts(self) -> dict[tuple[str, str], int]:
        """What people in one place saw more than once: (target, content) and how often. Finished streams count."""
        seen = [(post.target, json.dumps(post.content, ensure_ascii=False, sort_keys=True)) for post in self.posts]
        seen += [(stream.target, stream.text) for stream in self.streams if stream.finished]
        return {what: count for what, count in Counter(seen).items() if count > 1}
