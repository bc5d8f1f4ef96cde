"""Who is who: binding (报到), tying a group (绑定), the roster's figures, joining the party."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import func, select

from bot.content import Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.members import propose
from models.audit import AuditEntry
from models.chats import Chat
from models.lessons import Lesson, LessonState
from models.organisations import Organisation, OrganisationKind
from models.people import Identity, Person, people_below, posts_of
from models.people import Post as Office

HOW_TO_BIND = "请发「报到 姓名 手机后四位」，比如「报到 小李 1234」。"
NO_MATCH = "没有对上。请看看姓名和手机后四位；还是不行，请书记把你加进名册。"
TOO_OFTEN = "试得太多了，请一小时以后再来，或者找书记。"
TRIES = 5
"""Failed bindings of one account within an hour."""
HOW_TO_TIE = "请写支部的全名，比如「绑定 幸福里流动党支部」。"
STEPS = (
    "想入党，欢迎。一共五步：\n"
    "1. 递交入党申请书（年满 18 岁，手写）\n"
    "2. 确定为入党积极分子，培养一年以上\n"
    "3. 列为发展对象\n"
    "4. 支部大会接收为预备党员\n"
    "5. 预备期一年后转正\n"
    "申请书交给{who}，有不懂的就问我或书记。"
)


@handles("bind", by=Who.ANYONE)
def bind(context: Context, intent: Intent) -> Reply:
    """Binds the sender's account to a person of the roster by name and the last four digits of the phone."""
    if context.person is not None:
        return Privately(Text(f"你已经报到过了：{context.person.name}，{context.person.organisation.name}。"))
    name, digits = intent.text("person"), intent.text("code")
    if not (name and len(digits) == 4):
        return Privately(Text(HOW_TO_BIND))
    subject = f"{context.message.provider}:{context.message.sender}"
    if _failures(context, subject) >= TRIES:
        return Privately(Text(TOO_OFTEN))
    named = context.session.scalars(select(Person).where(Person.name == name))
    found = [person for person in named if person.phone.endswith(digits)]
    if len(found) != 1 or _bound(context, found[0]):
        context.audit("bind_failed", subject)
        return Privately(Text(NO_MATCH))
    return _bind(context, found[0])


def _failures(context: Context, subject: str) -> int:
    query = select(func.count()).where(
        AuditEntry.action == "bind_failed",
        AuditEntry.subject == subject,
        AuditEntry.at > context.now - timedelta(hours=1),
    )
    return context.session.scalar(query) or 0


def _bound(context: Context, person: Person) -> bool:
    """Whether another account of this platform is the person's already: a stranger must not take it over."""
    query = select(Identity).where(Identity.person_id == person.id, Identity.provider == context.message.provider)
    return context.session.scalars(query).first() is not None


def _bind(context: Context, person: Person) -> Reply:
    message = context.message
    context.session.add(
        Identity(
            provider=message.provider,
            ref=message.sender,
            person_id=person.id,
            platform=message.platform,
            bot=message.bot,
            bound_at=context.now,
        )
    )
    context.batch.people[message.provider, message.sender] = person
    context.batch.forget_shared()
    context.audit("bind", f"person:{person.id}")
    return Privately(Text(f"报到成功：{person.name}，{person.organisation.name}。发「帮助」看看我能做什么。"))


@handles("bind_chat", by=Who.ANYONE)
def bind_chat(context: Context, intent: Intent) -> Reply:
    """Ties the group to an organisation: by its secretary, or a 责任单位's by its 联系人."""
    if context.chat is None:
        return Text("请到要绑定的群里发这句话。")
    organisation = _organisation(context, intent.text("org"))
    if isinstance(organisation, Text):
        return Privately(organisation)
    contact = context.person is not None and context.person.contact_of(organisation)
    if not (context.runs(organisation) or contact):
        who = "联系人" if organisation.kind is OrganisationKind.UNIT else "书记"
        return Privately(
            Text(f"绑定{organisation.name}，要由它的{who}来发。还没报到的话，先发「报到 姓名 手机后四位」。")
        )
    if (reason := _may_not_leave(context, context.chat, organisation)) is not None:
        return Privately(Text(reason))
    context.chat.organisation = organisation
    context.chat.tied_by = context.person.id if context.person else None
    context.chat.tied_at = context.now
    context.audit("tie", f"chat:{context.chat.id} organisation:{organisation.id}")
    propose(context, context.chat)
    return Text(f"🔗 这个群绑定到「{organisation.name}」了。发「帮助」看看能做什么。")


def _may_not_leave(context: Context, chat: Chat, organisation: Organisation) -> str | None:
    """Why a group that is tied already may not be tied to another organisation now."""
    before = chat.organisation
    if before is None or before is organisation:
        return None
    if not context.runs(before):
        return f"这个群已经绑定「{before.name}」了。要改，得由它的书记来发。"
    running = select(Lesson).where(Lesson.chat_id == chat.id, Lesson.state == LessonState.OPEN)
    return "这个群里还在签到，请先发「结束签到」。" if context.session.scalars(running).first() else None


def _organisation(context: Context, name: str) -> Organisation | Text:
    found = context.batch.tree.named(name) if name else []
    if len(found) == 1:
        return found[0]
    if not found:
        return Text(f"名册里没有「{name}」。{HOW_TO_TIE}" if name else HOW_TO_TIE)
    return Text(f"有不止一个：{'、'.join(org.path for org in found[:5])}。{HOW_TO_TIE}")


@handles("roster", by=Who.SECRETARY)
def roster(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """How many there are, by 身份 and 职业; names and phones stay out of the chat."""
    organisation = context.organisation
    if organisation is None or not context.runs(organisation):
        return Privately(Text("名册只给本支部的书记看。"))
    people = people_below(context.session, organisation)
    mobile = sum(person.mobile for person in people)
    lines = [
        f"{organisation.name}：{len(people)} 人，其中流动 {mobile} 人",
        _counted(str(person.status) for person in people),
        _counted(str(person.occupation) for person in people),
    ]
    return Privately(Text("\n".join(lines)))


def _counted(values: Iterable[str]) -> str:
    return "，".join(f"{value} {count}" for value, count in Counter(values).most_common())


@handles("party_application", by=Who.ANYONE)
def party_application(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The steps; the 组织委员, or else the secretary, is told in private."""
    organisation = context.organisation
    offices = (Office.ORGANISATION, Office.SECRETARY, Office.DEPUTY)
    keepers = posts_of(context.session, organisation, *offices)[:1] if organisation else []
    who = "".join(f"{keeper.name}（{keeper.post}）" for keeper in keepers) or "支部书记"
    if context.person is not None:
        told = Text(f"{context.person.name} 问了怎么入党，请联系一下。")
        context.tell_all((keeper for keeper in keepers if keeper is not context.person), told)
    return Privately(Text(STEPS.format(who=who)))
