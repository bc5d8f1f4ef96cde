"""The doctor and WeCom's 智能机器人: it never kicks the server off its connection, and says what reminders lack."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.delivery import RetryLater
from bot.doctor import Level, render
from bot.ownership import Ownership
from bot.platforms.wecom_aibot.protocol import Timing
from models.chats import Chat
from models.database import Database
from models.organisations import Organisation, OrganisationKind
from tests.conftest import START
from tests.contracts.examining import AES_KEY, findings_for, said, settings_for, troubles
from tests.fakes.official_account import OfficialAccountCloud
from tests.fakes.wecom_gateway import BOT_ID, SECRET, WecomGateway

pytestmark = pytest.mark.anyio
BOT = "企业微信智能机器人 main"


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine's DNS says."""
    give_names(monkeypatch, ["203.0.113.9"])


def give_names(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    async def resolved(host: str, port: int) -> list[str]:
        if not addresses:
            raise RetryLater("resolve", 0.0)
        return addresses

    monkeypatch.setattr("bot.doctor.wecom_aibot.resolved", resolved)


@pytest.fixture
def gateway() -> Iterator[WecomGateway]:
    with WecomGateway() as serving:
        yield serving


def connected(gateway: WecomGateway | str, **changed: Any) -> dict[str, Any]:
    url = gateway if isinstance(gateway, str) else gateway.url
    return {"bot_id": BOT_ID, "secret": SECRET, "ws_url": url} | changed


def called(**changed: Any) -> dict[str, Any]:
    return {"mode": "callback", "token": "the token", "encoding_aes_key": AES_KEY} | changed


async def test_a_connection_that_nobody_holds_is_tried(tmp_path: Path, gateway: WecomGateway) -> None:
    found = await findings_for(settings_for(tmp_path, public_url="", wecom_aibot=[connected(gateway)]))

    assert troubles(found) == ["没有填 server.public_url，消息进得来，但签到二维码、台账网页和材料的链接做不出来"]
    assert f"✓ {BOT} 的 Bot ID 和 Secret 可以用，长连接连得上" in render(found)
    assert gateway.record.requests["aibot_subscribe"] == 1
    gateway.wait_until(lambda: not gateway.connected)


async def test_the_running_server_is_left_alone(
    tmp_path: Path, gateway: WecomGateway, database: Database, database_address: str
) -> None:
    settings = settings_for(tmp_path, url=database_address, wecom_aibot=[connected(gateway)])
    server = Ownership(database, "wecom_aibot:main")
    assert await server.hold()

    found = await findings_for(settings)

    assert f"✓ {BOT}：连得上企业微信的服务器" in render(found)
    assert f"✓ {BOT} 的长连接在正在运行的服务手里，没有试连：再连一次会把它挤下线" in render(found)
    assert gateway.record.requests["aibot_subscribe"] == 0

    await server.release()
    assert f"✓ {BOT} 的 Bot ID 和 Secret 可以用，长连接连得上" in render(await findings_for(settings))


async def test_nothing_is_tried_while_the_database_cannot_tell(tmp_path: Path, gateway: WecomGateway) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database" * 100)

    found = await findings_for(settings_for(tmp_path, url=f"sqlite:///{broken}", wecom_aibot=[connected(gateway)]))

    assert f"{BOT} 没有试连：数据库打不开，不知道服务是不是正连着" in said(found, Level.WARN)
    assert gateway.record.requests["aibot_subscribe"] == 0


@pytest.mark.parametrize(
    ("changed", "level", "expected", "to_do"),
    [
        ({"secret": "wrong"}, Level.BAD, "：企业微信不认 bot_id 和 secret（错误码 40001）", "Bot ID 和 Secret"),
        ({"bot_id": "", "secret": ""}, Level.BAD, " 没有填 bot_id、secret", "使用长连接"),
        ({"ws_url": "https://openws.work.weixin.qq.com"}, Level.BAD, " 的 ws_url 不是网址", "wss://"),
        ({"ws_url": "ws://127.0.0.1:9"}, Level.BAD, "：连不上企业微信", "防火墙"),
        ({"ws_url": "ws://openws.invalid"}, Level.BAD, "：找不到企业微信的服务器（域名解析不了）", "ws_url"),
        (
            {"token": "the token"},
            Level.WARN,
            ' 两种方式都填了，现在用的是长连接（mode = "websocket"）',
            "只能选一种",
        ),
    ],
)
async def test_what_is_wrong_with_a_connected_bot(
    tmp_path: Path, gateway: WecomGateway, changed: dict[str, Any], level: Level, expected: str, to_do: str
) -> None:
    found = await findings_for(settings_for(tmp_path, wecom_aibot=[connected(gateway, **changed)]))

    [finding] = [finding for finding in found if finding.level is not Level.OK]
    assert (finding.level, finding.what) == (level, BOT + expected)
    assert to_do in finding.to_do


@pytest.mark.parametrize(
    ("code", "level", "expected"),
    [
        (45009, Level.WARN, "：连得太频繁（错误码 45009）"),
        (-1, Level.WARN, "：企业微信一时忙不过来（-1）"),
    ],
)
async def test_a_connection_that_is_refused_for_now(
    tmp_path: Path, gateway: WecomGateway, code: int, level: Level, expected: str
) -> None:
    gateway.fail_next(code)

    found = await findings_for(settings_for(tmp_path, wecom_aibot=[connected(gateway)]))

    assert said(found, level) == [BOT + expected]


async def test_a_page_answers(tmp_path: Path, gateway: WecomGateway) -> None:
    gateway.fail_next("html")
    found = await findings_for(settings_for(tmp_path, wecom_aibot=[connected(gateway)]))
    assert troubles(found) == [f"{BOT}：回答的不是企业微信"]


async def test_nobody_answers(tmp_path: Path, gateway: WecomGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.doctor.wecom_aibot.TIMING", Timing(ack=0.3, open=0.3))
    gateway.drop_acks()

    unanswered = await findings_for(settings_for(tmp_path, wecom_aibot=[connected(gateway)]))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"ws://127.0.0.1:{mute.getsockname()[1]}"
        unopened = await findings_for(settings_for(tmp_path, wecom_aibot=[connected(url)]))

    assert troubles(unanswered) == [f"{BOT}：企业微信很久没有回答"]
    assert troubles(unopened) == [f"{BOT}：企业微信很久没有回答"]


async def test_something_else_answers(tmp_path: Path) -> None:
    with OfficialAccountCloud() as web:
        url = web.url.replace("http://", "ws://")
        found = await findings_for(settings_for(tmp_path, wecom_aibot=[connected(url)]))

    assert troubles(found) == [f"{BOT}：回答的不是企业微信（InvalidStatus）"]


async def test_tls_that_cannot_be(tmp_path: Path, database: Database, database_address: str) -> None:
    """Held by a server, so that only the way there is looked at."""
    await Ownership(database, "wecom_aibot:main").hold()
    with OfficialAccountCloud() as plain:
        url = plain.url.replace("http://", "wss://")
        found = await findings_for(settings_for(tmp_path, url=database_address, wecom_aibot=[connected(url)]))

    assert said(found, Level.BAD) == [f"{BOT}：和企业微信的加密连接建不起来"]


async def test_a_called_bot(tmp_path: Path) -> None:
    app = {"corp_id": "", "api_base": "x"}

    found = await findings_for(settings_for(tmp_path, wecom_aibot=[called()], wecom_app=[app]))

    assert [what for what in troubles(found) if BOT in what] == []
    assert f"✓ {BOT} 的回调地址：https://bot.example.org/webhooks/wecom_aibot/main" in render(found)
    assert "没有填 server.public_url，平台的消息送不进来" in troubles(
        await findings_for(settings_for(tmp_path, public_url="", wecom_aibot=[called()]))
    )


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"token": ""}, " 没有填 token，消息会被全部拒收"),
        ({"encoding_aes_key": ""}, " 没有填 encoding_aes_key，消息会被全部拒收"),
        (
            {"encoding_aes_key": AES_KEY + "="},
            " 的 encoding_aes_key 不对（要 43 个字，现在是 44 个），消息会被全部拒收",
        ),
        ({"secret": SECRET}, ' 两种方式都填了，现在用的是 URL 回调（mode = "callback"）'),
    ],
)
async def test_what_is_wrong_with_a_called_bot(tmp_path: Path, changed: dict[str, Any], expected: str) -> None:
    found = await findings_for(settings_for(tmp_path, wecom_aibot=[called(**changed)]))

    assert troubles(found) == [BOT + expected, f"{BOT} 用 URL 回调，私下的提醒要等那个人先说话才发得出去"]


async def test_groups_that_reminders_cannot_reach(tmp_path: Path, database: Database, database_address: str) -> None:
    with database.write.begin() as session:
        for number, bot in enumerate(["main", "main", "other"], 1):
            branch = Organisation(
                name=f"{number}号支部", path=f"{number}号支部", kind=OrganisationKind.BRANCH, created_at=START
            )
            group = Chat(
                platform="wecom_aibot", bot=bot, ref=f"wr{number}", title="", organisation=branch, seen_at=START
            )
            session.add(group)
    robots = [{"name": "a", "chat_id": "wr1"}, {"name": "b", "chat_id": "WR2"}, {"name": "c"}]

    found = await findings_for(settings_for(tmp_path, url=database_address, wecom_aibot=[called()], wecom_robot=robots))

    assert "企业微信群机器人 b 的 chat_id WR2 不是小蜂见过的群" in said(found, Level.WARN)
    [groups] = [finding for finding in found if finding.what == "企业微信智能机器人见过的群，填 chat_id 用"]
    assert groups.to_do.splitlines()[2] == '3号支部：chat_id = "wr3"'
    [finding] = [finding for finding in found if "还没有群机器人" in finding.what]
    assert finding.what == f"{BOT} 用 URL 回调，有 1 个绑定的群还没有群机器人，收不到提醒和周报"
    assert finding.to_do.splitlines()[1:] == ['2号支部：chat_id = "wr2"']


@pytest.mark.parametrize("addresses", [["198.18.0.23"], ["2001:db8::1", "198.19.255.1"]])
async def test_a_proxy_that_makes_names_up(
    tmp_path: Path, gateway: WecomGateway, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    give_names(monkeypatch, addresses)

    found = await findings_for(settings_for(tmp_path, wecom_aibot=[connected(gateway)]))

    assert troubles(found) == [f"{BOT}：这台机器的 DNS 给的是假地址（198.18 开头），大家发的照片会全部取不到"]


async def test_no_names_at_all(tmp_path: Path, gateway: WecomGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    give_names(monkeypatch, [])

    assert troubles(await findings_for(settings_for(tmp_path, wecom_aibot=[connected(gateway)]))) == []
