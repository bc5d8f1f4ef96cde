"""Ledgers to take away (导出): a file and a page, for the secretary alone."""

from datetime import date, timedelta

from sqlalchemy import select

from bot.clock import local
from bot.content import Button, Card, File, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.reports.case_ledger import CaseWanted, Level, has_cases
from bot.reports.ledger_page import PAGES
from bot.reports.ledgers import TITLES, Period, Wanted, file_name, has_lessons, time_of
from bot.understanding.intent import Intent
from bot.wording import moment_text
from handlers.periods import UnclearPeriod, period_in, quarter_so_far
from models.cases import CaseKind
from models.lessons import Lesson, LessonState, kind_named, kind_within
from models.organisations import Organisation, OrganisationKind

NOT_YOURS = "台账和名册只给这个群所属组织的书记。"
NO_ORGANISATION = "这里还没有绑定组织。请先到支部群里发「绑定 支部名称」。"
WHAT = "📤 导出什么？"
HOW = "后面可以写时间：「导出 会议 上月」「导出 考勤 2026-01 到 2026-03」「导出 纪要 党课」。不写就是本季度到今天。"
OFFERED = ("会议", "考勤", "名册", "纪要", "隐患", "诉求")
NOT_YET = "{what}还不能导出。现在能导出的是会议、考勤、名册、纪要、隐患、诉求。"
NOT_ONES_OWN = "保密的诉求台账只给这个支部自己的书记。要不写名字的，请发「导出 诉求」。"
TELLS = {
    Level.PUBLIC: "这一份是「公开」：只有编号、状态和时间，满五个人提的类别才写。",
    Level.INTERNAL: "这一份是「内部」：有内容，没有谁提的，别转发到群里。\n"
    "只要编号和状态，发「导出 诉求 公开」；要写明谁提的，发「导出 诉求 保密」（只给本支部书记）。",
    Level.SECRET: "这一份是「保密」：写了谁提的，要匿名的除外。别转发。",
}
NOTHING = "{organisation}，{period}，没有{kind}的记录。换一段时间，比如「导出 {kind} 上季度」。"
PAGE = "网页（{days} 天内能打开，别转发到群里）：\n{link}"
NO_MINUTES = "没有找到已经结束的{kind}，会结束以后才有纪要。可以写明是哪一次，比如「导出 纪要 党课 11月20日」。"
MINUTES = "{title}，{when}。标黄的地方请您填写。"
PAGE_LASTS = timedelta(days=7)
KINDS = {"会议": "meetings", "会议记录": "meetings", "名册": "roster", "党员名册": "roster", "诉求": "appeals"}
KINDS |= dict.fromkeys(("考勤", "签到", "出勤"), "attendance") | dict.fromkeys(("隐患", "案件"), "hazards")
"""What people call the kinds of ledgers."""
MINUTES_WORDS = ("纪要", "会议纪要")
LATER = ("积分",)


@handles("export", by=Who.SECRETARY)
def export(context: Context, intent: Intent) -> Reply:
    """A ledger or the minutes of a meeting, in private wherever it was asked for."""
    organisation = context.organisation
    if organisation is None:
        return Privately(Text(NO_ORGANISATION))
    if not context.runs(organisation):
        return Privately(Text(NOT_YOURS))
    word = intent.text("kind")
    try:
        if word in MINUTES_WORDS or "纪要" in context.message.text:
            return _minutes(context, organisation)
        if word in KINDS:
            return _ledger(context, organisation, word)
    except UnclearPeriod as unclear:
        return Privately(Text(str(unclear)))
    return Privately(Text(NOT_YET.format(what=word)) if word in LATER else _choices())


def _choices() -> Card:
    buttons = tuple(Button(kind, f"导出 {kind}") for kind in OFFERED)
    return Card(WHAT, HOW, buttons=buttons, hint=f"请发「导出 {OFFERED[0]}」，或者{'、'.join(OFFERED[1:])}。")


def _ledger(context: Context, organisation: Organisation, word: str) -> Reply:
    """The workbook, and beside it the link to its page where there can be one."""
    kind = KINDS[word]
    today = _today(context)
    said = None if kind == "roster" else period_in(_without_level(context.message.text), today)
    period = said or quarter_so_far(today)
    wanted = Wanted(organisation.id, period, context.now)
    level = _level(context.message.text) if kind == "appeals" else None
    if level is Level.SECRET and not _own(context, organisation):
        return Privately(Text(NOT_ONES_OWN))
    if not _has_any(context, kind, wanted):
        told = NOTHING.format(organisation=organisation.name, period=period.name, kind=TITLES[kind][:2])
        return Privately(Text(told))
    audited = f"{kind}:{organisation.id}:{period.first}:{period.last}"
    context.audit("export", f"{audited}:{level.name}" if level else audited)
    days = "" if kind == "roster" else period.name
    title = f"{TITLES[kind]}（{level}）" if level else TITLES[kind]
    subject = CaseWanted(CaseKind.APPEAL, wanted, level).subject if level else wanted.subject
    file = File(file_name(title, organisation, days, ".xlsx"), f"{kind}:{subject}")
    link = context.link("ledger", f"{kind}:{wanted.subject}", PAGE_LASTS) if kind in PAGES else ""
    beside = TELLS[level] if level else ""
    if link:
        beside = PAGE.format(days=PAGE_LASTS.days, link=link)
    if not beside:
        return Privately(file)
    context.tell_address(context.sender, file)
    return Privately(Text(beside))


def _level(text: str) -> Level:
    """How much a 诉求台账 is to tell."""
    return next((level for level in Level if level in text), Level.INTERNAL)


def _without_level(text: str) -> str:
    """Levels are no times."""
    return next((text.replace(level, " ") for level in Level if level in text), text)


def _own(context: Context, organisation: Organisation) -> bool:
    """Whether the sender is of this very branch, and not of one above it."""
    return (
        organisation.kind is OrganisationKind.BRANCH
        and context.person is not None
        and context.person.organisation_id == organisation.id
        and context.person.acts_for(organisation)
    )


def _has_any(context: Context, kind: str, wanted: Wanted) -> bool:
    """Whether there is anything to list; there is always a roster."""
    if kind in ("hazards", "appeals"):
        about = CaseWanted(CaseKind.HAZARD if kind == "hazards" else CaseKind.APPEAL, wanted)
        return has_cases(context.session, about)
    return kind == "roster" or has_lessons(context.session, wanted, opened=kind == "attendance")


def _minutes(context: Context, organisation: Organisation) -> Reply:
    """The minutes of the meeting that is meant: the last of its kind, or of its day, or the last of all."""
    kind = kind_within(context.message.text)
    lesson = _last_closed(context, organisation, kind, period_in(_without(kind, context.message.text), _today(context)))
    if lesson is None:
        return Privately(Text(NO_MINUTES.format(kind=kind_named(kind) if kind else "会")))
    context.audit("export", f"minutes:{lesson.id}")
    at = time_of(lesson)
    name = file_name(f"{lesson.kind}纪要", lesson.organisation, f"{local(at).date()}", ".docx")
    context.tell_address(context.sender, File(name, f"minutes:{lesson.id}"))
    return Privately(Text(MINUTES.format(title=lesson.title, when=moment_text(at))))


def _today(context: Context) -> date:
    return local(context.now).date()


def _without(word: str, text: str) -> str:
    """主题党日 and 10分钟微课堂 are no times."""
    return text.replace(word, " ") if word else text


def _last_closed(context: Context, organisation: Organisation, kind: str, period: Period | None) -> Lesson | None:
    ids = [below.id for below in context.batch.tree.below(organisation)]
    query = select(Lesson).where(Lesson.organisation_id.in_(ids), Lesson.state == LessonState.CLOSED)
    if kind:
        query = query.where(Lesson.kind == kind_named(kind))
    if period is not None:
        query = query.where(Lesson.opened_at >= period.start, Lesson.opened_at < period.end)
    own_first = Lesson.organisation_id != organisation.id
    return context.session.scalars(query.order_by(own_first, Lesson.opened_at.desc()).limit(1)).one_or_none()
