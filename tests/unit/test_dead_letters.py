"""Dead letters: listed without what was said, shown on request, replayed under their own ids."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from sqlalchemy.orm import Session

from bot.content import Acknowledge, Card, Text, dump
from bot.dead_letters import NoDeadLetter, Process, ReplayFailed, list_dead, replay_message, replay_post, run, show_dead
from bot.messages import IncomingMessage, dump_message
from models.base import new_id
from models.database import Database
from models.inbox import Claim, Outcome
from models.outbox import Post, PostKind, PostState
from tests.conftest import START

SAID = "站点扣了我两百块"
ERROR = f'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: {SAID}\n'
MESSAGE = IncomingMessage("feishu", "main", "om_1", "oc_1", private=False, sender="ou_1", sent_at=START, text=SAID)


def dead_message(session: Session, outcome: Outcome = Outcome.DEAD) -> int:
    claim = Claim(
        id=new_id(),
        platform="feishu",
        bot="main",
        key=f"om_{new_id()}",
        chat="oc_1",
        sender="ou_1",
        person_id=None,
        intent="",
        outcome=outcome,
        received_at=START,
        message=dump_message(MESSAGE),
        answer="",
        error=ERROR,
    )
    session.add(claim)
    session.flush()
    return claim.id


def dead_post(session: Session, content: Text | Card | Acknowledge | None = None, **columns: object) -> int:
    post = Post(
        id=new_id(),
        uuid=f"uuid{new_id()}",
        platform="feishu",
        bot="main",
        lane="feishu:main:oc_1",
        target="oc_1",
        to_person=False,
        kind=PostKind.POST,
        content=dump(content or Text(SAID)),
        ref="",
        state=PostState.DEAD,
        created_at=START,
        due_at=START,
        useful_until=START + timedelta(hours=1),
        retry_at=START,
        attempts=7,
        error="230002",
        message_id=None,
    )
    for name, value in columns.items():
        setattr(post, name, value)
    session.add(post)
    session.flush()
    return post.id


def test_the_list_says_nothing_that_people_said(database: Database) -> None:
    with database.write.begin() as session:
        first, second = dead_message(session), dead_post(session)
        dead_message(session, Outcome.DONE)
        dead_message(session, Outcome.REPLAYED)
        dead_post(session, state=PostState.SENT)

        letters = list_dead(session)

    assert [str(letter) for letter in letters] == [
        f"{first}  2026-11-23 15:00:00  收到的消息  feishu/main  ValueError",
        f"{second}  2026-11-23 15:00:00  要发的内容  feishu/main  230002",
    ]


def test_a_message_is_shown_without_its_text_unless_asked(database: Database) -> None:
    with database.write.begin() as session:
        letter = dead_message(session)
        session.get_one(Claim, letter).error = "Traceback …\nKeyError: 1\n"

        hidden, told = show_dead(session, letter), show_dead(session, letter, texts=True)

    assert hidden.splitlines()[1:4] == ["平台：feishu/main", "会话：oc_1", "发送人：ou_1"]
    assert hidden.endswith("出错经过：\nTraceback …\nKeyError: 1")
    assert SAID not in hidden
    assert f"原话：{SAID}" in told


@pytest.mark.parametrize("content", [Text(SAID), Card(SAID), Acknowledge(SAID, "小李")])
def test_a_post_is_shown_without_its_content_unless_asked(
    database: Database, content: Text | Card | Acknowledge
) -> None:
    with database.write.begin() as session:
        letter = dead_post(session, content, uncertain_since=START)

        hidden, told = show_dead(session, letter), show_dead(session, letter, texts=True)

    assert SAID not in hidden
    assert "平台错误码：230002" in hidden
    assert "可能其实已经发出" in hidden
    assert f"内容：{SAID}" in told


def test_a_replayed_post_waits_under_its_old_uuid(database: Database) -> None:
    now = START + timedelta(days=3)
    with database.write.begin() as session:
        letter = dead_post(session, leased_by="gone", leased_until=START, uncertain_since=START)
        uuid = session.get_one(Post, letter).uuid

        replay_post(session, letter, now)

    with database.read() as session:
        post = session.get_one(Post, letter)
        assert (post.state, post.uuid, post.attempts, post.uncertain_since) == (PostState.WAITING, uuid, 0, None)
        assert (post.created_at, post.due_at, post.useful_until, post.retry_at) == (now, now, None, None)
        assert (post.leased_by, post.leased_until, post.error) == (None, None, None)
        assert list_dead(session) == []


def test_an_old_update_does_not_undo_a_newer_one(database: Database) -> None:
    with database.write.begin() as session:
        letter = dead_post(session, kind=PostKind.UPDATE, updates="card")
        newest = dead_post(session, kind=PostKind.UPDATE, updates="card")
        replay_post(session, newest, START)

        with pytest.raises(NoDeadLetter, match="后来已经更新过"):
            replay_post(session, letter, START)


def test_only_dead_letters_are_shown_and_replayed(database: Database) -> None:
    with database.write.begin() as session:
        done, sent = dead_message(session, Outcome.DONE), dead_post(session, state=PostState.SENT)
        for letter in (done, sent, 1):
            with pytest.raises(NoDeadLetter, match=f"没有编号为 {letter} 的"):
                show_dead(session, letter)
            with pytest.raises(NoDeadLetter):
                replay_post(session, letter, START)
    with pytest.raises(NoDeadLetter):
        replay_message(database, done, lambda _message, _claim: None)


def test_a_message_is_replayed_as_it_came(database: Database) -> None:
    replayed: list[tuple[IncomingMessage, int]] = []
    with database.write.begin() as session:
        letter = dead_message(session)

    replay_message(database, letter, lambda message, claim: replayed.append((message, claim)))

    assert replayed == [(replace(MESSAGE), letter)]


def test_a_message_that_fails_again_keeps_its_new_error(database: Database) -> None:
    def fail(message: IncomingMessage, claim: int) -> None:
        raise RuntimeError(f"{message.key} {claim}")

    with database.write.begin() as session:
        letter = dead_message(session)

    with pytest.raises(ReplayFailed, match=rf"^{letter} 又失败了（RuntimeError）"):
        replay_message(database, letter, fail)

    with database.read() as session:
        claim = session.get_one(Claim, letter)
        assert claim.outcome is Outcome.DEAD
        assert claim.error is not None
        assert "RuntimeError: om_1" in claim.error


class Command:
    """``jufeng dead-letters``, and what it said."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.written: list[str] = []
        self.complaints: list[str] = []
        self.replayed: list[int] = []
        self.process: Process = lambda _message, claim: self.replayed.append(claim)

    def run(self, action: Literal["list", "show", "replay"], letter: int | None = None) -> int:
        return run(
            self.database,
            action,
            letter,
            texts=False,
            process=self.process,
            now=START,
            write=self.written.append,
            complain=self.complaints.append,
        )


def test_the_command(database: Database) -> None:
    command = Command(database)
    assert command.run("list") == 0
    assert command.written == ["没有失败的记录。"]

    with database.write.begin() as session:
        message, post = dead_message(session), dead_post(session)
    assert command.run("list") == command.run("show", message) == command.run("show", post) == 0
    assert command.run("replay", message) == command.run("replay", post) == 0
    assert command.written[3:4] == ["共 2 条。"]
    assert command.written[-2:] == [f"{message} 已经重新处理。", f"{post} 已经放回去排队，服务开着的话马上会发。"]
    assert command.replayed == [message]
    assert command.complaints == []


def test_the_command_wants_a_known_id(database: Database) -> None:
    command = Command(database)

    assert command.run("show") == command.run("replay") == 2
    assert command.run("show", 1) == command.run("replay", 1) == 1

    assert command.written == []
    assert len(command.complaints) == 4


def test_the_command_says_when_it_failed_again(database: Database) -> None:
    def fail(_message: IncomingMessage, _claim: int) -> None:
        raise RuntimeError

    command = Command(database)
    command.process = fail
    with database.write.begin() as session:
        letter = dead_message(session)

    assert command.run("replay", letter) == 1
    assert command.complaints == [f"{letter} 又失败了（RuntimeError），用 jufeng dead-letters show 看经过"]
