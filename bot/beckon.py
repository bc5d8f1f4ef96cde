"""Where a bot may not write to a person first: the group in which the person asked is told that an answer waits."""

from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bot.content import Acknowledge, dump, load
from bot.messages import load_message
from bot.posting import Address, post_row
from models.inbox import Claim
from models.outbox import Post, PostKind, waiting
from models.people import Person

WAITS = "有话要私下说，请点开和我的单聊，随便发一句"
FOR_COMPANY = timedelta(seconds=3)
"""For how long others who are to be called are waited for."""
NEWCOMER = "新来的朋友"
"""Somebody whom the roster does not know."""


def beckon(session: Session, post: Post, now: datetime) -> bool:
    """Has the person called in the group's next merged line.

    False where the held post answers nothing that was asked there, or where the line names the person already.
    """
    claim = session.get(Claim, post.message_id) if post.to_person and post.message_id is not None else None
    if claim is None or claim.sender != post.target:
        return False
    message = load_message(claim.message)
    if message.private or not message.addressed or message.kind != "message":
        return False
    person = session.get(Person, claim.person_id) if claim.person_id is not None else None
    group = Address(message.platform, message.bot, message.chat)
    if _is_called(session, group, claim.sender):
        return False
    content = Acknowledge(WAITS, person.name if person else NEWCOMER)
    row = post_row(group, PostKind.ACKNOWLEDGE, dump(content), now + FOR_COMPANY)
    row |= {"lane": group.acknowledgements, "ref": message.ref, "message_id": claim.id}
    session.execute(insert(Post), [row])
    return True


def _is_called(session: Session, group: Address, sender: str) -> bool:
    """Whether the next line names the sender already; two people of one name are both to be named."""
    query = select(Post).join(Claim, Claim.id == Post.message_id)
    posts = session.scalars(query.where(waiting(), Post.lane == group.acknowledgements, Claim.sender == sender))
    contents = [load(post.content) for post in posts]
    return any(isinstance(content, Acknowledge) and content.done == WAITS for content in contents)
