"""Who is in the bot's groups: read when it joins one, at the start, and once a day.

Pages ``im-v1/chat/list`` and ``im-v1/chat-members/get``. In between, the events of ``events`` tell of changes.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bot.clock import Clock, local
from bot.delivery import Refused, RetryLater, Uncertain
from bot.messages import IncomingMessage, Intake, Member, Unavailable
from bot.platforms.feishu.client import FeishuClient
from bot.platforms.fields import clean, identifier, part, parts, word

log = logging.getLogger(__name__)

EVERY = 24 * 3600.0
"""Seconds between two readings of all groups."""
AGAIN_AFTER = 600.0
"""Seconds until all groups are read again where some could not be."""
PATIENCE = 5
"""Waits that one reading takes where Feishu asks to wait, or does not answer."""
LONGEST_WAIT = 60.0
NO_ANSWER = 1.0
"""Seconds until a question is asked again that got no answer."""
MOST_PAGES = 200
PAGE = "100"
"""Items of one page; Feishu gives no more."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group that the bot is in."""

    chat: str
    title: str


class MemberReader:
    """Tells the intake who is in which group, in the background. What cannot be read now is read at the next turn.

    The whole list is claimed by day and by what it says: however many processes read it, it is taken once. Bots are
    not in the lists.
    """

    def __init__(self, bot: str, client: FeishuClient, intake: Intake, clock: Clock) -> None:
        self._bot = bot
        self._client = client
        self._intake = intake
        self._clock = clock
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begins to read all groups."""
        self._begin(self._run())

    def look(self, joined: IncomingMessage) -> None:
        """Reads a group that the bot has just been added to."""
        self._begin(self._read_joined(joined))

    async def close(self) -> None:
        """Ends what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        while True:
            complete = await self._read_all()
            await asyncio.sleep(EVERY if complete else AGAIN_AFTER)

    async def _read_all(self) -> bool:
        """Whether everything could be read."""
        try:
            chats, _ = await self._items("/im/v1/chats", {})
        except (RetryLater, Refused, Uncertain) as error:
            log.warning("feishu %s: its groups remain unknown: %s", self._bot, error)
            return False
        read = [await self._read(group) for group in map(_group, chats) if group.chat]
        return all(read)

    async def _read_joined(self, joined: IncomingMessage) -> None:
        await self._read(Group(joined.chat, joined.chat_title), key=f"members:{joined.key}")

    async def _read(self, group: Group, key: str = "") -> bool:
        """Whether it need not be tried again soon. One group after another, to leave Feishu's rates to the posts."""
        try:
            async with self._turn:
                since = self._clock()
                members, whole = await self._members(group.chat)
            if members:
                await self._intake.submit(self._message(group, members, key, since, whole=whole))
        except Refused as refusal:  # for instance 232011: the bot is not in the group any more
            log.warning("feishu %s: who is in %s cannot be read: %s", self._bot, group.chat, refusal.code)
        except (RetryLater, Uncertain, Unavailable) as error:
            log.warning("feishu %s: who is in %s was not read: %s", self._bot, group.chat, type(error).__name__)
            return False
        return True

    async def _members(self, chat: str) -> tuple[tuple[Member, ...], bool]:
        """The people, and whether nobody else is there."""
        path = f"/im/v1/chats/{quote(chat, safe='')}/members"
        items, whole = await self._items(path, {"member_id_type": "open_id"})
        members = {identifier(item, "member_id"): clean(word(item, "name")) for item in items}
        return tuple(Member(ref, name) for ref, name in sorted(members.items()) if ref), whole

    def _message(
        self, group: Group, members: tuple[Member, ...], key: str, since: datetime, *, whole: bool
    ) -> IncomingMessage:
        """``since``: when the reading began. Of who comes or goes after that, events know more than the list."""
        content = json.dumps([(member.ref, member.name) for member in members])
        digest = hashlib.sha256(content.encode()).hexdigest()[:32]
        return IncomingMessage(
            platform="feishu",
            bot=self._bot,
            key=key or f"members:{group.chat}:{local(since):%Y%m%d}:{digest}",
            chat=group.chat,
            private=False,
            sender="",
            sent_at=since,
            kind="members",
            chat_title=group.title,
            members=members,
            whole=whole,
        )

    async def _items(self, path: str, query: dict[str, str]) -> tuple[list[dict[str, Any]], bool]:
        """The items of all pages, which may be longer and shorter than asked for, and whether these are all."""
        items: list[dict[str, Any]] = []
        token = ""
        for _ in range(MOST_PAGES):
            page = {"page_size": PAGE} | ({"page_token": token} if token else {})
            data = part(await self._patiently(path, query | page), "data")
            items += parts(data, "items")
            token = word(data, "page_token")
            if data.get("has_more") is False:
                return items, True
            if not token:
                break
        log.warning("feishu %s: %s was not read to its end", self._bot, path)
        return items, False

    async def _patiently(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        """One answer, waiting a few times where Feishu asks to wait. Raises RetryLater, Refused or Uncertain."""
        for _ in range(PATIENCE):
            try:
                return await self._client.call("GET", path, query=query)
            except RetryLater as later:
                wait = min(later.seconds, LONGEST_WAIT)
            except Uncertain:
                wait = NO_ANSWER
            await asyncio.sleep(wait)
        return await self._client.call("GET", path, query=query)


def _group(item: dict[str, Any]) -> Group:
    return Group(identifier(item, "chat_id"), clean(word(item, "name")))
