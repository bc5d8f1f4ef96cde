"""The doctor against a fake Feishu cloud and real databases: it says what to do, and shows no secret and no trace."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from bot.clock import system_clock
from bot.content import Text, dump
from bot.doctor import Level, exit_code, render, run
from bot.doctor.feishu import SCOPES
from bot.doctor.machine import key_path
from bot.posting import Address, post_row
from bot.roster import import_roster, read_roster
from bot.settings import FeishuSettings, Settings
from models.base import new_id
from models.chats import Chat
from models.database import Database
from models.downloads import Download, DownloadState
from models.organisations import Organisation, OrganisationKind
from models.outbox import Post, PostKind, PostState
from models.people import Person
from tests.conftest import KEY, START
from tests.contracts.examining import findings_for, said, settings_for, troubles
from tests.fakes.feishu_callbacks import BOT_OPEN_ID
from tests.fakes.feishu_cloud import APP_ID, APP_SECRET, FeishuCloud
from tests.unit.city import City

pytestmark = pytest.mark.anyio
EVERY_SCOPE = tuple(need.scopes[0] for need in SCOPES)


class Cloud(FeishuCloud):
    """The fake cloud with such permissions, and a bot in such a state."""

    def __init__(self, scopes: Iterable[str] = EVERY_SCOPE, *, info_code: int = 0, status: int = 2) -> None:
        super().__init__()
        self.grant(scopes)
        self.refuse("info", info_code)
        self.activate_status = status


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud() as serving:
        yield serving


def app(
    api_base: str, *, app_id: str = APP_ID, app_secret: str = APP_SECRET, key: str = "the encrypt key"
) -> FeishuSettings:
    return FeishuSettings(
        app_id=app_id, app_secret=app_secret, encrypt_key=key, verification_token="the token", api_base=api_base
    )


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def make_key(tmp_path: Path, content: str = KEY.hex(), mode: int = 0o600) -> Path:
    path = key_path(tmp_path / "data")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    return path


def import_people(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("组织,姓名,手机\n某党委/某党支部,张三,13800000001\n", encoding="utf-8")
    with database.write.begin() as session:
        import_roster(session, read_roster(path), START)


async def test_a_healthy_installation(tmp_path: Path, cloud: Cloud, database: Database, database_address: str) -> None:
    make_key(tmp_path)
    import_people(database, tmp_path)
    with database.write.begin() as session:
        for number, organisation in enumerate(session.scalars(select(Organisation))):
            session.add(
                Chat(
                    platform="feishu",
                    bot="main",
                    ref=f"oc_{number}",
                    title="",
                    organisation=organisation,
                    seen_at=START,
                )
            )

    found = await findings_for(settings_for(tmp_path, app(cloud.url), url=database_address))

    assert troubles(found) == []
    assert exit_code(found) == 0
    assert render(found).endswith("\n一切正常。")
    told = render(found)
    assert "✓ 飞书应用 main 的凭证可以用" in told
    assert f"✓ 飞书应用 main 的机器人叫「小蜂」，已经启用（{BOT_OPEN_ID}）" in told
    assert "✓ 飞书应用 main 的回调地址：https://bot.example.org/webhooks/feishu/main" in told
    assert "card.action.trigger" in told
    assert "时钟和飞书一致" in told


async def test_an_empty_sandbox_is_well(tmp_path: Path) -> None:
    found = await findings_for(settings_for(tmp_path, public_url="", admins=()))

    assert exit_code(found) == 0
    assert troubles(found) == []
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("changed", "expected", "to_do"),
    [
        ({"app_secret": "wrong"}, "飞书应用 main：App ID 或 App Secret 不对（错误码 10014）", "凭证与基础信息"),
        ({"app_id": "cli_wrong"}, "飞书应用 main：App ID 或 App Secret 不对（错误码 10003）", "凭证与基础信息"),
        ({"app_secret": "", "app_id": ""}, "飞书应用 main 没有填 app_id、app_secret", "凭证与基础信息"),
        ({"api_base": "http://127.0.0.1:9"}, "飞书应用 main：连不上飞书", "防火墙"),
        (
            {"api_base": "http://feishu.invalid"},
            "飞书应用 main：找不到飞书的服务器（域名解析不了）",
            "DNS",
        ),
        ({"api_base": "open.feishu.cn"}, "飞书应用 main 的 api_base 不是网址", "https://open.feishu.cn"),
        (
            {"key": "", "verification_token": ""},
            "飞书应用 main 没有填 encrypt_key 和 verification_token，消息会被全部拒收",
            "加密策略",
        ),
    ],
)
async def test_what_is_wrong_with_an_app(
    tmp_path: Path, cloud: Cloud, changed: dict[str, str], expected: str, to_do: str
) -> None:
    update = {"encrypt_key" if key == "key" else key: value for key, value in changed.items()}

    found = await findings_for(settings_for(tmp_path, app(cloud.url).model_copy(update=update)))

    [finding] = [finding for finding in found if finding.level is Level.BAD]
    assert finding.what == expected
    assert to_do in finding.to_do
    assert exit_code(found) == 1


@pytest.mark.parametrize(
    ("code", "expected", "to_do"),
    [
        (99991401, "飞书应用 main：飞书不让这台机器调用：它的公网 IP 不在白名单里（错误码 99991401）", "IP 白名单"),
        (99991672, "飞书应用 main：应用缺少权限（错误码 99991672）", "im:message:send_as_bot"),
        (4242, "飞书应用 main：飞书拒绝了（错误码 4242）", "错误码 4242"),
    ],
)
async def test_what_feishu_refuses(tmp_path: Path, code: int, expected: str, to_do: str) -> None:
    with Cloud(info_code=code) as cloud:
        found = await findings_for(settings_for(tmp_path, app(cloud.url)))

    [finding] = [finding for finding in found if finding.level is Level.BAD]
    assert finding.what == expected
    assert to_do in finding.to_do


async def test_permissions_and_state_of_the_bot(tmp_path: Path) -> None:
    with Cloud([*EVERY_SCOPE[:2], *EVERY_SCOPE[4:]], status=1) as cloud:
        found = await findings_for(settings_for(tmp_path, app(cloud.url)))

    assert troubles(found) == ["飞书应用 main 的机器人还没有启用（activate_status 1）", "飞书应用 main 缺 2 项权限"]
    missing = next(finding for finding in found if finding.what.endswith("缺 2 项权限"))
    assert missing.level is Level.BAD
    assert missing.to_do.splitlines()[1:] == [
        "收群里没有 @ 它的「签到」「收到」和照片：im:message.group_msg",
        "发消息和卡片：im:message:send_as_bot",
    ]


async def test_permissions_that_cannot_be_listed_are_named(tmp_path: Path) -> None:
    with FeishuCloud() as cloud:
        found = await findings_for(settings_for(tmp_path, app(cloud.url)))

    assert troubles(found) == ["飞书应用 main 的权限查不到，请自己核对"]


async def test_something_else_answers(tmp_path: Path, cloud: Cloud) -> None:
    found = await findings_for(settings_for(tmp_path, app(f"{cloud.url}/elsewhere")))

    assert troubles(found) == ["飞书应用 main：回答的不是飞书（http_404）"]


async def test_a_clock_that_is_slow(tmp_path: Path, cloud: Cloud) -> None:
    found = await findings_for(settings_for(tmp_path, app(cloud.url)), lambda: system_clock() - timedelta(minutes=5))

    [trouble] = troubles(found)
    assert trouble.startswith("这台机器的时钟比飞书慢 ")


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [
        ("", "没有填 server.public_url，平台的消息送不进来"),
        ("bot.example.org", "server.public_url 不是网址"),
        ("https://[::1", "server.public_url 不是网址"),
        ("https://bot.example.org/", "server.public_url 后面多了东西"),
        ("https://bot.example.org/bot", "server.public_url 后面多了东西"),
        ("https://192.168.1.2", "server.public_url 是内网地址（192.168.1.2），平台从公网送不进来"),
        ("https://localhost", "server.public_url 是内网地址（localhost），平台从公网送不进来"),
        ("http://bot.example.org", "server.public_url 是 http，消息在路上没有加密"),
    ],
)
async def test_the_public_address(tmp_path: Path, cloud: Cloud, public_url: str, expected: str) -> None:
    assert troubles(await findings_for(settings_for(tmp_path, app(cloud.url), public_url=public_url))) == [expected]


async def test_admins(tmp_path: Path) -> None:
    admins = ("feishu:ou_1", "ou_2", "weixin:x", "wecom:")

    found = await findings_for(settings_for(tmp_path, admins=admins))

    assert said(found, Level.BAD) == [f"bot.admins 里的「{admin}」认不出来" for admin in admins[1:]]


@pytest.mark.parametrize(
    ("content", "mode", "expected"),
    [
        (KEY.hex(), 0o644, "别的用户也能看（权限 644）"),
        ("short", 0o600, "的内容不对"),
        ("x" * 64, 0o600, "的内容不对"),
    ],
)
async def test_the_key_file(tmp_path: Path, content: str, mode: int, expected: str) -> None:
    path = make_key(tmp_path, content, mode)

    [trouble] = troubles(await findings_for(settings_for(tmp_path)))

    assert trouble.startswith(f"密钥文件 {path} ")
    assert trouble.endswith(expected)


async def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    found = await findings_for(settings_for(tmp_path))

    assert said(found, Level.BAD)[0] == f"数据文件夹 {tmp_path / 'data'} 写不进去"


async def test_records_that_lack_something(tmp_path: Path, database: Database, database_address: str) -> None:
    settings = settings_for(tmp_path, url=database_address)
    assert troubles(await findings_for(settings)) == ["名册还没有导入"]

    import_people(database, tmp_path)
    with database.write.begin() as session:
        session.add(Chat(platform="feishu", bot="main", ref="oc_1", title="", seen_at=START))
    assert troubles(await findings_for(settings)) == [
        f"密钥文件 {key_path(tmp_path / 'data')} 不见了，名册里的手机号打不开",
        "有 1 个群还没有绑定组织：飞书应用 main 的 oc_1",
        "有 2 个组织还没有群：某党委、某党支部",
    ]

    make_key(tmp_path)
    with database.write.begin() as session:
        session.execute(text("UPDATE people SET phone = :phone"), {"phone": bytes(40)})
    assert "密钥文件和数据库不是一套，手机号和诉求打不开" in troubles(await findings_for(settings))
    with database.read() as session:
        assert len(session.scalars(select(Person.id)).all()) == 1


async def test_who_gets_what_other_systems_report(tmp_path: Path, database: Database, database_address: str) -> None:
    with database.write.begin() as session:
        city = City(session)
        committees = [city.organisation(name, OrganisationKind.COMMITTEE) for name in ("某党委", "别的党委")]
        for committee in committees:
            city.organisation("支部", parent=committee)
    systems = [
        {"name": name, "key": "the password of it", "organisation": organisation}
        for name, organisation in (("a", "某党委"), ("b", "别的党委/支部"), ("c", "支部"), ("d", "党委"), ("e", ""))
    ]
    settings = Settings.model_validate(settings_for(tmp_path, url=database_address).model_dump() | {"open311": systems})

    found = [finding for finding in await findings_for(settings) if "open311" in finding.what]

    assert said(found, Level.OK) == ["[[open311]] a 报来的隐患归某党委", "[[open311]] b 报来的隐患归支部"]
    assert [what[:13] for what in said(found, Level.BAD)] == [f"[[open311]] {name}" for name in "cde"]


def seen(bot: str, ref: str, title: str = "", organisation: Organisation | None = None) -> Chat:
    platform, _, name = bot.partition(" ")
    return Chat(platform=platform, bot=name, ref=ref, title=title, organisation=organisation, seen_at=START)


async def test_groups_are_named_as_well_as_they_can_be(
    tmp_path: Path, database: Database, database_address: str
) -> None:
    with database.write.begin() as session:
        session.add_all([seen("feishu main", "oc_1", "东区群"), seen("wecom_aibot main", "wrAb1")])
        session.add_all(seen("feishu main", f"oc_{number}") for number in range(2, 6))

    [found] = [t for t in troubles(await findings_for(settings_for(tmp_path, url=database_address))) if "绑定" in t]

    assert found == (
        "有 6 个群还没有绑定组织：飞书应用 main 的「东区群」oc_1、企业微信智能机器人 main 的 wrAb1、"
        "飞书应用 main 的 oc_2、飞书应用 main 的 oc_3、飞书应用 main 的 oc_4等"
    )


async def test_what_waits_for_people_to_speak(tmp_path: Path, database: Database, database_address: str) -> None:
    places = [
        Address("wecom_aibot", "main", "wr1"),
        Address("wecom_aibot", "main", "li", to_person=True),
        Address("official_account", "main", "o1", to_person=True),
        Address("official_account", "main", "o2", to_person=True),
    ]
    rows = [post_row(place, PostKind.POST, dump(Text("提醒")), START) | {"state": PostState.HELD} for place in places]
    with database.write.begin() as session:
        session.execute(insert(Post), rows)

    [found] = [t for t in troubles(await findings_for(settings_for(tmp_path, url=database_address))) if "等对方" in t]

    assert found == (
        "有 4 条消息在等对方先说话：微信公众号 main 的私聊 2 条、"
        "企业微信智能机器人 main 的群 1 条、企业微信智能机器人 main 的私聊 1 条"
    )


def lost(error: str, at: datetime) -> Download:
    return Download(
        name=f"{new_id()}.jpg",
        platform="wecom_aibot",
        bot="main",
        sender="li",
        source="the link",
        state=DownloadState.REFUSED,
        created_at=at,
        attempts=0,
        error=error,
        message_id=1,
    )


async def test_photos_that_were_lost(tmp_path: Path, database: Database, database_address: str) -> None:
    long_ago, lately = system_clock() - timedelta(days=8), system_clock() - timedelta(days=1)
    with database.write.begin() as session:
        session.add_all([lost("private_address", lately), lost("http_404", lately), lost("http_404", long_ago)])

    found = await findings_for(settings_for(tmp_path, url=database_address))

    [finding] = [finding for finding in found if "照片" in finding.what]
    assert finding.what == "最近 7 天有 2 张照片没有取到：http_404 1 张、private_address 1 张"
    assert "198.18" in finding.to_do
    assert "the link" not in render(found)


@pytest.mark.parametrize(
    ("revision", "level", "expected"),
    [
        ("0000_before", Level.BAD, "数据库结构（0000_before）比这个程序新"),
        (None, Level.WARN, "数据库里还没有建表"),
    ],
)
async def test_another_schema(
    tmp_path: Path, database: Database, database_address: str, revision: str | None, level: Level, expected: str
) -> None:
    with database.write.begin() as session:
        session.execute(text("DELETE FROM alembic_version"))
        if revision:
            session.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})

    assert said(await findings_for(settings_for(tmp_path, url=database_address)), level) == [expected]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nonsense", "database.url 看不懂"),
        ("postgresql://u:the password@h/d", "database.url 用的是 postgresql"),
        (
            "postgresql+psycopg://u:the password@127.0.0.1:9/d",
            "数据库 postgresql+psycopg://u:***@127.0.0.1:9/d 打不开：connection failed",
        ),
    ],
)
async def test_databases_that_cannot_be_opened(tmp_path: Path, url: str, expected: str) -> None:
    [trouble] = troubles(await findings_for(settings_for(tmp_path, url=url)))

    assert trouble.startswith(expected)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "broken.db"
    path.write_bytes(b"no database" * 100)

    [trouble] = troubles(await findings_for(settings_for(tmp_path, url=f"sqlite:///{path}")))

    assert trouble == f"数据库 sqlite:///{path} 打不开：file is not a database"


def test_the_command(tmp_path: Path, database: Database, database_address: str) -> None:
    make_key(tmp_path)
    import_people(database, tmp_path)
    written: list[str] = []

    assert run(settings_for(tmp_path, url=database_address), written.append) == 0
    make_key(tmp_path, "1" * 64)
    assert run(settings_for(tmp_path, url=database_address), written.append) == 1
    make_key(tmp_path, "damaged")
    assert run(settings_for(tmp_path, url=database_address), written.append) == 1

    assert "! 有 2 个组织还没有群：某党委、某党支部" in written[0]
    assert "✗ 密钥文件和数据库不是一套，手机号和诉求打不开" in written[1]
    assert "的内容不对" in written[2]
