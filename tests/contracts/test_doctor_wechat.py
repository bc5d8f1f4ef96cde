"""The doctor against the fake qyapi and api.weixin: apps, accounts, and robots that only post."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from bot.clock import system_clock
from bot.doctor import Finding, Level, render
from tests.contracts.examining import AES_KEY, findings_for, said, settings_for, troubles
from tests.fakes.feishu_cloud import FeishuCloud
from tests.fakes.official_account import APP_ID, OfficialAccountCloud
from tests.fakes.official_account import APP_SECRET as ACCOUNT_SECRET
from tests.fakes.qyapi import CORP_ID, CORP_SECRET, ROBOT_KEY, Fault, Qyapi
from tests.fakes.wechat_api import Call, JsonApi, Refusal

pytestmark = pytest.mark.anyio
APP = "企业微信自建应用 main"
ACCOUNT = "微信公众号 main"


class Untrusting(Qyapi):
    """Gives out tokens and then refuses this machine's address, of which it tells."""

    def get_media(self, call: Call) -> Response:
        raise Refusal(60020, "not allow to access from your ip, hint: [1700000000_1], from ip: 203.0.113.7, more info")


class AlsoUntrusting(OfficialAccountCloud):
    """The same of an account."""

    def _check_address(self) -> None:
        raise Refusal(40164, "invalid ip 203.0.113.8 ipv6 ::ffff:203.0.113.8, not in whitelist")


@pytest.fixture(scope="module")
def qyapi() -> Iterator[Qyapi]:
    with Qyapi() as serving:
        yield serving


@pytest.fixture(scope="module")
def weixin() -> Iterator[OfficialAccountCloud]:
    with OfficialAccountCloud() as serving:
        yield serving


def app(api: JsonApi | str, **changed: Any) -> dict[str, Any]:
    return {
        "corp_id": CORP_ID,
        "agent_id": 1000002,
        "secret": CORP_SECRET,
        "token": "the token",
        "encoding_aes_key": AES_KEY,
        "api_base": api if isinstance(api, str) else api.url,
    } | changed


def account(api: JsonApi, **changed: Any) -> dict[str, Any]:
    return {
        "app_id": APP_ID,
        "app_secret": ACCOUNT_SECRET,
        "token": "the token",
        "encoding_aes_key": AES_KEY,
        "api_base": api.url,
    } | changed


def the_trouble(found: list[Finding]) -> Finding:
    [finding] = [finding for finding in found if finding.level is not Level.OK]
    return finding


# The self-built app


async def test_a_good_app(tmp_path: Path, qyapi: Qyapi) -> None:
    found = await findings_for(settings_for(tmp_path, wecom_app=[app(qyapi)]))

    assert troubles(found) == []
    told = render(found)
    assert f"✓ 配置了：{APP}" in told
    assert f"✓ {APP} 的凭证可以用" in told
    assert f"✓ {APP}：企业微信让这台机器调用" in told
    assert f"✓ {APP} 的回调地址：https://bot.example.org/webhooks/wecom_app/main" in told
    assert "✓ 时钟和企业微信一致" in told
    assert qyapi.record.messages == []


@pytest.mark.parametrize(
    ("changed", "expected", "to_do"),
    [
        ({"secret": "wrong"}, f"{APP}：secret 不对（错误码 40001）", "Secret"),
        ({"corp_id": "ww_wrong"}, f"{APP}：corp_id 不对（错误码 40013）", "企业 ID"),
        ({"secret": "", "agent_id": 0}, f"{APP} 没有填 agent_id、secret", "AgentId"),
        ({"token": ""}, f"{APP} 没有填 token，消息会被全部拒收", "接收消息"),
        (
            {"encoding_aes_key": AES_KEY[:-1]},
            f"{APP} 的 encoding_aes_key 不对（要 43 个字，现在是 42 个），消息会被全部拒收",
            "EncodingAESKey",
        ),
        ({"encoding_aes_key": ""}, f"{APP} 没有填 encoding_aes_key，消息会被全部拒收", "EncodingAESKey"),
        ({"api_base": "qyapi"}, f"{APP} 的 api_base 不是网址", "https://qyapi.weixin.qq.com"),
        ({"api_base": "http://127.0.0.1:99999"}, f"{APP} 的 api_base 不是网址", "https://qyapi.weixin.qq.com"),
        ({"api_base": "http://127.0.0.1:9"}, f"{APP}：连不上企业微信", "防火墙"),
        ({"api_base": "http://qyapi.invalid"}, f"{APP}：找不到企业微信的服务器（域名解析不了）", "DNS"),
    ],
)
async def test_what_is_wrong_with_an_app(
    tmp_path: Path, qyapi: Qyapi, changed: dict[str, Any], expected: str, to_do: str
) -> None:
    found = await findings_for(settings_for(tmp_path, wecom_app=[app(qyapi, **changed)]))

    finding = the_trouble(found)
    assert (finding.level, finding.what) == (Level.BAD, expected)
    assert to_do in finding.to_do


async def test_an_app_that_only_speaks(tmp_path: Path, qyapi: Qyapi) -> None:
    silent = app(qyapi, token="", encoding_aes_key="")

    found = await findings_for(settings_for(tmp_path, wecom_app=[silent]))

    assert said(found, Level.WARN) == [f"{APP} 没有填 token 和 encoding_aes_key，只能发，大家跟它说的话会被拒收"]


async def test_an_address_that_is_not_trusted(tmp_path: Path) -> None:
    with Untrusting() as qyapi:
        found = await findings_for(settings_for(tmp_path, wecom_app=[app(qyapi)]))

    assert f"✓ {APP} 的凭证可以用" in render(found)
    finding = the_trouble(found)
    assert finding.what == f"{APP}：企业微信不让这台机器调用：它的公网 IP 不是企业可信 IP（错误码 60020）"
    assert "加上这台机器的公网 IP 203.0.113.7；" in finding.to_do


async def test_an_address_that_is_not_told(tmp_path: Path) -> None:
    with Qyapi() as qyapi:
        qyapi.trust(False)
        found = await findings_for(settings_for(tmp_path, wecom_app=[app(qyapi)]))

    finding = the_trouble(found)
    assert finding.what.endswith("不是企业可信 IP（错误码 60020）")
    assert "公网 IP（在这台机器上打开任何一个查 IP 的网页就能看到）" in finding.to_do


@pytest.mark.parametrize(
    ("fault", "api", "level", "expected"),
    [
        ("html", "gettoken", Level.BAD, "：回答的不是企业微信（http_200）"),
        ("error_502", "gettoken", Level.BAD, "：回答的不是企业微信（http_502）"),
        ("busy", "gettoken", Level.WARN, "：企业微信一时忙不过来（错误码 -1）"),
        ("html", "media/get", Level.BAD, "：回答的不是企业微信（http_200）"),
        ("limited", "media/get", Level.WARN, "：企业微信一时忙不过来（错误码 45009）"),
        ("expired_token", "media/get", Level.BAD, "：企业微信拒绝了（错误码 42001）"),
        ("lose_answer", "gettoken", Level.BAD, "：企业微信很久没有回答"),
    ],
)
async def test_odd_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, api: str, level: Level, expected: str
) -> None:
    monkeypatch.setattr("bot.doctor.wechat.PATIENCE", httpx.Timeout(0.3))
    with Qyapi() as qyapi:
        qyapi.fail_next(fault, api=api)
        found = await findings_for(settings_for(tmp_path, wecom_app=[app(qyapi)]))

    assert said(found, level) == [f"{APP}{expected}"]


# The official account


async def test_a_good_account(tmp_path: Path, weixin: OfficialAccountCloud) -> None:
    found = await findings_for(settings_for(tmp_path, official_account=[account(weixin)]))

    assert troubles(found) == []
    told = render(found)
    assert f"✓ {ACCOUNT} 的凭证可以用，微信让这台机器调用" in told
    assert f"✓ {ACCOUNT} 能不能主动发消息，要到后台看" in told
    assert f"✓ {ACCOUNT} 的回调地址：https://bot.example.org/webhooks/official_account/main" in told
    assert weixin.requests["token"] == 0  # it would end the token that the server goes by


@pytest.mark.parametrize(
    ("changed", "level", "expected", "to_do"),
    [
        ({"app_secret": "wrong"}, Level.BAD, f"{ACCOUNT}：app_secret 不对（错误码 40125）", "重置"),
        ({"app_id": "wx_wrong"}, Level.BAD, f"{ACCOUNT}：app_id 不对（错误码 40013）", "AppID"),
        ({"app_id": ""}, Level.BAD, f"{ACCOUNT} 没有填 app_id", "开发接口管理"),
        ({"token": ""}, Level.BAD, f"{ACCOUNT} 没有填 token，消息会被全部拒收", "令牌"),
        (
            {"encoding_aes_key": "short"},
            Level.BAD,
            f"{ACCOUNT} 的 encoding_aes_key 不对（要 43 个字，现在是 5 个），消息会被全部拒收",
            "安全模式",
        ),
        (
            {"encoding_aes_key": ""},
            Level.WARN,
            f"{ACCOUNT} 没有填 encoding_aes_key，消息在路上没有加密，也可能被人改过",
            "安全模式",
        ),
        ({"api_base": "x"}, Level.BAD, f"{ACCOUNT} 的 api_base 不是网址", "https://api.weixin.qq.com"),
    ],
)
async def test_what_is_wrong_with_an_account(
    tmp_path: Path, weixin: OfficialAccountCloud, changed: dict[str, Any], level: Level, expected: str, to_do: str
) -> None:
    found = await findings_for(settings_for(tmp_path, official_account=[account(weixin, **changed)]))

    finding = the_trouble(found)
    assert (finding.level, finding.what) == (level, expected)
    assert to_do in finding.to_do


async def test_an_account_whose_list_lacks_this_machine(tmp_path: Path) -> None:
    with AlsoUntrusting() as weixin:
        found = await findings_for(settings_for(tmp_path, official_account=[account(weixin)]))

    finding = the_trouble(found)
    assert finding.what == f"{ACCOUNT}：微信不让这台机器调用：它的公网 IP 不在白名单里（错误码 40164）"
    assert finding.to_do.endswith("加上这台机器的公网 IP 203.0.113.8")


async def test_a_proxy_in_the_way(tmp_path: Path) -> None:
    with OfficialAccountCloud() as weixin:
        weixin.fail_next("html", api="stable_token")
        found = await findings_for(settings_for(tmp_path, official_account=[account(weixin)]))

    assert troubles(found) == [f"{ACCOUNT}：回答的不是微信（http_200）"]


# Robots that only post


def hook(api: JsonApi | str, key: str = ROBOT_KEY) -> str:
    return f"{api if isinstance(api, str) else api.url}/cgi-bin/webhook/send?key={key}"


def robot(url: str, name: str = "east", chat_id: str = "wr1") -> dict[str, Any]:
    return {"name": name, "webhook_url": url, "chat_id": chat_id}


async def test_a_good_robot_posts_nothing(tmp_path: Path, qyapi: Qyapi) -> None:
    found = await findings_for(settings_for(tmp_path, public_url="", wecom_robot=[robot(hook(qyapi))]))

    assert troubles(found) == [
        "没有填 server.public_url，消息进得来，但签到二维码、台账网页和材料的链接做不出来",
        "企业微信群机器人 east 的 webhook_url 不是企业微信的网址",
    ]
    assert "✓ 企业微信群机器人 east 的服务器连得上（没有试发消息）" in render(found)
    assert qyapi.requests["webhook/send"] == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (robot(""), "没有填 webhook_url"),
        (robot("qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1"), "的 webhook_url 不对"),
        (robot("https://qyapi.weixin.qq.com/cgi-bin/webhook/send"), "的 webhook_url 不对"),
        (robot("https://[::1/?key=1"), "的 webhook_url 不对"),
    ],
)
async def test_what_is_wrong_with_a_robot(tmp_path: Path, values: dict[str, Any], expected: str) -> None:
    found = await findings_for(settings_for(tmp_path, wecom_robot=[values]))

    assert [what.removeprefix("企业微信群机器人 east").strip() for what in said(found, Level.BAD)] == [expected]


async def test_robots_that_stand_for_nothing_or_for_the_same(tmp_path: Path, qyapi: Qyapi) -> None:
    robots = [
        robot(hook(qyapi)),
        robot(hook(qyapi), name="west", chat_id=""),
        robot(hook(qyapi, "another"), name="north"),
    ]

    found = await findings_for(settings_for(tmp_path, wecom_robot=robots))

    assert said(found, Level.BAD) == [
        "企业微信群机器人 east、west 的 webhook_url 是同一个",
        "企业微信群机器人 east、north 的 chat_id 是同一个",
    ]
    assert "企业微信群机器人 west 没有填 chat_id，什么也不会从它那里发出去" in said(found, Level.WARN)
    assert "✓ 企业微信群机器人 east、west、north 的服务器连得上（没有试发消息）" in render(found)


async def test_a_robot_out_of_reach(tmp_path: Path) -> None:
    found = await findings_for(settings_for(tmp_path, wecom_robot=[robot(hook("http://127.0.0.1:9"))]))

    assert said(found, Level.BAD) == ["企业微信群机器人 east：连不上企业微信"]


async def test_robots_of_feishu(tmp_path: Path) -> None:
    with FeishuCloud() as cloud:
        cloud.add_robot("the hook", "the robot's secret")
        url = cloud.robot_url("the hook").replace(" ", "%20")
        good = robot(url, chat_id="oc_1") | {"secret": "the robot's secret"}
        odd = robot(f"{cloud.url}/elsewhere", name="west", chat_id="oc_2")
        found = await findings_for(settings_for(tmp_path, feishu_robot=[good, odd]))
        late = await findings_for(
            settings_for(tmp_path, feishu_robot=[good]), lambda: system_clock() - timedelta(seconds=7250)
        )

    assert said(found, Level.BAD) == ["飞书群机器人 west 的 webhook_url 不对"]
    assert said(found, Level.WARN) == [
        "飞书群机器人 east 的 webhook_url 不是飞书的网址",
        "飞书群机器人 west 没有填 secret，拿到地址的人都能冒充它",
    ]
    assert said(late, Level.WARN)[-1].startswith("这台机器的时钟比飞书慢 72")
    assert cloud.record.pushes == []
