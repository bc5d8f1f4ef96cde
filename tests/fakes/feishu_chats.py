"""The groups of the fake Feishu cloud and who is in them (pages ``im-v1/chat`` and ``im-v1/chat-members/get``)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from tests.fakes.feishu_callbacks import ids
from tests.fakes.feishu_gateway import Call, Gateway, Refusal

BAD_PARAMETER = 232001
MOST_ON_A_PAGE = 100


class Member(NamedTuple):
    """Somebody in a group. People with the same ``joined``, other than 0, came at the same moment."""

    open_id: str
    name: str
    bot: bool = False
    joined: int = 0


@dataclass(slots=True)
class Chat:
    """A group that the cloud knows."""

    chat_id: str
    name: str
    members: list[Member] = field(default_factory=list)
    external: bool = False


Item = TypeVar("Item", Chat, Member)


class Chats:
    """Which groups there are, and in which the bot is."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._chats: dict[str, Chat] = {}
        self._private: dict[str, str] = {}
        self._left: set[str] = set()
        self._dissolved: set[str] = set()

    # Controls

    def add(self, chat_id: str, name: str, members: Iterable[Member] = (), *, external: bool = False) -> None:
        """There is such a group, and the bot is in it."""
        self._chats[chat_id] = Chat(chat_id, name, list(members), external)
        self._left.discard(chat_id)

    def add_private(self, chat_id: str, open_id: str) -> None:
        """That is the private chat of the person with the bot."""
        self._private[open_id] = chat_id

    def remove_bot(self, chat_id: str) -> None:
        """The bot is not in the group any more, or a person wants nothing of it."""
        self._left.add(chat_id)

    def dissolve(self, chat_id: str) -> None:
        """The group is no more."""
        self._dissolved.add(chat_id)

    # For the APIs

    def private_chat(self, open_id: str) -> str:
        """The chat in which the bot speaks with the person."""
        return self._private.get(open_id, f"oc_p2p_{open_id}")

    def check_inside(self, *places: str, code: int) -> None:
        """Refuses with ``code`` where the bot is not (any more)."""
        self._gateway.check_refusals(*places)
        if self._dissolved & set(places):
            raise Refusal(232009, "Your request specifies a chat which has already been dissolved.")
        if self._left & set(places):
            raise Refusal(code, "Bot/User can NOT be out of the chat.")

    def list_chats(self, call: Call) -> dict[str, Any]:
        """``GET /im/v1/chats``: the groups with the bot in them, no private chats."""
        chats = [chat for chat in self._chats.values() if chat.chat_id not in self._left | self._dissolved]
        page, token = _page(chats, call)
        return {"items": [{"chat_id": chat.chat_id, **_described(chat)} for chat in page], **token}

    def get(self, call: Call) -> dict[str, Any]:
        """``GET /im/v1/chats/:chat_id``."""
        chat = self._known(call.path["id"])
        people = sum(not member.bot for member in chat.members)
        counts = {"user_count": str(people), "bot_count": str(1 + len(chat.members) - people)}
        return {"chat_mode": "group", "chat_type": "private", **counts, **_described(chat)}

    def list_members(self, call: Call) -> dict[str, Any]:
        """``GET /im/v1/chats/:chat_id/members``, with pages shorter and longer than asked for."""
        kind = call.query.get("member_id_type", "open_id")
        if kind not in {"open_id", "union_id"}:
            raise Refusal(BAD_PARAMETER, "Your request contains an invalid request parameter: member_id_type")
        chat = self._known(call.path["id"])
        page, token = _page(chat.members, call)
        people = [_person(member, kind) for member in page if not member.bot]
        return {"items": people, "member_total": sum(not member.bot for member in chat.members), **token}

    def _known(self, chat_id: str) -> Chat:
        if not chat_id.startswith("oc_"):
            raise Refusal(232006, "Your request specifies a chat_id which is invalid.")
        self.check_inside(chat_id, code=232011)
        if chat_id not in self._chats:
            raise Refusal(232011, "Operator can NOT be out of the chat.")
        return self._chats[chat_id]


def _described(chat: Chat) -> dict[str, Any]:
    owner = next((member.open_id for member in chat.members if not member.bot), "")
    return {
        "avatar": "https://example.org/avatar.jpg",
        "name": chat.name,
        "description": "",
        "owner_id": owner,
        "owner_id_type": "open_id",
        "external": chat.external,
        "tenant_key": "t1",
        "chat_status": "normal",
    }


def _person(member: Member, kind: str) -> dict[str, Any]:
    return {
        "member_id_type": kind,
        "member_id": ids(member.open_id)[kind],
        "name": member.name,
        "tenant_key": "t1",
    }


def _page(items: Sequence[Item], call: Call) -> tuple[list[Item], dict[str, Any]]:
    """One page and what leads to the next. Whoever joined at the same moment stands on the same page."""
    size = call.number("page_size", 20, MOST_ON_A_PAGE, code=BAD_PARAMETER)
    start = _offset(call.query.get("page_token", ""))
    end = start + size
    while 0 < end < len(items) and _joined(items[end]) and _joined(items[end]) == _joined(items[end - 1]):
        end += 1
    if end >= len(items):
        return list(items[start:]), {"has_more": False}
    return list(items[start:end]), {"has_more": True, "page_token": urlsafe_b64encode(b"from %d" % end).decode()}


def _joined(item: Chat | Member) -> int:
    return item.joined if isinstance(item, Member) else 0


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        return int(urlsafe_b64decode(token).removeprefix(b"from "))
    except ValueError as error:
        raise Refusal(BAD_PARAMETER, "Your request contains an invalid request parameter: page_token") from error
