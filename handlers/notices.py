"""Notices (通知) that ask for 收到: sent to groups, answered in many forms, who has not, and the end."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.content import Acknowledge, Mention, Text
from bot.handling import Batch, Context, Privately, Reply, Who, handles
from bot.reports.notices import (
    about_card,
    notice_card,
    notice_summary,
    refresh_cards,
    waiting_call,
    waiting_list,
)
from bot.understanding.intent import Intent
from bot.wording import hour_text
from handlers.people import mentions
from models.base import new_id
from models.chats import Chat
from models.counters import next_number
from models.notices import Notice, NoticePost, NoticeRoll, find_notice, unanswered
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Person, people_below

NUDGE_AFTER = timedelta(hours=4)
LASTS = timedelta(days=3)
LONGEST = 1000
"""Characters of one notice."""
AFTERWARDS = timedelta(days=3)
"""How long after its end 谁没收到, said in the group to nobody in particular, is still about a notice."""
LATEST = timedelta(hours=8)
"""How late a message may arrive: an answer that was sent before the end counts."""
SKEW = timedelta(seconds=10)
"""How far a platform's clock may be behind ours."""
CALLED = 20
"""More people than this are not called at once: their names are enough."""

HOW_TO_SEND = "请在「通知」后面空一格写内容，比如「通知 明天大风，出车慢一点」。"
TOO_LONG = "通知最多 {longest} 个字，这条有 {length} 个。请写短一点，或者分两条发。"
WHERE = "请到要通知的群里发这句话。"
NOBODY_ASKED = "这里没有要通知的人。请到支部的群里发。"
NO_GROUP = "还没有绑定的群。请先到支部群里发「绑定 支部名称」。"
NO_NOTICE = "没有 {number} 号通知，请看看编号。"
NONE_SENT = "最近没有要回「收到」的通知。要发，请说「通知 明天大风，出车慢一点」。"
NONE_OPEN = "现在没有在等「收到」的通知。"
ENDED = "通知 {number} 已经结束了。"
OVER = "这条通知已经结束了，不用再回。"
NOT_ASKED = "看到就好，这条通知没有要你回。"
NOT_YOURS = "通知 {number} 是{organisation}发的，由它的书记来结束。"
OKAY = "好的。"
_SAYS_NOTHING = re.compile(r"(?:一下|一声|没有?|[了过下啊哈吧呀])*")
"""What is left of 发通知了, 通知大家一声."""
_ASKS_ABOUT_ONE = re.compile(r".{0,6}(?:了吧|了没有?)")
"""通知 都看到了吧."""


@handles("send_notice", by=Who.ANYONE)
def send_notice(context: Context, intent: Intent) -> Reply | None:
    """Posts a notice in the groups of the organisation spoken of and of those below it. 责任单位 are left out.

    A notice that a member passes on in the group is none for the bot, nor is what a secretary says there of one.
    """
    organisation = context.organisation
    if organisation is None or not context.runs(organisation):
        said = WHERE if context.admin else Who.SECRETARY.value
        return Privately(Text(said)) if context.message.addressed else None
    text = _as_written(context.message.text, intent.text("text"))
    if _SAYS_NOTHING.fullmatch(text) or (_ASKS_ABOUT_ONE.fullmatch(text) and not context.message.addressed):
        return Privately(Text(HOW_TO_SEND)) if context.message.addressed else None
    if len(text) > LONGEST:
        return Privately(Text(TOO_LONG.format(longest=LONGEST, length=len(text))))
    asked, chats = _asked(context, organisation), _groups(context, organisation)
    if not (asked and chats):
        return Privately(Text(NO_GROUP if asked else NOBODY_ASKED))
    notice = _new_notice(context, organisation, text)
    context.session.add_all(NoticeRoll(notice_id=notice.id, person_id=person.id) for person in asked)
    for chat in chats:
        context.session.add(
            NoticePost(notice_id=notice.id, chat_id=chat.id, card=context.say(chat, notice_card(notice)))
        )
    told = _tell_groupless(context, notice, asked, chats)
    context.batch.forget_shared()  # who answers right behind this, in the same batch, must find it
    return Privately(Text(_sent(notice, asked, chats, told)))


def _as_written(message: str, text: str) -> str:
    """The text with its line ends, and whole: what was understood has neither beyond some length."""
    head = r"\s*".join(map(re.escape, "".join(text.split())[:12]))
    found = re.compile(head).search(message, 2) if head else None  # every word that begins a notice has two characters
    return message[found.start() :].strip() if found else text


def _asked(context: Context, organisation: Organisation) -> list[Person]:
    """Everybody at and below the organisation but the sender and the people of 责任单位."""
    tree = context.batch.tree
    return [
        person
        for person in people_below(context.session, organisation)
        if person is not context.person and tree.by_id[person.organisation_id].kind is not OrganisationKind.UNIT
    ]


def _groups(context: Context, organisation: Organisation) -> list[Chat]:
    below = [org.id for org in context.batch.tree.below(organisation) if org.kind is not OrganisationKind.UNIT]
    query = select(Chat).where(Chat.organisation_id.in_(below)).order_by(Chat.tied_at, Chat.id)
    return list(context.session.scalars(query))


def _new_notice(context: Context, organisation: Organisation, text: str) -> Notice:
    notice = Notice(
        id=new_id(),
        number=next_number(context.session, "notice"),
        organisation=organisation,
        text=text,
        photos=list(context.message.photos),
        sent_by=context.person.id if context.person else None,
        sent_at=context.now,
        nudge_at=context.now + NUDGE_AFTER,
        closes_at=context.now + LASTS,
        message_id=context.message_id,
    )
    context.session.add(notice)
    context.session.flush()
    return notice


def _tell_groupless(context: Context, notice: Notice, asked: Sequence[Person], chats: Sequence[Chat]) -> int:
    """Those who have no group get the card in private; returns how many."""
    tree, posting = context.batch.tree, context.batch.posting
    served = _served(tree, {chat.organisation_id for chat in chats})
    addresses = posting.reach_all(person for person in asked if person.organisation_id not in served)
    for address in addresses.values():
        posting.post(address, notice_card(notice), message_id=context.message_id)
    return len(addresses)


def _served(tree: Tree, with_group: Collection[int | None]) -> set[int]:
    """The organisations whose people are in one of these groups: in its own or, of a 党小组, in its branch's."""
    return {
        organisation.id
        for organisation in tree.by_id.values()
        if organisation.id in with_group
        or (organisation.kind is OrganisationKind.GROUP and organisation.parent_id in with_group)
    }


def _sent(notice: Notice, asked: Sequence[Person], chats: Sequence[Chat], told: int) -> str:
    where = f"「{chats[0].title}」" if len(chats) == 1 and chats[0].title else f" {len(chats)} 个群"
    besides = f"；没有群的 {told} 人，私下发了" if told else ""
    return (
        f"通知 {notice.number} 发到{where}了{besides}，等 {len(asked)} 人回「收到」。\n"
        f"看谁没回，发「谁没收到 {notice.number}」。4 小时后我私下提醒没回的人一次，3 天后把结果告诉您。"
    )


@handles("notice_ack", by=Who.ANYONE)
def notice_ack(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """收到, as an answer to the card's notice, or to the newest that waits for the sender; else it is small talk."""
    about = context.message.about.removeprefix("notice:")
    if context.message.about.startswith("notice:") and about.isdecimal():
        return _pressed(context, int(about))
    return answer_waiting(context, within=None) or (Text(OKAY) if context.message.addressed else None)


def answer_waiting(context: Context, within: timedelta | None) -> Reply | None:
    """Takes what was said as an answer to the newest notice that waits for the sender; None where none does.

    ``within``: it must have been sent within that time.
    """
    if context.person is None:
        return None
    notices = context.batch.shared(OpenNotices)
    meant = notices.meant(context, within)
    return notices.answer(context, *meant) if meant else None


def _pressed(context: Context, notice_id: int) -> Reply:
    """The button of a card, which stays about its own notice."""
    if context.person is None:
        return Privately(Text(Who.MEMBER.value))
    notices = context.batch.shared(OpenNotices)
    found = notices.named(context.person, notice_id)
    if found is None:
        roll = select(NoticeRoll.id).where(NoticeRoll.notice_id == notice_id, NoticeRoll.person_id == context.person.id)
        return Privately(Text(NOT_ASKED if context.session.scalar(roll) is None else OVER))
    roll_entry, notice = found
    if roll_entry.answered_at is not None:
        return Privately(Text(f"你 {hour_text(roll_entry.answered_at)} 已经回过了"))
    if not _was_open(notice, context.message.sent_at):
        return Privately(Text(OVER))
    return notices.answer(context, roll_entry, notice)


class OpenNotices:
    """The notices that ask the people of one batch, read at once and only where somebody may be answering one."""

    def __init__(self, batch: Batch) -> None:
        people = [person.id for person in batch.people.values()]
        still = Notice.closed_at.is_(None) | (Notice.closed_at > max(batch.sent_since, batch.now - LATEST))
        rolls = (
            select(NoticeRoll, Notice)
            .join(Notice, Notice.id == NoticeRoll.notice_id)
            .where(NoticeRoll.person_id.in_(people), still)
            .order_by(Notice.sent_at.desc(), Notice.number.desc())
        )
        self._asked: defaultdict[int, list[tuple[NoticeRoll, Notice]]] = defaultdict(list)
        notices: set[int] = set()
        for roll, notice in batch.session.execute(rolls):
            self._asked[roll.person_id].append((roll, notice))
            notices.add(notice.id)
        posts = (
            select(NoticePost, Organisation)
            .join(Chat, Chat.id == NoticePost.chat_id)
            .join(Organisation, Organisation.id == Chat.organisation_id)
            .where(NoticePost.notice_id.in_(notices))
        )
        self._posts: defaultdict[int, list[tuple[NoticePost, Organisation]]] = defaultdict(list)
        for post, organisation in batch.session.execute(posts):
            self._posts[post.notice_id].append((post, organisation))

    def meant(self, context: Context, within: timedelta | None) -> tuple[NoticeRoll, Notice] | None:
        """The newest notice that waits for the sender, in a group one posted there, sent ``within`` that time."""
        sent_at = context.message.sent_at
        for roll, notice in self._asked[context.member.id]:
            recent = within is None or sent_at - notice.sent_at <= within
            here = context.chat is None or any(post.chat_id == context.chat.id for post, _ in self._posts[notice.id])
            if roll.answered_at is None and recent and here and _was_open(notice, sent_at):
                return roll, notice
        return None

    def named(self, person: Person, notice_id: int) -> tuple[NoticeRoll, Notice] | None:
        """A notice that asks the person and was open of late."""
        return next((pair for pair in self._asked[person.id] if pair[1].id == notice_id), None)

    def answer(self, context: Context, roll: NoticeRoll, notice: Notice) -> Acknowledge:
        """Records the sender's answer, and has the cards that count the sender show it."""
        roll.answered_at = min(context.message.sent_at, context.now)
        roll.message_id = context.message_id
        person = context.member
        for post, organisation in self._posts[notice.id]:
            if organisation.covers(person.organisation):
                context.batch.posting.refresh(post.card, about_card(post.id))
        return Acknowledge("已收到", person.name)


def _was_open(notice: Notice, moment: datetime) -> bool:
    if moment < notice.sent_at - SKEW:
        return False
    return notice.closed_at is None or moment < notice.closed_at


@handles("ack_list", by=Who.SECRETARY)
def ack_list(context: Context, intent: Intent) -> Reply | None:
    """Who of the asker's own people has not answered; asked in the group while there is time, it calls them."""
    scope = context.organisation
    if scope is None or not context.runs(scope):
        return Privately(Text(Who.SECRETARY.value))
    number = intent.integer("number")
    notice = _meant(context, scope, number)
    if number is None and not context.message.addressed and (notice is None or _long_over(context, notice)):
        return None  # 谁没收到: other things are handed out too
    if notice is None:
        return Privately(Text(NONE_SENT if number is None else NO_NOTICE.format(number=number)))
    people = unanswered(context.session, notice, scope)
    called = _called(context, notice, people)
    return waiting_call(notice, people, called) if called else waiting_list(notice, people)


def _long_over(context: Context, notice: Notice) -> bool:
    return notice.closed_at is not None and notice.closed_at <= context.now - AFTERWARDS


def _meant(context: Context, scope: Organisation, number: int | None) -> Notice | None:
    """The one with that number; else the newest that concerns the scope: what waits, and its own, before others."""
    if number is not None:
        notice = find_notice(context.session, number)
        related = notice and (scope.covers(notice.organisation) or notice.organisation.covers(scope))
        return notice if related else None
    tree = context.batch.tree
    around = [org.id for org in (*tree.above(scope), *tree.below(scope))]
    query = select(Notice).where(Notice.organisation_id.in_(around))
    if context.chat is not None:
        here = select(NoticePost.notice_id).where(NoticePost.chat_id == context.chat.id)
        query = query.where(Notice.id.in_(here))
    others = Notice.organisation_id != scope.id
    newest = query.order_by(Notice.closed_at.is_not(None), others, Notice.sent_at.desc(), Notice.number.desc())
    return context.session.scalars(newest.limit(1)).one_or_none()


def _called(context: Context, notice: Notice, people: Sequence[Person]) -> tuple[Mention, ...]:
    """Whom the answer calls: those who can still answer, in their group, and not who has asked."""
    if context.chat is None or notice.closed_at is not None or len(people) > CALLED:
        return ()
    return mentions(context, (person for person in people if person is not context.person), context.chat)


@handles("close_notice", by=Who.SECRETARY)
def close_notice(context: Context, intent: Intent) -> Reply:
    """Ends a notice; the figures are for the secretary alone."""
    scope = context.organisation
    if scope is None or not context.runs(scope):
        return Privately(Text(Who.SECRETARY.value))
    number = intent.integer("number")
    notice = _meant(context, scope, number)
    if notice is None:
        return Privately(Text(NONE_OPEN if number is None else NO_NOTICE.format(number=number)))
    if notice.closed_at is not None:
        return Privately(Text(NONE_OPEN if number is None else ENDED.format(number=number)))
    if not context.runs(notice.organisation):
        return Privately(Text(NOT_YOURS.format(number=notice.number, organisation=notice.organisation.name)))
    context.session.refresh(notice, ["closed_at"], with_for_update=True)
    if notice.closed_at is not None:
        return Privately(Text(ENDED.format(number=notice.number)))  # by another process, this very moment
    notice.closed_at = context.now
    refresh_cards(context.session, context.batch.posting, notice)
    return Privately(notice_summary(context.session, notice, notice.organisation))
