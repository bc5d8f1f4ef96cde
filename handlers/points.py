"""Points (志愿积分): what one has, who leads, claims with approval by another person, grants."""

from sqlalchemy import select

from bot.clock import start_of_day, start_of_month
from bot.content import Button, Card, Field, Form, Text
from bot.handling import Batch, Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from bot.wording import day_text
from handlers.people import NOBODY, SEVERAL, approvers_of, find_person, leaders_of
from models.counters import next_number
from models.people import Person, people_below
from models.points import (
    CHECKED_ALONE,
    GRANT,
    SERVICE,
    Account,
    Award,
    ClaimState,
    Ledger,
    PointClaim,
    PointEntry,
    balance,
    earned_since,
    find_claim,
)

HOW_TO_CLAIM = "请说做了什么、多长时间，比如「申报 昨天帮社区搬物资2小时」。"
NO_CLAIM = "没有 {number} 这个申报，请看看编号。"
OWN_CLAIM = "自己的申报要由别人来批，请另一位书记或组织委员发「通过 {number}」。"
LONGEST = 12.0
"""Hours of one claim, at most: more than that is a slip of the thumb."""
SHOWN = 5
"""Entries shown with a balance."""


def ledger(batch: Batch) -> Ledger:
    """The ledger of one batch; it knows all senders of the batch."""
    made = Ledger(batch.session, start_of_day(batch.now), start_of_month(batch.now))
    made.know(batch.people.values())
    return made


@handles("points_query", by=Who.MEMBER)
def points_query(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The balance and where it comes from; for the sender alone."""
    person = context.member
    total = balance(context.session, person)
    if not total:
        return Privately(Text("你还没有积分。上课签到 2 分，报的隐患属实 5 分，志愿服务每小时 10 分。"))
    month = earned_since(context.session, [person], start_of_month(context.now)).get(person.id, 0)
    lines = [f"你有 {total} 分，本月 +{month}", *_recent(context, person)]
    return Privately(Text("\n".join(lines)))


def _recent(context: Context, person: Person) -> list[str]:
    query = (
        select(PointEntry)
        .join(Account, Account.id == PointEntry.to_account_id)
        .where(Account.person_id == person.id)
        .order_by(PointEntry.at.desc(), PointEntry.id.desc())
        .limit(SHOWN)
    )
    return [f"{day_text(entry.at)} +{entry.points} {entry.rule}" for entry in context.session.scalars(query)]


@handles("leaderboard", by=Who.MEMBER)
def leaderboard(context: Context, intent: Intent) -> Reply:  # noqa: ARG001
    """The first three of the month. Nobody is ranked below them."""
    organisation = context.organisation or context.member.organisation
    people = people_below(context.session, organisation)
    earned = earned_since(context.session, people, start_of_month(context.now))
    leaders = sorted((p for p in people if earned.get(p.id)), key=lambda p: -earned[p.id])[:3]
    if not leaders:
        return Text("这个月还没有人得分，第一个就是你。")
    names = "，".join(f"{place}. {p.name} {earned[p.id]} 分" for place, p in enumerate(leaders, 1))
    return Text(f"🏅 本月积分：{names}")


@handles("points_claim", by=Who.MEMBER)
def points_claim(context: Context, intent: Intent) -> Reply:
    """Takes a claim and asks somebody else to approve it."""
    hours = float(intent.slots.get("hours", 0))
    if hours <= 0:
        return Privately(Text(HOW_TO_CLAIM))
    if hours > LONGEST:
        return Privately(Text(f"一次最多申报 {LONGEST:.0f} 小时，请分开报。"))
    person = context.member
    claim = PointClaim(
        number=next_number(context.session, "claim"),
        person_id=person.id,
        organisation_id=person.organisation_id,
        text=intent.text("text") or context.message.text,
        hours=hours,
        points=round(hours * SERVICE.points),
        state=ClaimState.WAITING,
        made_at=context.now,
        reason="",
        message_id=context.message_id,
    )
    context.session.add(claim)
    asked = context.tell_all(leaders_of(context, person), _claim_card(claim, person))
    told = "已请书记确认" if asked else "书记还没有报到，请当面说一声"
    return Privately(Text(f"申报 {claim.number} 记下了：{claim.text}，{claim.points} 分。{told}。"))


def _claim_card(claim: PointClaim, person: Person) -> Card:
    number = claim.number
    return Card(
        title=f"🙋 {person.name} 申报 {claim.points} 分（编号 {number}）",
        text=claim.text,
        fields=(Field("时长", f"{claim.hours:g} 小时"),),
        buttons=(Button("通过", f"通过 {number}", f"claim:{number}", "primary"),),
        form=Form("驳回的理由", Button("驳回", f"驳回 {number}", f"claim:{number}", "danger")),
        hint=f"回复「通过 {number}」，或「驳回 {number} 理由」。",
    )


@handles("approve_claim", by=Who.SECRETARY)
def approve_claim(context: Context, intent: Intent) -> Reply:
    """Approves somebody else's claim; more than two hours want two approvers."""
    claim = _open_claim(context, intent)
    if isinstance(claim, Text):
        return Privately(claim)
    approver = context.person.id if context.person else None
    if claim.state is ClaimState.SECOND and claim.first_approver_id == approver:
        return Privately(Text(f"申报 {claim.number} 您已经同意过了，超过 {CHECKED_ALONE:g} 小时要再有一个人同意。"))
    if claim.hours > CHECKED_ALONE and claim.state is ClaimState.WAITING:
        claim.state = ClaimState.SECOND
        claim.first_approver_id = approver
        seconds = [p for p in approvers_of(context, claim.person) if p.id != approver]
        asked = context.tell_all(seconds, _claim_card(claim, claim.person))
        then = "已请另一位来批" if asked else f"请再有一个人发「通过 {claim.number}」"
        return Text(f"申报 {claim.number} 同意了一次。超过 {CHECKED_ALONE:g} 小时要两个人同意，{then}。")
    return _pay(context, claim, approver)


def _pay(context: Context, claim: PointClaim, approver: int | None) -> Text:
    claim.state = ClaimState.APPROVED
    claim.decided_by = approver
    claim.decided_at = context.now
    award = Award(SERVICE, claim.points, f"claim:{claim.number}", context.message_id, approver, f"claim:{claim.number}")
    given = context.batch.shared(ledger).award(claim.person, award, context.now)
    capped = "" if given == claim.points else f"（到了上限，记 {given} 分）"
    context.tell(claim.person, Text(f"申报 {claim.number} 通过了，+{given} 分{capped}。辛苦了。"))
    return Text(f"申报 {claim.number} 已通过：{claim.person.name} +{given} 分{capped}")


@handles("reject_claim", by=Who.SECRETARY)
def reject_claim(context: Context, intent: Intent) -> Reply:
    """Rejects a claim with a reason, which the claimant is told."""
    claim = _open_claim(context, intent)
    if isinstance(claim, Text):
        return Privately(claim)
    reason = intent.text("text")
    if not reason:
        return Privately(Text(f"请带上理由，比如「驳回 {claim.number} 没有照片」。"))
    claim.state = ClaimState.REJECTED
    claim.decided_by = context.person.id if context.person else None
    claim.decided_at = context.now
    claim.reason = reason
    context.tell(claim.person, Text(f"申报 {claim.number} 没有通过：{reason}。补充以后可以再报一次。"))
    return Text(f"申报 {claim.number} 已驳回：{reason}")


def _open_claim(context: Context, intent: Intent) -> PointClaim | Text:
    """The claim that is meant, or what to say where it cannot be decided by the sender."""
    number = intent.integer("number")
    if context.person is None:
        return Text(Who.MEMBER.value)
    if number is None:
        return Text("请带上编号，比如「通过 31」。")
    claim = find_claim(context.session, number)
    if claim is None or not context.runs(claim.person.organisation):
        return Text(NO_CLAIM.format(number=number))
    if claim.person_id == context.person.id:
        return Text(OWN_CLAIM.format(number=number))
    if claim.state in (ClaimState.APPROVED, ClaimState.REJECTED):
        return Text(f"申报 {number} 已经{'通过' if claim.state is ClaimState.APPROVED else '驳回'}了。")
    return claim


@handles("grant_points", by=Who.SECRETARY)
def grant_points(context: Context, intent: Intent) -> Reply:
    """Gives points to somebody else by hand."""
    points = intent.integer("points")
    if context.person is None:
        return Privately(Text(Who.MEMBER.value))
    if points is None or points <= 0 or not intent.text("person"):
        return Privately(Text("请说给谁、多少分、为什么，比如「加分 小李 5 送考」。"))
    found = [p for p in find_person(context, intent.text("person")) if context.runs(p.organisation)]
    if len(found) != 1:
        return Privately(Text((SEVERAL if found else NOBODY).format(name=intent.text("person"))))
    person = found[0]
    if person is context.person:
        return Privately(Text("不能给自己加分，请另一位书记来加。"))
    return _grant(context, person, points, intent.text("text"))


def _grant(context: Context, person: Person, points: int, why: str) -> Reply:
    approver = context.person.id if context.person else None
    award = Award(GRANT, points, f"grant:{context.message_id}", context.message_id, approver, why)
    given = context.batch.shared(ledger).award(person, award, context.now)
    if not given:
        return Privately(Text(f"{person.name} 今天的加分已经到上限（每天 {GRANT.per_day} 分）。"))
    because = f"：{why}" if why else ""
    capped = "" if given == points else f"（每天上限 {GRANT.per_day} 分）"
    context.tell(person, Text(f"书记给你加了 {given} 分{because}。"))
    return Text(f"{person.name} +{given} 分{because}{capped}")
