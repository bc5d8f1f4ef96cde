"""Whom a name means, and how a group calls somebody."""

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


def find_person(context: Context, name: str) -> list[Person]:
    """The people of the context's organisation and below with this name; failing that, whose name it is part of."""
    organisation = context.organisation
    if organisation is None:
        return []
    people = people_below(context.session, organisation)
    return [p for p in people if p.name == name] or [p for p in people if name in p.name]


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
