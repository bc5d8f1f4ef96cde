"""Photos that are still at a platform: fetched once the message is committed, kept, or refused and the person told."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select, update

import handlers  # noqa: F401  # it registers them
from bot import downloads
from bot.clock import system_clock
from bot.content import Text, load
from bot.delivery import Refused, RetryLater, Uncertain
from bot.downloads import AT_ONCE, GIVE_UP, GONE, Downloads
from bot.intake import GroupCommitIntake
from bot.media import BadPhoto, MediaStore
from bot.messages import IncomingMessage, Pending
from bot.platforms.sandbox import SandboxPlatform
from bot.posting import Roads
from bot.router import Router
from models.database import Database
from models.downloads import Download, DownloadState, still_coming
from models.outbox import Post
from tests.conftest import StandingClock
from tests.fakes.intake import StubIntake
from tests.fakes.services import services
from tests.unit.understood import understanding

NAME = "a" * 32 + ".jpg"

pytestmark = pytest.mark.anyio


class Photographer(SandboxPlatform):
    """A platform whose photos are made by ``script``, one for each attempt."""

    script: list[Callable[[], bytes]]
    asked: list[str]

    async def fetch(self, source: str) -> bytes:
        """The next of the script."""
        self.asked.append(source)
        return self.script.pop(0)()


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (640, 480), "brown").save(file, "PNG")
    return file.getvalue()


def failing(error: Exception) -> Callable[[], bytes]:
    def fail() -> bytes:
        raise error

    return fail


class Darkroom:
    """The worker under test, with what it works on."""

    def __init__(self, database: Database, clock: StandingClock, folder: Path) -> None:
        self.database = database
        self.clock = clock
        lent = services(StubIntake(), clock, database=database, folder=folder)
        self.media: MediaStore = lent.media
        self.platform = Photographer(database, lent, clock)
        self.platform.script, self.platform.asked = [], []

    async def receive(self, text: str = "东门井盖没了") -> None:
        """小李 reports a hazard with a photo that is still at the platform."""
        message = IncomingMessage(
            "sandbox",
            "main",
            "m1",
            "u4",
            True,
            "u4",
            datetime.fromisoformat("2026-11-23T07:00Z"),
            text=text,
            addressed=True,
            photos=(NAME,),
            pending=(Pending(NAME, "the link"),),
        )
        intake = GroupCommitIntake(self.database, Router(understanding()), self.clock, Roads())
        intake.process([message])
        intake.process([replace(message)])

    async def work(self) -> Download:
        """Lets the worker do what there is to do now, and returns the download."""
        worker = Downloads(self.database, self.media, [self.platform], self.clock, Roads())
        await worker._round()
        await asyncio.gather(*worker._under_way)
        with self.database.read() as session:
            return session.scalars(select(Download)).one()

    def told(self) -> list[str]:
        """What people have been told of photos."""
        with self.database.read() as session:
            contents = [load(post.content) for post in session.scalars(select(Post).order_by(Post.id))]
        return [content.text for content in contents if isinstance(content, Text) and "片" in content.text]


@pytest.fixture
def darkroom(database: Database, clock: StandingClock, tmp_path: Path) -> Darkroom:
    return Darkroom(database, clock, tmp_path / "photos")


async def test_a_photo_is_fetched_once_and_kept_under_the_name_that_the_message_has(darkroom: Darkroom) -> None:
    darkroom.platform.script = [picture]
    await darkroom.receive()
    with darkroom.database.read() as session:
        assert still_coming(session, [NAME])
    assert (await darkroom.work()).state is DownloadState.KEPT
    assert darkroom.media.has(NAME)
    assert darkroom.platform.asked == ["the link"]
    await darkroom.work()
    assert darkroom.platform.asked == ["the link"]
    assert darkroom.told() == []
    with darkroom.database.read() as session:
        assert not still_coming(session, [NAME])


@pytest.mark.parametrize(
    ("error", "told"),
    [(BadPhoto("照片太大了，请发 10 MB 以内的"), "照片太大了，请发 10 MB 以内的。"), (Refused("404"), GONE)],
)
async def test_what_cannot_be_kept_is_refused_and_the_person_told_once(
    darkroom: Darkroom, error: Exception, told: str
) -> None:
    darkroom.platform.script = [failing(error)]
    await darkroom.receive()
    assert (await darkroom.work()).state is DownloadState.REFUSED
    await darkroom.work()
    assert darkroom.told() == [told]


async def test_what_is_no_picture_is_refused(darkroom: Darkroom) -> None:
    darkroom.platform.script = [lambda: b"<html>"]
    await darkroom.receive()
    assert (await darkroom.work()).state is DownloadState.REFUSED
    assert darkroom.told() == ["这张图片打不开，请换成 JPG 或 PNG 格式再发。"]


@pytest.mark.parametrize("error", [RetryLater("502", 0.0), Uncertain("ReadTimeout"), RuntimeError("a mistake")])
async def test_trouble_that_may_pass_is_tried_again(darkroom: Darkroom, error: Exception) -> None:
    darkroom.platform.script = [failing(error), picture]
    await darkroom.receive()
    first = await darkroom.work()
    assert (first.state, first.attempts) == (DownloadState.WAITING, 1)
    assert first.retry_at is not None
    assert first.retry_at > system_clock()
    with darkroom.database.write.begin() as session:
        session.execute(update(Download).values(retry_at=None))
    assert (await darkroom.work()).state is DownloadState.KEPT
    assert darkroom.told() == []


async def test_after_a_day_it_is_given_up(darkroom: Darkroom) -> None:
    darkroom.platform.script = [failing(RetryLater("502", 0.0))]
    await darkroom.receive()
    darkroom.clock.move_to(darkroom.clock() + GIVE_UP + timedelta(minutes=1))
    assert (await darkroom.work()).state is DownloadState.REFUSED
    assert darkroom.told() == [GONE]


async def test_a_running_worker_fetches_what_is_announced_and_stops(darkroom: Darkroom) -> None:
    darkroom.platform.script = [picture]
    worker = Downloads(darkroom.database, darkroom.media, [darkroom.platform], darkroom.clock, Roads())
    worker.start()
    await darkroom.receive()
    worker.announce()
    for _ in range(100):
        if darkroom.media.has(NAME):
            break
        await asyncio.sleep(0.05)
    await worker.close()
    assert darkroom.media.has(NAME)


async def test_photos_of_messages_that_want_nothing_are_not_fetched(darkroom: Darkroom) -> None:
    message = IncomingMessage(
        "sandbox",
        "main",
        "m2",
        "branch",
        False,
        "u4",
        datetime.fromisoformat("2026-11-23T07:00Z"),
        photos=(NAME,),
        pending=(Pending(NAME, "the link"),),
    )
    GroupCommitIntake(darkroom.database, Router(understanding()), darkroom.clock, Roads()).process([message])
    with darkroom.database.read() as session:
        assert session.scalars(select(Download)).all() == []


async def test_photos_of_a_bot_that_is_gone_do_not_keep_others_waiting(darkroom: Darkroom) -> None:
    with darkroom.database.write.begin() as session:
        for number in range(AT_ONCE):
            session.add(
                Download(
                    name=f"{number:032x}.jpg",
                    platform="official_account",
                    bot="gone",
                    sender="o1",
                    source="m1",
                    state=DownloadState.WAITING,
                    created_at=darkroom.clock(),
                    attempts=0,
                    message_id=1,
                )
            )
    darkroom.platform.script = [picture]
    await darkroom.receive()
    worker = Downloads(darkroom.database, darkroom.media, [darkroom.platform], darkroom.clock, Roads())
    await worker._round()
    await asyncio.gather(*worker._under_way)
    assert darkroom.media.has(NAME)


async def test_being_told_of_a_lost_photo_belongs_to_its_message(darkroom: Darkroom) -> None:
    """Where the person cannot be written to, the group in which it was sent is asked to send them to the bot."""
    darkroom.platform.script = [failing(Refused("404"))]
    await darkroom.receive()
    download = await darkroom.work()
    with darkroom.database.read() as session:
        told = session.scalars(select(Post).order_by(Post.id.desc())).first()
        assert told is not None
        assert (load(told.content), told.message_id) == (Text(GONE), download.message_id)


async def test_a_cloud_that_hangs_does_not_hold_up_the_end(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    async def hang(source: str) -> bytes:
        asked.set()
        await asyncio.sleep(60)
        raise AssertionError(source)

    monkeypatch.setattr(darkroom.platform, "fetch", hang)
    monkeypatch.setattr(downloads, "CLOSE_WITHIN", 0.05)
    await darkroom.receive()
    worker = Downloads(darkroom.database, darkroom.media, [darkroom.platform], darkroom.clock, Roads())
    worker.start()
    await asyncio.wait_for(asked.wait(), 5)
    await asyncio.wait_for(worker.close(), 5)
    with darkroom.database.read() as session:
        assert session.scalars(select(Download.state)).one() is DownloadState.WAITING


async def test_a_database_that_fails_after_the_fetch_is_logged_and_the_photo_comes_again(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    darkroom.platform.script = [picture]
    await darkroom.receive()
    worker = Downloads(darkroom.database, darkroom.media, [darkroom.platform], darkroom.clock, Roads())
    with monkeypatch.context() as broken:
        broken.setattr(worker, "_write", lambda *_: failing(RuntimeError("disk full"))())
        await worker._round()
        await asyncio.wait(worker._under_way)
        await worker._round()
    assert "what became of a photo could not be written down: RuntimeError" in caplog.text
    with darkroom.database.write.begin() as session:
        session.execute(update(Download).values(leased_until=None))
    darkroom.platform.script = [picture]
    assert (await darkroom.work()).state is DownloadState.KEPT
