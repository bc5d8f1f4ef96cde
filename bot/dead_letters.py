"""Messages and posts that failed for good: what they are, why they failed, and how they are done again."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clock import local
from bot.content import Acknowledge, Attachment, Card, Content, File, Refresh, Text, load
from bot.messages import IncomingMessage, load_message
from models.database import Database
from models.inbox import Claim, Outcome
from models.outbox import Post, PostKind, PostState

Process = Callable[[IncomingMessage, int], None]
"""Does a message again under the claim with this id, in a transaction of its own; raises what its handler raises."""
Write = Callable[[str], None]
"""Takes lines of output, without the last line break."""

KINDS = {PostKind.POST: "发言", PostKind.ACKNOWLEDGE: "回执", PostKind.UPDATE: "卡片更新"}


class NoDeadLetter(Exception):
    """There is nothing to show or to replay under this id; the message says why."""


class ReplayFailed(Exception):
    """The message failed again; its new traceback is kept with it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One line of the list. Nothing that people said is in it."""

    id: int
    kind: Literal["message", "post"]
    platform: str
    bot: str
    at: datetime
    """When the message arrived, or the post was written."""
    reason: str
    """The kind of the exception, or the platform's code."""

    def __str__(self) -> str:
        name = "收到的消息" if self.kind == "message" else "要发的内容"
        return f"{self.id}  {_time(self.at)}  {name}  {self.platform}/{self.bot}  {self.reason}"


def run(
    database: Database,
    action: Literal["list", "show", "replay"],
    letter_id: int | None,
    *,
    texts: bool,
    process: Process,
    now: datetime,
    write: Write,
    complain: Write,
) -> int:
    """``jufeng dead-letters``; returns the exit code. ``write`` takes the answers, ``complain`` what went wrong."""
    if action == "list":
        return _list(database, write)
    if letter_id is None:
        complain(f"请写上编号：jufeng dead-letters {action} 编号。编号用 jufeng dead-letters list 查看")
        return 2
    try:
        write(_show(database, letter_id, texts) if action == "show" else _replay(database, letter_id, process, now))
    except (NoDeadLetter, ReplayFailed) as error:
        complain(str(error))
        return 1
    return 0


def _list(database: Database, write: Write) -> int:
    with database.read() as session:
        letters = list_dead(session)
    for letter in letters:
        write(str(letter))
    write(f"共 {len(letters)} 条。" if letters else "没有失败的记录。")
    return 0


def _show(database: Database, letter_id: int, texts: bool) -> str:
    with database.read() as session:
        return show_dead(session, letter_id, texts=texts)


def _replay(database: Database, letter_id: int, process: Process, now: datetime) -> str:
    with database.read() as session:
        is_message = session.get(Claim, letter_id) is not None
    if is_message:
        replay_message(database, letter_id, process)
        return f"{letter_id} 已经重新处理。"
    with database.write.begin() as session:
        replay_post(session, letter_id, now)
    return f"{letter_id} 已经放回去排队，服务开着的话马上会发。"


def list_dead(session: Session) -> list[DeadLetter]:
    """Every message and post that failed for good, the oldest first."""
    return sorted([*_dead_messages(session), *_dead_posts(session)], key=lambda letter: letter.id)


def _dead_messages(session: Session) -> Iterator[DeadLetter]:
    columns = (Claim.id, Claim.platform, Claim.bot, Claim.received_at, Claim.error)
    for id_, platform, bot, at, error in session.execute(select(*columns).where(Claim.outcome == Outcome.DEAD)):
        yield DeadLetter(id_, "message", platform, bot, at, _exception(error or ""))


def _dead_posts(session: Session) -> Iterator[DeadLetter]:
    columns = (Post.id, Post.platform, Post.bot, Post.created_at, Post.error)
    for id_, platform, bot, at, error in session.execute(select(*columns).where(Post.state == PostState.DEAD)):
        yield DeadLetter(id_, "post", platform, bot, at, error or "")


def _exception(error: str) -> str:
    """The kind of the exception alone: its words may repeat what was said."""
    last = error.strip().rpartition("\n")[2]
    return last.partition(":")[0]


def show_dead(session: Session, letter_id: int, *, texts: bool = False) -> str:
    """Ids, times, platform and traceback; what was said only with ``texts``. Raises NoDeadLetter."""
    claim = session.get(Claim, letter_id)
    if claim is not None and claim.outcome is Outcome.DEAD:
        return "\n".join(_message_lines(claim, texts=texts))
    return "\n".join(_post_lines(_dead_post(session, letter_id), texts=texts))


def _message_lines(claim: Claim, *, texts: bool) -> Iterator[str]:
    yield f"收到的消息 {claim.id}"
    yield f"平台：{claim.platform}/{claim.bot}"
    yield f"会话：{claim.chat}"
    yield f"发送人：{claim.sender}"
    yield f"平台消息号：{claim.key}"
    yield f"收到时间：{_time(claim.received_at)}"
    if texts:
        message = load_message(claim.message)
        yield f"原话：{message.text}"
        yield from (f"照片：{photo}" for photo in message.photos)
    yield f"出错经过：\n{(claim.error or '没有记录').rstrip()}"


def _post_lines(post: Post, *, texts: bool) -> Iterator[str]:
    yield f"要发的内容 {post.id}（{KINDS[post.kind]}）"
    yield f"平台：{post.platform}/{post.bot}"
    yield f"发给：{'个人' if post.to_person else '群'} {post.target}"
    yield f"起因消息：{post.message_id or '无（定时任务）'}"
    yield f"写好时间：{_time(post.created_at)}，试过 {post.attempts} 次"
    yield f"平台错误码：{post.error or '没有记录'}"
    if post.uncertain_since is not None:
        yield f"注意：{_time(post.uncertain_since)} 有一次没等到平台回音，可能其实已经发出。重发之前请到群里看一眼。"
    if texts:
        yield f"内容：{_said(load(post.content))}"


def _said(content: Content) -> str:
    match content:
        case Text() | Card():
            return content.as_text()
        case Acknowledge():
            return content.done
        case Refresh():
            return content.about
        case File() | Attachment():
            return content.name


def _time(moment: datetime) -> str:
    return f"{local(moment):%Y-%m-%d %H:%M:%S}"


def replay_post(session: Session, letter_id: int, now: datetime) -> None:
    """Puts a dead post back into the outbox, to be sent at once. Raises NoDeadLetter.

    It keeps its ``uuid`` for ever: within the platform's window the uuid is what prevents a double, after the window
    a platform takes the old one like a new one, and updates find their card by it. The window and the day for which
    the outbox tries begin anew, and a post that had become too late is sent all the same: somebody has just asked for
    it, and ``show`` has told them that it may have gone out before.
    """
    post = _dead_post(session, letter_id)
    if post.kind is PostKind.UPDATE and _is_outdated(session, post):
        raise NoDeadLetter(f"{letter_id} 是一次旧的卡片更新，那张卡片后来已经更新过，不用重发")
    post.state = PostState.WAITING
    post.attempts = 0
    post.created_at = post.due_at = now
    post.useful_until = post.retry_at = post.error = post.uncertain_since = None
    post.leased_by = post.leased_until = None
    session.flush()


def _dead_post(session: Session, letter_id: int) -> Post:
    query = select(Post).where(Post.id == letter_id, Post.state == PostState.DEAD).with_for_update()
    post = session.scalars(query).one_or_none()
    if post is None:
        raise NoDeadLetter(f"没有编号为 {letter_id} 的失败记录，可以先用 jufeng dead-letters list 查看")
    return post


def _is_outdated(session: Session, post: Post) -> bool:
    """Whether the card has been told something newer, or is about to be."""
    newer = select(Post.id).where(
        Post.updates == post.updates,
        Post.id > post.id,
        Post.state.in_((PostState.WAITING, PostState.SENT)),
    )
    return session.scalars(newer.limit(1)).first() is not None


def replay_message(database: Database, letter_id: int, process: Process) -> None:
    """Does a dead message again under the claim that it has: its effects and answers are committed by ``process``.

    Raises NoDeadLetter where there is none, and ReplayFailed where it failed again.
    """
    with database.read() as session:
        claim = session.get(Claim, letter_id)
        if claim is None or claim.outcome is not Outcome.DEAD:
            raise NoDeadLetter(f"没有编号为 {letter_id} 的失败消息，可以先用 jufeng dead-letters list 查看")
        message = load_message(claim.message)
    try:
        process(message, letter_id)
    except Exception as error:
        _keep_error(database, letter_id, traceback.format_exception(error))
        what = f"{letter_id} 又失败了（{type(error).__name__}），用 jufeng dead-letters show 看经过"
        raise ReplayFailed(what) from error


def _keep_error(database: Database, letter_id: int, error: Sequence[str]) -> None:
    with database.write.begin() as session:
        session.get_one(Claim, letter_id).error = "".join(error)
