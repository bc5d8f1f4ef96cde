"""The database: whether it answers, whether its schema is that of this version, and what the records lack."""

from collections.abc import Callable, Iterator
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, exists, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from bot.clock import Clock
from bot.doctor.clocks import compare
from bot.doctor.findings import Finding, bad, ok, warn
from bot.doctor.machine import key_path
from bot.settings import Settings
from models.chats import Chat
from models.database import Database, alembic_config
from models.inbox import Claim, Outcome
from models.organisations import Organisation, OrganisationKind
from models.outbox import Post, PostState
from models.people import Person
from models.sealing import Locked

DRIVERS = ("sqlite", "postgresql+psycopg")
WITH_CHATS = (OrganisationKind.COMMITTEE, OrganisationKind.BRANCH, OrganisationKind.UNIT)
"""What usually has a group of its own; a 党小组 meets in its branch's."""
NAMED = 5


def examine_records(settings: Settings, database_factory: Callable[[], Database], clock: Clock) -> list[Finding]:
    """Opens the database, looks, and closes it."""
    try:
        url = make_url(settings.database.url)
    except ArgumentError:
        return [
            bad("database.url 看不懂", '要写成 "sqlite:///data/jufeng.db" 或 "postgresql+psycopg://user@host/jufeng"')
        ]
    if url.drivername not in DRIVERS:
        return [bad(f"database.url 用的是 {url.drivername}", f"只支持 {' 和 '.join(DRIVERS)}")]
    if url.drivername == "sqlite" and not (url.database and Path(url.database).is_file()):
        return [ok("数据库还没有，第一次启动时会建", "也可以先运行 jufeng db upgrade")]
    try:
        database = database_factory()
    except (SQLAlchemyError, ImportError, OSError) as error:
        return [_unreachable(url, error)]
    try:
        return list(_examine(database, key_path(settings.bot.data_dir), clock))
    except SQLAlchemyError as error:
        return [_unreachable(url, error)]
    finally:
        database.close()


def _unreachable(url: URL, error: Exception) -> Finding:
    cause: object = error.orig if isinstance(error, DBAPIError) else type(error).__name__
    reason = str(cause).strip().partition("\n")[0]
    to_do = (
        "请检查这个文件的权限，以及磁盘有没有满"
        if url.drivername == "sqlite"
        else "请检查数据库开着没有，database.url 的地址、用户名、密码和库名对不对"
    )
    return bad(f"数据库 {url.render_as_string(hide_password=True)} 打不开：{reason}", to_do)


def _examine(database: Database, key: Path, clock: Clock) -> Iterator[Finding]:
    with database.read() as session:
        yield _engine(database)
        if not database.embedded:
            yield compare("数据库", session.scalars(select(func.clock_timestamp())).one(), clock())
        schema, current = _schema(session)
        yield schema
        if not current:
            return
        yield from _roster(session, key)
        yield from _chats(session)
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
    untied = session.scalars(select(func.count()).select_from(Chat).where(Chat.organisation_id.is_(None))).one()
    if untied:
        yield warn(f"有 {untied} 个群还没有绑定组织", "请书记在群里发「绑定 组织名」（责任单位的群由联系人来发）")
    tied = exists().where(Chat.organisation_id == Organisation.id)
    query = select(Organisation.name).where(Organisation.kind.in_(WITH_CHATS), ~tied).order_by(Organisation.path)
    if names := session.scalars(query).all():
        more = "等" if len(names) > NAMED else ""
        yield warn(
            f"有 {len(names)} 个组织还没有群：{'、'.join(names[:NAMED])}{more}",
            "把小蜂拉进它的群，再在群里发「绑定 组织名」。没有群的组织收不到提醒和周报",
        )


def _dead_letters(session: Session) -> Iterator[Finding]:
    messages = session.scalars(select(func.count()).select_from(Claim).where(Claim.outcome == Outcome.DEAD)).one()
    posts = session.scalars(select(func.count()).select_from(Post).where(Post.state == PostState.DEAD)).one()
    if messages or posts:
        yield warn(f"有 {messages} 条消息没处理成、{posts} 条内容没发出去", "运行 jufeng dead-letters list 查看")
