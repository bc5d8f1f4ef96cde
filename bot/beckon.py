"""Where a bot may not write to a person first: the group in which the person asked is told that an answer waits."""

from datetime import datetime, timedelta

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bot.content import Acknowledge, dump
from bot.messages import load_message
from bot.posting import Address, post_row
from models.inbox import Claim
from models.outbox import Post, PostKind
from models.people import Person

WAITS = "有话要私下说，请点开和我的单聊，随便发一句"
FOR_COMPANY = timedelta(seconds=3)
"""For how long others who are to be called are waited for."""
NEWCOMER = "新来的朋友"
"""Somebody whom the roster does not know."""


def beckon(session: Session, post: Post, now: datetime) -> bool:
    """Has the group named in the next merged line. False where the held post answers nothing that was asked there."""
    claim = session.get(Claim, post.message_id) if post.to_person and post.message_id is not None else None
    if claim is None or claim.sender != post.target:
        return False
    message = load_message(claim.message)
    if message.private or not message.addressed or message.kind != "message":
        return False
    person = session.get(Person, claim.person_id) if claim.person_id is not None else None
    group = Address(message.platform, message.bot, message.chat)
    content = Acknowledge(WAITS, person.name if person else NEWCOMER)
    row = post_row(group, PostKind.ACKNOWLEDGE, dump(content), now + FOR_COMPANY)
    row |= {"lane": f"{group.lane}#", "ref": message.ref, "message_id": claim.id}
    session.execute(insert(Post), [row])
    return True
