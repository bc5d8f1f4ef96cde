"""One Feishu app: its fields, its credentials, its bot, its permissions and its callback address."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import httpx

from bot.clock import Clock
from bot.delivery import Refused, RetryLater, Uncertain
from bot.doctor.findings import Finding, bad, ok, warn
from bot.doctor.names import bot_called
from bot.doctor.reaching import PATIENCE, Cloud, clock_of, is_address, stranger, unreached
from bot.platforms.feishu.client import FeishuClient
from bot.settings import FeishuSettings

CLOUD = Cloud("飞书", "api_base", "https://open.feishu.cn")
ENABLED = 2
"""``activate_status`` of a bot that works (page ``uAjMxEjLwITMx4CMyETM``)."""
GRANTED = 1
"""``grant_status`` of a permission (page ``application-v6/scope/list``)."""


class Need(NamedTuple):
    """Something that the bot does, whether it is useless without it, and the permissions of which any one will do."""

    what: str
    vital: bool
    scopes: tuple[str, ...]


def _permissions_to_grant(needs: Iterable[Need]) -> str:
    lines = "\n".join(f"{need.what}：{need.scopes[0]}" for need in needs)
    return f"开发者后台 → 权限管理，开通这几项，然后发布新版本：\n{lines}"


SCOPES = (
    Need("收私聊", True, ("im:message.p2p_msg:readonly", "im:message.p2p_msg")),
    Need(
        "收群里 @ 它的话",
        True,
        (
            "im:message.group_at_msg:readonly",
            "im:message.group_at_msg",
            "im:message.group_at_msg.include_bot:readonly",
            "im:message.group_msg",
            "im:message.group_msg:readonly",
        ),
    ),
    Need("收群里没有 @ 它的「签到」「收到」和照片", False, ("im:message.group_msg", "im:message.group_msg:readonly")),
    Need("发消息和卡片", True, ("im:message:send_as_bot", "im:message")),
    Need("用表情打勾", False, ("im:message.reactions:write_only", "im:message")),
    Need("看大家发来的照片", False, ("im:message:readonly", "im:message")),
    Need("发照片和文件", False, ("im:resource", "im:resource:upload")),
    Need("知道自己被拉进了群", False, ("im:chat.members:bot_access", "im:chat:readonly", "im:chat")),
    Need("知道群里有谁、谁进来谁离开", False, ("im:chat.members:read", "im:chat:readonly")),
    Need("知道自己在哪些群里", False, ("im:chat:readonly", "im:chat")),
)
"""Pages ``im-v1/message/create``, ``im-v1/message-reaction/create``, ``im-v1/message-resource/get``,
``im-v1/image/create``, ``im-v1/chat/list``, ``im-v1/chat-members/get`` and those of the events."""

CODES = {
    "10003": ("App ID 或 App Secret 不对", "开发者后台 → 凭证与基础信息，重新复制 app_id 和 app_secret"),
    "10014": ("App ID 或 App Secret 不对", "开发者后台 → 凭证与基础信息，重新复制 app_id 和 app_secret"),
    "11205": ("这个应用没有机器人能力", "开发者后台 → 添加应用能力 → 机器人，然后发布新版本"),
    "230006": ("这个应用没有机器人能力", "开发者后台 → 添加应用能力 → 机器人，然后发布新版本"),
    "99991400": ("调用太频繁", "过一分钟再运行一次"),
    "99991401": (
        "飞书不让这台机器调用：它的公网 IP 不在白名单里",
        "开发者后台 → 安全设置 → IP 白名单，加上这台机器的公网 IP",
    ),
    "99991403": ("这个月的免费调用次数用完了", "飞书管理后台 → 费用中心，增加额度，或者等下个月"),
    "99991672": ("应用缺少权限", _permissions_to_grant(SCOPES)),
}
"""What Feishu's codes mean for an operator (pages ``ugjM14COyUjL4ITN`` and ``im-v1/message/create``)."""

CALLBACKS = """\
开发者后台 → 事件与回调 → 「事件配置」和「回调配置」，都选「发送至开发者服务器」，请求地址都填上面这个
「事件配置」里一定要添加 im.message.receive_v1（接收消息）和 im.chat.member.bot.added_v1（机器人进群）
要让它知道群里有谁，再添加 im.chat.member.user.added_v1、im.chat.member.user.deleted_v1、\
im.chat.member.user.withdrawn_v1
要让它在别人第一次打开私聊时打招呼，再添加 im.chat.access_event.bot_p2p_chat_entered_v1
配了机器人菜单的，再添加 application.bot.menu_v6
「回调配置」里添加 card.action.trigger（卡片回传交互）
最后到「版本管理与发布」发布新版本，改动才会生效"""


async def examine_app(app: FeishuSettings, public_url: str, clock: Clock) -> list[Finding]:
    """Everything about one app; asks Feishu itself only where the fields for that are filled in."""
    name = bot_called("feishu", app.name)
    findings = list(_fields(app, name))
    if public_url:
        address = f"{public_url.rstrip('/')}/webhooks/feishu/{app.name}"
        findings.append(ok(f"{name} 的回调地址：{address}", CALLBACKS))
    if app.app_id and app.app_secret and is_address(app.api_base):
        findings += await _ask(app, name, clock)
    return findings


def _fields(app: FeishuSettings, name: str) -> Iterator[Finding]:
    if missing := [key for key in ("app_id", "app_secret") if not getattr(app, key)]:
        yield bad(f"{name} 没有填 {'、'.join(missing)}", "开发者后台 → 凭证与基础信息，复制过来")
    if not (app.encrypt_key or app.verification_token):
        yield bad(
            f"{name} 没有填 encrypt_key 和 verification_token，消息会被全部拒收",
            "开发者后台 → 事件与回调 → 加密策略，两项都复制过来",
        )
    elif not app.encrypt_key:
        yield warn(
            f"{name} 没有填 encrypt_key，消息在路上没有加密", "开发者后台 → 事件与回调 → 加密策略，生成一个再复制过来"
        )
    if not is_address(app.api_base):
        yield bad(f"{name} 的 api_base 不是网址", f'一般写 "{CLOUD.usual}"')


async def _ask(app: FeishuSettings, name: str, clock: Clock) -> list[Finding]:
    client = FeishuClient(app, clock, PATIENCE)
    try:
        bot = (await client.call("GET", "/bot/v3/info")).get("bot")
        return [
            ok(f"{name} 的凭证可以用"),
            _bot(name, bot if isinstance(bot, dict) else {}),
            await _permissions(client, name),
            *await _clock(app, clock),
        ]
    except (RetryLater, Refused, Uncertain) as error:
        return [_failure(name, error)]
    finally:
        await client.close()


def _bot(name: str, bot: dict[str, Any]) -> Finding:
    if not bot.get("open_id"):
        return bad(f"{name} 没有机器人", CODES["11205"][1])
    if bot.get("activate_status") != ENABLED:
        return warn(
            f"{name} 的机器人还没有启用（activate_status {bot.get('activate_status')}）",
            "开发者后台 → 版本管理与发布，发布一个版本，请企业管理员通过",
        )
    return ok(f"{name} 的机器人叫「{bot.get('app_name', '')}」，已经启用（{bot['open_id']}）")


async def _permissions(client: FeishuClient, name: str) -> Finding:
    try:
        data = (await client.call("GET", "/application/v6/scopes")).get("data")
    except (RetryLater, Refused, Uncertain):
        return warn(f"{name} 的权限查不到，请自己核对", _permissions_to_grant(SCOPES))
    granted = _granted(data if isinstance(data, dict) else {})
    missing = [need for need in SCOPES if granted.isdisjoint(need.scopes)]
    if not missing:
        return ok(f"{name} 的权限齐了")
    finding = bad if any(need.vital for need in missing) else warn
    return finding(f"{name} 缺 {len(missing)} 项权限", _permissions_to_grant(missing))


def _granted(data: dict[str, Any]) -> set[str]:
    scopes = data.get("scopes")
    return {
        str(scope.get("scope_name"))
        for scope in (scopes if isinstance(scopes, list) else [])
        if isinstance(scope, dict) and scope.get("grant_status") == GRANTED
    }


async def _clock(app: FeishuSettings, clock: Clock) -> list[Finding]:
    try:
        return await clock_of(CLOUD, app.api_base, clock)
    except httpx.RequestError:
        return []  # it has just answered


def _failure(name: str, error: RetryLater | Refused | Uncertain) -> Finding:
    if finding := unreached(name, CLOUD, error):
        return finding
    code = str(error)
    if code.startswith("http_"):
        return stranger(name, CLOUD, code)
    what, to_do = CODES.get(code, ("飞书拒绝了", f"请在飞书开放平台的文档里搜索错误码 {code}"))
    return bad(f"{name}：{what}（错误码 {code}）", to_do)
