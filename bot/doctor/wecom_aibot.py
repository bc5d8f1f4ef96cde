"""One WeCom 智能机器人: its fields, the way it is connected, and whether that way is open."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import IPv4Network, ip_address

import httpx
from websockets.exceptions import WebSocketException

from bot.delivery import Closed, Refused, RetryLater, Uncertain
from bot.doctor.callbacks import address_of, examine_address, examine_key, examine_token
from bot.doctor.findings import Finding, bad, ok, warn
from bot.doctor.names import bot_called
from bot.doctor.reaching import Cloud, is_address, stranger, unreached
from bot.fetching import resolved
from bot.platforms.wecom_aibot.link import Link, open_link
from bot.platforms.wecom_aibot.protocol import NO_FRAME, SUBSCRIBE, TOO_OFTEN, Timing
from bot.platforms.wecom_aibot.socket import MAY_PASS
from bot.settings import WecomAibotSettings

CLOUD = Cloud("企业微信", "ws_url", "wss://openws.work.weixin.qq.com")
MEDIA_HOST = "ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com"
"""Where photos were seen to lie (contract §8)."""
MADE_UP = IPv4Network("198.18.0.0/15")
"""What proxies answer that take over the machine's DNS (RFC 2544 keeps these addresses for measurements)."""
TIMING = Timing(ack=5.0, open=5.0)

ROBOT = "企业微信 → 工作台 → 智能机器人 → 小蜂 → API 配置 → 连接方式"
CONNECTION = f"{ROBOT}选「使用长连接」，把 Bot ID 和 Secret 抄过来"
CALLED = f"{ROBOT}选「使用 URL 回调」，把 Token 和 EncodingAESKey 抄过来"
ONE_OF_TWO = "两种方式在后台只能选一种，换一种，另一种就停。请核对后台选的和 mode 一样，用不着的两项可以删掉"
WITH_APP = "再配一个自建应用（[[platforms.wecom_app]]），私下的话就由它发；或者改用长连接"
CALLBACK = f"""\
{ROBOT}选「使用 URL 回调」，URL 填上面这个
Token 和 EncodingAESKey 和 config.toml 里的一样，聚蜂要先跑着，再点保存"""

Owned = Callable[[str], Awaitable[bool | None]]
"""Whether a server holds the bot of this name; None: that cannot be known."""


async def examine_aibot(bot: WecomAibotSettings, public_url: str, owned: Owned, *, with_app: bool) -> list[Finding]:
    """Everything about one robot. Only where no server holds its connection a connection is tried.

    ``with_app``: there is a self-built app, which posts to people what the robot itself may not.
    """
    name = bot_called("wecom_aibot", bot.name)
    if bot.mode == "callback":
        address = address_of("wecom_aibot", bot.name, public_url)
        findings = [*_called_fields(bot, name), *examine_address(name, address, CALLBACK)]
        if not with_app:
            findings.append(warn(f"{name} 用 URL 回调，私下的提醒要等那个人先说话才发得出去", WITH_APP))
    else:
        findings = [*_connected_fields(bot, name), *await _connection(bot, name, owned)]
    return findings + await _names(name)


def _called_fields(bot: WecomAibotSettings, name: str) -> Iterator[Finding]:
    yield from examine_token(name, bot.token, CALLED)
    yield from examine_key(name, bot.encoding_aes_key, CALLED)
    if bot.bot_id or bot.secret:
        yield warn(f'{name} 两种方式都填了，现在用的是 URL 回调（mode = "callback"）', ONE_OF_TWO)


def _connected_fields(bot: WecomAibotSettings, name: str) -> Iterator[Finding]:
    if missing := [key for key in ("bot_id", "secret") if not getattr(bot, key)]:
        yield bad(f"{name} 没有填 {'、'.join(missing)}", CONNECTION)
    if not is_address(bot.ws_url, "wss", "ws"):
        yield bad(f"{name} 的 ws_url 不是网址", f'一般写 "{CLOUD.usual}"')
    if bot.token or bot.encoding_aes_key:
        yield warn(f'{name} 两种方式都填了，现在用的是长连接（mode = "websocket"）', ONE_OF_TWO)


SEE_METRICS = """\
服务连上没有，看它的日志，或者 /metrics 里的 jufeng_wecom_aibot_connected：1 是连着，0 是没有
要试 Bot ID 和 Secret 对不对，先停下服务，再运行一次"""


async def _connection(bot: WecomAibotSettings, name: str, owned: Owned) -> list[Finding]:
    if not is_address(bot.ws_url, "wss", "ws"):
        return []
    held = await owned(bot.name)
    try:
        if held is False and bot.bot_id and bot.secret:
            return [await _subscribe(bot, name)]
        await _reach(bot.ws_url)
    except (OSError, ValueError, WebSocketException) as error:
        return [unreached(name, CLOUD, error) or stranger(name, CLOUD, type(error).__name__)]
    found = [ok(f"{name}：连得上企业微信的服务器")]
    if held:
        held_by_service = f"{name} 的长连接在正在运行的服务手里，没有试连：再连一次会把它挤下线"
        found.append(ok(held_by_service, SEE_METRICS))
    elif held is None:
        found.append(warn(f"{name} 没有试连：数据库打不开，不知道服务是不是正连着", "先修好数据库，再运行一次"))
    return found


async def _reach(address: str) -> None:
    """Opens a connection as far as TLS and closes it, which nobody's robot notices. Raises OSError."""
    url = httpx.URL(address.strip())
    secure = url.scheme == "wss"
    context = httpx.create_ssl_context() if secure else None
    async with asyncio.timeout(TIMING.open):
        _, writer = await asyncio.open_connection(url.host, url.port or (443 if secure else 80), ssl=context)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _subscribe(bot: WecomAibotSettings, name: str) -> Finding:
    """Connects as the server does, and leaves. What people say in that moment is lost, as while no server runs.

    Raises OSError, ValueError or WebSocketException where there is no connection.
    """
    link = await open_link(bot.name, bot.ws_url, _ignore, TIMING)
    reading = asyncio.create_task(link.read())
    try:
        return await _asked(bot, name, link)
    finally:
        reading.cancel()
        await link.close()
        await asyncio.gather(reading, return_exceptions=True)


async def _asked(bot: WecomAibotSettings, name: str, link: Link) -> Finding:
    try:
        await link.request(SUBSCRIBE, {"bot_id": bot.bot_id, "secret": bot.secret})
    except Uncertain:
        return bad(f"{name}：企业微信很久没有回答", "稍后再运行一次；一直这样，就看中间有没有代理改了 WebSocket")
    except (RetryLater, Refused, Closed) as error:
        return _refused(name, error.code)
    return ok(f"{name} 的 Bot ID 和 Secret 可以用，长连接连得上")


def _refused(name: str, code: str) -> Finding:
    """No page says which code a wrong secret gets, so every other one is taken for it."""
    if code == TOO_OFTEN:
        return warn(f"{name}：连得太频繁（错误码 {code}）", "等几分钟再运行一次")
    if code == NO_FRAME:
        return bad(f"{name}：回答的不是企业微信", "请检查 ws_url 有没有写错，中间有没有代理改了 WebSocket")
    if code in MAY_PASS:
        return warn(f"{name}：企业微信一时忙不过来（{code}）", "过一分钟再运行一次")
    return bad(
        f"{name}：企业微信不认 bot_id 和 secret（错误码 {code}）",
        f"{CONNECTION}；后台选的如果是 URL 回调，长连接也会被拒绝",
    )


def _ignore(_: str, __: object) -> None:
    """Nobody is there to answer."""


async def _names(name: str) -> list[Finding]:
    """Whether the machine's DNS gives real addresses: at others no photo is fetched (``bot.fetching``)."""
    try:
        addresses = await resolved(MEDIA_HOST, 443)
    except RetryLater:
        return []  # without DNS more is wrong than this
    if not any(ip_address(address) in MADE_UP for address in addresses):
        return []
    return [
        warn(
            f"{name}：这台机器的 DNS 给的是假地址（198.18 开头），大家发的照片会全部取不到",
            "多半是代理软件接管了 DNS（叫 fake-ip）：关掉它，或者让 myqcloud.com 用真的 DNS、直接连",
        )
    ]
