"""Whom a name means."""

from bot.handling import Context
from models.people import LEADING, Person, Post, people_below, posts_of

NOBODY = "名册里没有找到「{name}」，请写全名。"
SEVERAL = "有不止一位「{name}」，请写全名，或者直接在群里跟本人说。"


def find_person(context: Context, name: str) -> list[Person]:
    """The people of the context's organisation and below with this name; failing that, whose name it is part of."""
    organisation = context.organisation
    if organisation is None:
        return []
    people = people_below(context.session, organisation)
    return [p for p in people if p.name == name] or [p for p in people if name in p.name]


def leaders_of(context: Context, person: Person) -> list[Person]:
    """Who is asked on somebody's behalf: 书记 and 副书记, else 组织委员 or 组长, of the nearest organisation."""
    for organisation in (person.organisation, *context.batch.tree.above(person.organisation)):
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
