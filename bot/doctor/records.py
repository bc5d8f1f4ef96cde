"""The database: whether it answers, whether its schema is that of this version, and what the records lack."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, exists, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from bot.clock import Clock, system_clock
from bot.doctor.clocks import compare
from bot.doctor.findings import Finding, bad, ok, warn
from bot.doctor.machine import key_path
from bot.doctor.names import NAMES, bot_called, listed
from bot.outbox import HELD_FOR
from bot.settings import Settings
from models.chats import Chat
from models.database import Database, alembic_config
from models.downloads import Download, DownloadState
from models.inbox import Claim, Outcome
from models.leases import Lease
from models.organisations import Organisation, OrganisationKind, find_organisation
from models.outbox import Post, PostState, held
from models.people import Person
from models.sealing import Locked

DRIVERS = ("sqlite", "postgresql+psycopg")
WITH_CHATS = (OrganisationKind.COMMITTEE, OrganisationKind.BRANCH, OrganisationKind.UNIT)
"""What usually has a group of its own; a 党小组 meets in its branch's."""
RECENT = timedelta(days=7)
"""Photos that were lost longer ago are forgotten."""
FAKE_NAMES = "private_address"
"""Why a photo was refused whose link led to no public address (``bot.fetching``)."""

Open = Callable[[], Database]


def examine_records(settings: Settings, database_factory: Open, clock: Clock) -> list[Finding]:
    """Opens the database, looks, and closes it."""
    try:
        url = make_url(settings.database.url)
    except ArgumentError:
        return [
            bad("database.url 看不懂", '要写成 "sqlite:///data/jufeng.db" 或 "postgresql+psycopg://user@host/jufeng"')
        ]
    if url.drivername not in DRIVERS:
        return [bad(f"database.url 用的是 {url.drivername}", f"只支持 {' 和 '.join(DRIVERS)}")]
    if _is_missing(url):
        return [ok("数据库还没有，第一次启动时会建", "也可以先运行 jufeng db upgrade")]
    try:
        database = database_factory()
    except (SQLAlchemyError, ImportError, OSError) as error:
        return [_unreachable(url, error)]
    try:
        return list(_examine(database, settings, clock))
    except SQLAlchemyError as error:
        return [_unreachable(url, error)]
    finally:
        database.close()


def is_owned(settings: Settings, database_factory: Open, name: str) -> bool | None:
    """Whether a running server holds ``name`` (``bot.ownership``); None where the database cannot tell."""
    try:
        if _is_missing(make_url(settings.database.url)):
            return False
        database = database_factory()
    except (SQLAlchemyError, ImportError, OSError):
        return None
    try:
        with database.read() as session:
            until = session.scalar(select(Lease.until).where(Lease.name == name))
    except SQLAlchemyError:
        return None
    finally:
        database.close()
    return until is not None and until > system_clock()


def _is_missing(url: URL) -> bool:
    return url.drivername == "sqlite" and not (url.database and Path(url.database).is_file())


def _unreachable(url: URL, error: Exception) -> Finding:
    cause: object = error.orig if isinstance(error, DBAPIError) else type(error).__name__
    reason = str(cause).strip().partition("\n")[0]
    to_do = (
        "请检查这个文件的权限，以及磁盘有没有满"
        if url.drivername == "sqlite"
        else "请检查数据库开着没有，database.url 的地址、用户名、密码和库名对不对"
    )
    return bad(f"数据库 {url.render_as_string(hide_password=True)} 打不开：{reason}", to_do)


def _examine(database: Database, settings: Settings, clock: Clock) -> Iterator[Finding]:
    with database.read() as session:
        yield _engine(database)
        if not database.embedded:
            yield compare("数据库", session.scalars(select(func.clock_timestamp())).one(), clock())
        schema, current = _schema(session)
        yield schema
        if not current:
            return
        yield from _roster(session, key_path(settings.bot.data_dir))
        yield from _chats(session)
        yield from _robots(session, settings)
        yield from _open311(session, settings)
        yield from _held(session)
        yield from _photos(session, clock)
        yield from _dead_letters(session)


def _engine(database: Database) -> Finding:
    if database.embedded:
        return ok(
            "数据库是 SQLite，可以用", "它只能由一个进程服务：serve 不要加 --workers；要几个进程一起跑，请换 PostgreSQL"
        )
    return ok("数据库是 PostgreSQL，可以用，serve 可以加 --workers")


def _schema(session: Session) -> tuple[Finding, bool]:
    """Whether the tables are those that this version knows."""
    script = ScriptDirectory.from_config(alembic_config())
    revision = MigrationContext.configure(session.connection()).get_current_revision()
    if revision == script.get_current_head():
        return ok(f"数据库结构是最新的（{revision}）"), True
    if revision is None:
        return warn("数据库里还没有建表", "运行 jufeng db upgrade，或者直接 jufeng serve，它会自己建"), False
    if revision in {known.revision for known in script.walk_revisions()}:
        return warn(
            f"数据库结构是旧的（{revision}）", "先备份，再运行 jufeng db upgrade 或 jufeng serve，它会自己升级"
        ), False
    return bad(f"数据库结构（{revision}）比这个程序新", "请换成新版本的聚蜂，不要用旧程序打开它"), False


def _roster(session: Session, key: Path) -> Iterator[Finding]:
    people = session.scalars(select(func.count()).select_from(Person)).one()
    if not people:
        yield warn("名册还没有导入", "运行 jufeng import 名册.xlsx --dry-run 先看一遍，没有问题再去掉 --dry-run")
        return
    yield ok(f"名册里有 {people} 人")
    if not key.exists():
        yield bad(f"密钥文件 {key} 不见了，名册里的手机号打不开", "请放回备份的那一份；不要让程序重新生成")
        return
    try:
        session.scalars(select(Person.phone).limit(1)).one()
    except Locked as error:
        yield bad("密钥文件和数据库不是一套，手机号和诉求打不开", str(error))


def _chats(session: Session) -> Iterator[Finding]:
    untied = session.scalars(select(Chat).where(Chat.organisation_id.is_(None)).order_by(Chat.id)).all()
    if untied:
        yield warn(
            f"有 {len(untied)} 个群还没有绑定组织：{listed(list(map(_chat_called, untied)))}",
            "请书记在群里发「绑定 组织名」（责任单位的群由联系人来发）",
        )
    tied = exists().where(Chat.organisation_id == Organisation.id)
    query = select(Organisation.name).where(Organisation.kind.in_(WITH_CHATS), ~tied).order_by(Organisation.path)
    if names := session.scalars(query).all():
        yield warn(
            f"有 {len(names)} 个组织还没有群：{listed(list(names))}",
            "把小蜂拉进它的群，再在群里发「绑定 组织名」。没有群的组织收不到提醒和周报",
        )


def _chat_called(chat: Chat) -> str:
    """Some platforms tell no titles."""
    title = f"「{chat.title}」" if chat.title else " "
    return f"{bot_called(chat.platform, chat.bot)} 的{title}{chat.ref}"


def _robots(session: Session, settings: Settings) -> Iterator[Finding]:
    """The robots that only post stand for groups of other bots."""
    platforms = settings.platforms
    for kind, platform, robots in (
        ("wecom_robot", "wecom_aibot", platforms.wecom_robot),
        ("feishu_robot", "feishu", platforms.feishu_robot),
    ):
        seen = {chat.ref: chat for chat in session.scalars(select(Chat).where(Chat.platform == platform))}
        if seen and not all(robot.chat_id for robot in robots):
            lines = [f'{_group_called(chat)}：chat_id = "{chat.ref}"' for chat in seen.values()]
            yield ok(f"{NAMES[platform]}见过的群，填 chat_id 用", "\n".join(lines))
        for robot in robots:
            if robot.chat_id and robot.chat_id not in seen:
                yield warn(
                    f"{bot_called(kind, robot.name)} 的 chat_id {robot.chat_id} 不是小蜂见过的群",
                    "大小写要一样。小蜂还没有进过那个群的，先在群里 @ 它说一句话，再运行一次",
                )
    for bot in platforms.wecom_aibot:
        if bot.mode == "callback":
            yield from _without_robot(session, bot.name, {robot.chat_id for robot in platforms.wecom_robot})


def _group_called(chat: Chat) -> str:
    return (chat.organisation and chat.organisation.name) or chat.title or "还没有绑定的群"


def _without_robot(session: Session, bot: str, with_robot: Iterable[str]) -> Iterator[Finding]:
    """A robot that is called back cannot begin to speak in a group (page 101138)."""
    mine = Chat.platform == "wecom_aibot", Chat.bot == bot, Chat.organisation_id.is_not(None)
    query = select(Chat).where(*mine, Chat.ref.not_in(with_robot)).order_by(Chat.id)
    lines = [f'{_group_called(chat)}：chat_id = "{chat.ref}"' for chat in session.scalars(query)]
    if lines:
        yield warn(
            f"{bot_called('wecom_aibot', bot)} 用 URL 回调，有 {len(lines)} 个绑定的群还没有群机器人，收不到提醒和周报",
            "在每个群里添加消息推送，写一段 [[platforms.wecom_robot]]，填它的 webhook_url 和下面的 chat_id：\n"
            + "\n".join(lines),
        )


def _open311(session: Session, settings: Settings) -> Iterator[Finding]:
    """What other systems report needs somebody to go to."""
    for system in settings.open311:
        organisation = find_organisation(session, system.organisation)
        if organisation is None:
            yield bad(
                f"[[open311]] {system.name} 的组织「{system.organisation}」名册里没有，或者不止一个，报来的隐患收不了",
                "organisation 要写名册里的名字；重名的写全路径，例如 兰州市快递行业党委/顺丰速运党支部",
            )
        else:
            yield ok(f"[[open311]] {system.name} 报来的隐患归{organisation.name}")


def _held(session: Session) -> Iterator[Finding]:
    query = select(Post.platform, Post.bot, Post.to_person).where(held())
    waiting = Counter((platform, bot, to_person) for platform, bot, to_person in session.execute(query))
    if waiting:
        what = "、".join(
            f"{bot_called(platform, bot)} 的{'私聊' if to_person else '群'} {count} 条"
            for (platform, bot, to_person), count in sorted(waiting.items())
        )
        yield warn(
            f"有 {sum(waiting.values())} 条消息在等对方先说话：{what}",
            "平台不让先开口：请那个人私下跟小蜂说句话，群里的就 @ 它说句话，马上就发出去。\n"
            f"等了 {HELD_FOR.days} 天的作废；群里的也可以配群机器人来发",
        )


def _photos(session: Session, clock: Clock) -> Iterator[Finding]:
    query = select(Download.error).where(
        Download.state == DownloadState.REFUSED, Download.created_at >= clock() - RECENT
    )
    reasons = Counter(session.scalars(query))
    if not reasons:
        return
    what = "、".join(f"{reason} {count} 张" for reason, count in sorted(reasons.items(), key=str))
    to_do = "发的人已经知道了，请他再发一次"
    if reasons[FAKE_NAMES]:
        to_do += (
            "\nprivate_address：照片的链接解析成了内网地址，多半是代理软件接管了 DNS（fake-ip，198.18 开头），请关掉它"
        )
    yield warn(f"最近 {RECENT.days} 天有 {sum(reasons.values())} 张照片没有取到：{what}", to_do)


def _dead_letters(session: Session) -> Iterator[Finding]:
    messages = session.scalars(select(func.count()).select_from(Claim).where(Claim.outcome == Outcome.DEAD)).one()
    posts = session.scalars(select(func.count()).select_from(Post).where(Post.state == PostState.DEAD)).one()
    if messages or posts:
        yield warn(f"有 {messages} 条消息没处理成、{posts} 条内容没发出去", "运行 jufeng dead-letters list 查看")
