"""Plays a dialogue through the real intake, outbox and schedules, on the sandbox's chats."""

import io
import re
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import select

from bot.app import Server
from bot.clock import SHANGHAI, MovableClock, local
from bot.content import Attachment, Card, Content, Text, load
from bot.messages import IncomingMessage
from bot.platforms.sandbox import SandboxPlatform
from bot.platforms.sandbox.bodies import ButtonPress, NewMessage
from bot.platforms.sandbox.cloud import PRIVATE, Bubble
from bot.settings import BotSettings, Settings
from bot.wording import WEEKDAYS
from models.chats import Chat
from models.codes import code_at
from models.database import Database
from models.lessons import Lesson, LessonSite, LessonState
from models.people import Identity
from tests.dialogues.script import BOT, Step

SHOWN_CODE = "〔签到码〕"
SITE_CODE = "〔码:{place}〕"
_LINK = re.compile(r"https?://[^\s/]+/p/(\w+)/[\w.=-]+")


class Stage:
    """A server with its sandbox, and eyes on everything that the bot does there."""

    def __init__(self, database: Database, folder: Path, clock: MovableClock) -> None:
        self.clock = clock
        self.server = Server(Settings(bot=BotSettings(data_dir=folder)), database, clock)
        (self._sandbox,) = [p for p in self.server.platforms if isinstance(p, SandboxPlatform)]
        self._ids = count(1)
        self._seen: set[str] = set()
        self._ticked: set[str] = set()
        with database.read() as session:
            self._chats = {chat.title: chat.ref for chat in session.scalars(select(Chat))}
            self._refs = {identity.person.name: identity.ref for identity in session.scalars(select(Identity))}
        self._names = {ref: name for name, ref in self._refs.items()}
        self._titles = {ref: title for title, ref in self._chats.items()}

    async def play(self, step: Step) -> list[str]:
        """Does one step, and returns everything that the bot did because of it, as dialogue lines."""
        shown = []
        if step.kind == "time":
            await self.server.advance(moment_of(step.text, self.clock()))
        elif step.kind in ("press", "pick", "fill"):
            shown = await self._press(step)
        elif step.kind in ("place", "enter"):
            await self._happen(step)
        else:
            await self._say(step)
        assert await self.server.outbox.emptied(), "the outbox does not empty"
        return shown + self._new_lines()

    def card_in(self, where: str) -> str:
        """What the latest card of a chat shows by now."""
        return self._without_codes(self._latest_card(where)[1].as_text())

    async def _say(self, step: Step) -> None:
        photos = [self._sandbox.media.save(_photo())] if step.photo else []
        chat = self._chat(step.where, step.who)
        new = NewMessage(
            id=f"dialogue-{next(self._ids)}",
            chat=chat,
            sender=self._ref(step.who),
            text=self._with_codes(step.text),
            photos=photos,
        )
        await self._sandbox.say(new)

    async def _press(self, step: Step) -> list[str]:
        bubble, card = self._latest_card(self._title(step))
        press = ButtonPress(
            id=f"dialogue-{next(self._ids)}", sender=self._ref(step.who), message=bubble.uuid, **_hand(step, card)
        )
        button = press.button_of(card)
        assert button is not None, f"the card has no {step.text}"
        receipt = await self._sandbox.press(press, bubble, button)
        return [f"{BOT}提示{step.who}: {receipt.answer}"] if receipt.answer else []

    async def _happen(self, step: Step) -> None:
        """What the sandbox's page has no way to do."""
        private = step.where == BOT
        message = IncomingMessage(
            platform="sandbox",
            bot="main",
            key=f"dialogue-{next(self._ids)}",
            chat=self._chat(step.where, step.who),
            private=private,
            sender=self._ref(step.who),
            sent_at=self.clock(),
            kind="entered" if step.kind == "enter" else "message",
            addressed=private,
            place=step.text,
        )
        await self.server.intake.submit(message)

    def _title(self, step: Step) -> str:
        return step.who if step.where == BOT else step.where

    def _latest_card(self, where: str) -> tuple[Bubble, Card]:
        """The latest card of a group, or of somebody's private chat."""
        chat = self._chats.get(where) or PRIVATE + self._ref(where)
        said = [(bubble, load(bubble.content)) for bubble in self._sandbox.cloud.latest(chat) if not bubble.sender]
        return [(bubble, content) for bubble, content in said if isinstance(content, Card)][-1]

    def _chat(self, where: str, who: str) -> str:
        return PRIVATE + self._ref(who) if where == BOT else self._chats[where]

    def _ref(self, name: str) -> str:
        """A person of the roster, or a passer-by whom nobody knows."""
        ref = self._refs.setdefault(name, f"stranger{len(self._refs)}")
        self._names[ref] = name
        return ref

    def _new_lines(self) -> list[str]:
        lines = []
        for bubble in self._sandbox.cloud.latest():
            if bubble.ticked and bubble.uuid not in self._ticked:
                self._ticked.add(bubble.uuid)
                lines.append(f"{BOT} ✓ {self._names[bubble.sender]}")
            if not bubble.sender and bubble.uuid not in self._seen:
                lines.append(f"{BOT}@{self._where(bubble.chat)}: {self._without_codes(_text(load(bubble.content)))}")
            self._seen.add(bubble.uuid)
        return lines

    def _with_codes(self, text: str) -> str:
        """What people say who read the codes where they are shown."""
        if SHOWN_CODE in text:
            text = text.replace(SHOWN_CODE, self._shown_code())
        for site in self._sites() if "〔码:" in text else ():
            text = text.replace(SITE_CODE.format(place=site.place), site.code)
        return text

    def _without_codes(self, text: str) -> str:
        """What the bot says, without what is another each time."""
        for site in self._sites() if re.search(r"\d{6}", text) else ():
            text = text.replace(site.code, SITE_CODE.format(place=site.place))
        return _LINK.sub(r"http…/p/\1/…", text)

    def _shown_code(self) -> str:
        shown = select(Lesson).where(Lesson.state == LessonState.OPEN, Lesson.secret.is_not(None))
        with self.server.database.read() as session:
            lesson = session.scalars(shown.order_by(Lesson.opened_at.desc()).limit(1)).one()
            assert lesson.secret is not None
            return code_at(lesson.secret, self.clock())

    def _sites(self) -> list[LessonSite]:
        with self.server.database.read() as session:
            return list(session.scalars(select(LessonSite).order_by(LessonSite.id.desc())))

    def _where(self, chat: str) -> str:
        if chat.startswith(PRIVATE):
            return self._names[chat.removeprefix(PRIVATE)]
        return self._titles[chat]


def moment_of(text: str, now: datetime) -> datetime:
    """The next ``15:11``, ``周五 15:30`` or ``2026-12-01 09:00``."""
    day, _, hour = text.rpartition(" ")
    clock = datetime.strptime(hour, "%H:%M").time()  # noqa: DTZ007  # only the time of day is taken
    date = local(now).date()
    if day.startswith("周"):
        date += timedelta(days=(WEEKDAYS.index(day[1]) - date.weekday()) % 7)
    elif day:
        date = datetime.fromisoformat(day).date()
    return datetime.combine(date, clock, SHANGHAI)


def _text(content: Content) -> str:
    if isinstance(content, Text):
        return content.as_text()
    if isinstance(content, Attachment):
        return f"[文件] {content.name}"
    assert isinstance(content, Card), "the sandbox shows texts, cards and files"
    photos = "[照片]\n" * len(content.photos)
    return photos + content.as_text()


def _hand(step: Step, card: Card) -> dict[str, Any]:
    """What the page sends for this part of the card."""
    if step.kind == "fill":
        return {"words": step.text}
    buttons = card.buttons if step.kind == "press" else card.choice.options if card.choice else ()
    (place,) = [place for place, button in enumerate(buttons) if button.label == step.text]
    return {"index" if step.kind == "press" else "option": place}


def _photo() -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), (180, 60, 40)).save(picture, "PNG")
    return picture.getvalue()


def quoted(text: str) -> str:
    """A bot's line as a dialogue file writes it: further lines are indented."""
    return re.sub(r"\n", "\n  ", text)
