"""Notices in words: the card with the live count, the private nudge, who has not answered, and the end."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy.orm import Session

from bot.content import Button, Card, Field, Mention, Text
from bot.posting import Posting
from bot.wording import moment_text
from models.chats import Chat
from models.notices import Notice, NoticePost, cards_of, tally, unanswered
from models.organisations import Organisation
from models.people import Person

NAMED = 40
"""More people than this are counted by organisation: so many names are read by nobody."""
PLACES = 15
"""Organisations named, those with most people first."""
HINT = "看到了请回复「收到」。"


def notice_card(notice: Notice, answered: int = 0, asked: int = 0) -> Card:
    """The card in a group. The count appears with the first who answers."""
    count = (Field("已收到", f"{answered} / {asked}"),) if answered else ()
    photos = tuple(notice.photos)
    if notice.closed_at is not None:
        return Card(f"📣 通知 {notice.number}（已结束）", notice.text, count, photos)
    return Card(f"📣 通知 {notice.number}", notice.text, count, photos, buttons=_buttons(notice), hint=HINT)


def live_notice_card(session: Session, post_id: int) -> Card:
    """A notice's card in one group as its records are now; it counts those whom the group is for."""
    post = session.get_one(NoticePost, post_id)
    notice, chat = session.get_one(Notice, post.notice_id), session.get_one(Chat, post.chat_id)
    return notice_card(notice, *tally(session, notice, chat.organisation or notice.organisation))


def nudge_card(notice: Notice) -> Card:
    """Asks one person in private, once."""
    title = f"📣 还差你一个「收到」：{moment_text(notice.sent_at)}的通知"
    return Card(title, notice.text, photos=tuple(notice.photos), buttons=_buttons(notice), hint=HINT)


def _buttons(notice: Notice) -> tuple[Button, ...]:
    return (Button("收到", "收到", f"notice:{notice.id}", "primary"),)


def refresh_cards(session: Session, posting: Posting, notice: Notice) -> None:
    """Brings the notice's cards up to date, in all groups."""
    for post in cards_of(session, notice):
        posting.refresh(post.card, about_card(post.id))


def about_card(post_id: int) -> str:
    """What the refreshing of a card calls it (see ``bot.reports.cards``)."""
    return f"notice_post:{post_id}"


def waiting_list(notice: Notice, people: Sequence[Person]) -> Text:
    """Who has not answered, by name or, where they are many, by organisation."""
    if not people:
        return Text(f"通知 {notice.number}：都回「收到」了。")
    return Text(f"通知 {notice.number} 还没回 {len(people)} 人：{_named(people)}")


def waiting_call(notice: Notice, people: Sequence[Person], called: tuple[Mention, ...]) -> Text:
    """Calls those who have not answered, in their group; whom a text cannot call is named."""
    known = {mention.name for mention in called}
    others = "、".join(person.name for person in people if person.name not in known)
    also = f"（含{others}）" if others else ""
    return Text(f"通知 {notice.number} 还没回 {len(people)} 人{also}。{HINT}", called)


def notice_summary(session: Session, notice: Notice, within: Organisation) -> Text:
    """How it ended: for the sender alone."""
    answered, asked = tally(session, notice, within)
    people = unanswered(session, notice, within)
    missing = f"，没回 {len(people)} 人：{_named(people)}" if people else "，都回了"
    return Text(f"通知 {notice.number} 结束了：{asked} 人里 {answered} 人回了「收到」{missing}")


def _named(people: Sequence[Person]) -> str:
    if len(people) <= NAMED:
        return "、".join(person.name for person in people)
    counts = Counter(person.organisation.name for person in people).most_common()
    more = f" 等 {len(counts)} 个组织" if len(counts) > PLACES else ""
    return "，".join(f"{name} {count} 人" for name, count in counts[:PLACES]) + more
