"""Whom a name means, and how a group calls somebody."""

import re
from collections.abc import Iterable

from sqlalchemy import select

from bot.content import Mention
from bot.handling import Context
from bot.messages import PROVIDERS
from models.chats import Chat
from models.organisations import Organisation
from models.people import LEADING, Identity, Person, Post, people_below, posts_of

NOBODY = "名册里没有找到「{name}」，请写全名。"
SEVERAL = "有不止一位「{name}」，请写全名，或者直接在群里跟本人说。"

_CALLED = re.compile(
    r"[小老阿](?P<after>[\u4e00-\u9fff])"
    r"|(?P<before>[\u4e00-\u9fff]{1,2}?)(?P<title>副?书记|师傅|师|哥|姐|叔|姨|组长|队长|站长|委员|老师|同志|主任)"
)
"""How people call one another by the surname alone."""


def find_person(context: Context, name: str) -> list[Person]:
    """The people of the context's organisation and below with this name; failing that, whose name it is part of, or
    who are called so by their surname: 小李, 李师傅, and 李书记 of a secretary here or above.
    """
    organisation = context.organisation
    if organisation is None:
        return []
    people = people_below(context.session, organisation)
    exact = [p for p in people if p.name == name]
    return exact or [p for p in people if name in p.name] or _called(context, organisation, people, name)


def _called(context: Context, organisation: Organisation, people: Iterable[Person], name: str) -> list[Person]:
    called = _CALLED.fullmatch(name)
    if called is None:
        return []
    surname = called["after"] or called["before"]
    people = [p for p in people if p != context.person]  # nobody calls themselves so
    if called["title"] in ("书记", "副书记"):
        around = (organisation, *context.batch.tree.above(organisation))
        leading = [p for one in around for p in posts_of(context.session, one, Post.SECRETARY, Post.DEPUTY)]
        if found := [p for p in leading if p.name.startswith(surname)]:
            return found
    return [p for p in people if p.name.startswith(surname)]


def leaders_of(context: Context, person: Person, nearest: Organisation | None = None) -> list[Person]:
    """Who is asked on somebody's behalf: 书记 and 副书记, else 组织委员 or 组长, of the nearest organisation.

    ``nearest``: where to begin, if not with the person's own.
    """
    own = nearest or person.organisation
    for organisation in (own, *context.batch.tree.above(own)):
        for posts in ((Post.SECRETARY, Post.DEPUTY), (Post.ORGANISATION, Post.LEADER)):
            found = [p for p in posts_of(context.session, organisation, *posts) if p.id != person.id]
            if found:
                return found
    return []


def approvers_of(context: Context, person: Person) -> list[Person]:
    """Everybody but the person who may approve on the person's behalf, nearest organisation first."""
    around = (person.organisation, *context.batch.tree.above(person.organisation))
    posts = [p for organisation in around for p in posts_of(context.session, organisation, *LEADING)]
    return [p for p in posts if p.id != person.id and p.acts_for(person.organisation)]


def mentions(context: Context, people: Iterable[Person], chat: Chat) -> tuple[Mention, ...]:
    """Those of the people whom a text in the group can call: they have an account on its platform."""
    named = {person.id: person.name for person in people}
    query = select(Identity).where(Identity.provider == PROVIDERS[chat.platform], Identity.person_id.in_(list(named)))
    refs = {identity.person_id: identity.ref for identity in context.session.scalars(query.order_by(Identity.id))}
    return tuple(Mention(name, refs[person_id]) for person_id, name in named.items() if person_id in refs)
