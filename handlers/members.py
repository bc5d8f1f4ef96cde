"""Who is in a group: kept as the platform tells it, and matched by name with the roster for the secretary to see."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from bot.content import Button, Card, Field, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.messages import PROVIDERS
from bot.understanding.intent import Intent
from models.chat_members import ChatMember, members_of
from models.chats import Chat
from models.counters import next_number
from models.organisations import Organisation
from models.people import LEADING, Identity, Person, people_below, posts_of

LISTED = 60
"""Names in one list to confirm; further ones are asked about once it is confirmed."""
STRANGERS = 20
"""Names shown of those who match nobody."""
LONGEST_NAME = 16
WHICH_LIST = "请带上编号，比如「确认对上 1」。"
NO_LIST = "没有 {number} 这份名单，请看看编号。"
ALL_DONE = "这份名单上没有还要报到的人了。"
_NUMBER = re.compile(r"\d{5,}")

Pair = tuple[ChatMember, Person]


@dataclass(frozen=True, slots=True)
class _Matching:
    """The accounts of a group that nobody is bound to: those that a name of the roster fits, and the others' names."""

    pairs: list[Pair]
    strangers: list[str]


@handles("members", by=Who.ANYONE)
def members(context: Context, intent: Intent) -> None:  # noqa: ARG001
    """Keeps who has joined and who has left. The group hears nothing of it; its secretary may be asked."""
    if context.chat is not None:
        _keep(context, context.chat)
        propose(context, context.chat)


def _keep(context: Context, chat: Chat) -> None:
    context.session.flush()  # a group that was never seen has no id before
    message = context.message
    here = {member.ref: " ".join(member.name.split()) for member in message.members}
    known = {row.ref: row for row in _rows(context, chat, [*here, *message.left])}
    for ref, name in here.items():
        row = known.get(ref)
        if row is None:
            context.session.add(ChatMember(chat_id=chat.id, ref=ref, name=name, joined_at=context.now))
            continue
        row.name = name or row.name
        if row.left_at is not None and not (message.whole and row.left_at > message.sent_at):
            row.joined_at, row.left_at = context.now, None
    gone = [known[ref] for ref in message.left if ref in known]
    if message.whole:  # as of ``sent_at``; who came after that cannot be in it
        here_before = [row for row in members_of(context.session, chat) if row.joined_at <= message.sent_at]
        gone += [row for row in here_before if row.ref not in here]
    for row in gone:
        row.left_at = row.left_at or context.now
    context.session.flush()


def _rows(context: Context, chat: Chat, refs: list[str]) -> Sequence[ChatMember]:
    query = select(ChatMember).where(ChatMember.chat_id == chat.id, ChatMember.ref.in_(refs))
    return context.session.scalars(query).all()


def propose(context: Context, chat: Chat) -> None:
    """Asks the group's secretary in private about the accounts that a name of the roster fits, each of them once."""
    organisation = chat.organisation
    if organisation is None:
        return
    found = _matching(context, chat, organisation)
    new = [(member, person) for member, person in found.pairs if member.person_id != person.id][:LISTED]
    secretary = _secretary(context, organisation) if new else None
    if secretary is None:
        return
    number = next_number(context.session, "match")
    for member, person in new:
        member.person_id, member.match_number = person.id, number
    context.tell(secretary, _card(chat, number, [person for _, person in new], found.strangers))


def _matching(context: Context, chat: Chat, organisation: Organisation) -> _Matching:
    """By the whole name, where one person of the roster and one account of the group have it."""
    accounts = members_of(context.session, chat)
    roster: defaultdict[str, list[Person]] = defaultdict(list)
    for person in people_below(context.session, organisation):
        roster[person.name].append(person)
    shown = Counter(account.name for account in accounts)
    refs, people = _bound(context, chat, accounts, roster)
    made = _Matching([], [])
    for account in accounts:
        named = roster.get(account.name, [])
        if account.ref in refs or not account.name:
            continue
        if len(named) == shown[account.name] == 1 and named[0].id not in people:
            made.pairs.append((account, named[0]))
        else:
            made.strangers.append(account.name)
    return made


def _bound(
    context: Context, chat: Chat, accounts: list[ChatMember], roster: dict[str, list[Person]]
) -> tuple[set[str], set[int]]:
    """The accounts and the people who are bound on the group's platform already."""
    people = [person.id for named in roster.values() for person in named]
    here = Identity.ref.in_([account.ref for account in accounts]) | Identity.person_id.in_(people)
    query = select(Identity.ref, Identity.person_id).where(Identity.provider == PROVIDERS[chat.platform], here)
    rows = context.session.execute(query).all()
    return {ref for ref, _ in rows}, {person_id for _, person_id in rows}


def _secretary(context: Context, organisation: Organisation) -> Person | None:
    """Who is asked: one who acts for the organisation; where it has nobody, as a 责任单位, for the one above it."""
    for place in (organisation, *context.batch.tree.above(organisation)):
        leading = [p for p in posts_of(context.session, place, *LEADING) if p.acts_for(organisation)]
        if leading:
            return next((person for person in leading if context.batch.posting.reach(person)), None)
    return None


def _card(chat: Chat, number: int, people: list[Person], strangers: list[str]) -> Card:
    where = f"「{chat.title}」" if chat.title else "群"
    says = f"确认对上 {number}"
    others = (Field("没对上名册的", _names(strangers)),) if strangers else ()
    return Card(
        title=f"🙋 {where}里有 {len(people)} 人和名册对上了名字",
        text="、".join(person.name for person in people),
        fields=others,
        buttons=(Button("确认", says, f"match:{number}", "primary"),),
        hint=f"都是本人就回复「{says}」，他们不用再发「报到」。有不对的，请先不要确认，让他们自己报到。",
    )


def _names(strangers: list[str]) -> str:
    """The first of them, without what might be a phone number in a nickname."""
    shown = "、".join(_NUMBER.sub("…", name[:LONGEST_NAME]) for name in strangers[:STRANGERS])
    return f"{shown} 等 {len(strangers)} 人" if len(strangers) > STRANGERS else shown


@handles("confirm_members", by=Who.SECRETARY)
def confirm(context: Context, intent: Intent) -> Reply:
    """Binds the accounts of a list to their people, as far as both are still free and the names still fit."""
    number = intent.integer("number")
    if number is None:
        return Privately(Text(WHICH_LIST))
    query = select(ChatMember).where(ChatMember.match_number == number)
    first = context.session.scalars(query.limit(1)).one_or_none()
    chat = context.session.get_one(Chat, first.chat_id) if first else None
    if chat is None or chat.organisation is None or not context.runs(chat.organisation):
        return Privately(Text(NO_LIST.format(number=number)))
    found = _matching(context, chat, chat.organisation)
    asked = [pair for pair in found.pairs if (pair[0].match_number, pair[0].person_id) == (number, pair[1].id)]
    if not asked:
        return Privately(Text(ALL_DONE))
    _bind(context, chat, asked)
    propose(context, chat)
    return Privately(Text(f"已替 {len(asked)} 人报到：{'、'.join(person.name for _, person in asked)}"))


def _bind(context: Context, chat: Chat, pairs: list[Pair]) -> None:
    provider = PROVIDERS[chat.platform]
    for member, person in pairs:
        context.session.add(
            Identity(
                provider=provider,
                ref=member.ref,
                person_id=person.id,
                platform=chat.platform,
                bot=chat.bot,
                bound_at=context.now,
            )
        )
        context.batch.people[provider, member.ref] = person
        context.audit("bind_by_name", f"person:{person.id}")
    context.batch.forget_shared()
