"""One official account of WeChat: its fields, its credentials, its list of addresses and its callback address."""

from collections.abc import Iterator

import httpx

from bot.clock import Clock
from bot.doctor.callbacks import address_of, examine_address, examine_key, examine_token
from bot.doctor.findings import Finding, bad, ok, warn
from bot.doctor.names import bot_called
from bot.doctor.reaching import Cloud, clock_of, is_address
from bot.doctor.wechat import Api, Strange, explained, not_asked
from bot.platforms.wechat.client import account_token
from bot.settings import OfficialAccountSettings

CLOUD = Cloud("微信", "api_base", "https://api.weixin.qq.com")
BASICS = "微信公众平台 → 设置与开发 → 开发接口管理（以前叫「基本配置」）"
SERVER = f"{BASICS} → 服务器配置"
SECRET = f"{BASICS}，AppSecret 只在重置的时候显示一次：重置，抄下来，别的程序也要换成新的"
CODES = {
    40001: ("app_secret 不对", SECRET),
    40013: ("app_id 不对", f"{BASICS}，重新复制开发者 ID（AppID）"),
    40125: ("app_secret 不对", SECRET),
    40164: (
        "微信不让这台机器调用：它的公网 IP 不在白名单里",
        f"{BASICS} → IP 白名单，加上这台机器的公网 IP{{address}}",
    ),
}
CALLBACK = f"""\
{SERVER}，服务器地址（URL）填上面这个
令牌（Token）和消息加解密密钥（EncodingAESKey）和 config.toml 里的一样，加解密方式选「安全模式」
聚蜂要先跑着，再点提交；提交以后还要点「启用」，启用以后公众号后台的自动回复和自定义菜单会停用"""
SERVICE_DESK = """\
微信公众平台 → 设置与开发 → 接口权限，看「客服接口 → 发消息」那一行是不是「已获得」
没有的话（个人号、没有认证的号），小蜂只在别人发来消息时回答；提醒、周报、照片要等他下一次说话"""


async def examine_account(account: OfficialAccountSettings, public_url: str, clock: Clock) -> list[Finding]:
    """Everything about one account; asks WeChat itself only where the fields for that are filled in.

    Whether it has a service desk shows only when something is sent, which is not done here.
    """
    name = bot_called("official_account", account.name)
    findings = [*_fields(account, name)]
    findings += examine_address(name, address_of("official_account", account.name, public_url), CALLBACK)
    if account.app_id and account.app_secret and is_address(account.api_base):
        findings += await _ask(account, name, clock)
    return findings


def _fields(account: OfficialAccountSettings, name: str) -> Iterator[Finding]:
    if missing := [key for key in ("app_id", "app_secret") if not getattr(account, key)]:
        yield bad(f"{name} 没有填 {'、'.join(missing)}", f"{BASICS}，复制过来")
    yield from examine_token(name, account.token, f"{SERVER}，令牌（Token）自己起一个，两边写成一样")
    to_do = f"{SERVER}，消息加解密密钥点「随机生成」，抄过来，方式选「安全模式」"
    if account.encoding_aes_key:
        yield from examine_key(name, account.encoding_aes_key, to_do)
    else:
        yield warn(f"{name} 没有填 encoding_aes_key，消息在路上没有加密，也可能被人改过", to_do)
    if not is_address(account.api_base):
        yield bad(f"{name} 的 api_base 不是网址", f'一般写 "{CLOUD.usual}"')


async def _ask(account: OfficialAccountSettings, name: str, clock: Clock) -> list[Finding]:
    api = Api(account.api_base)
    try:
        given = await api.token(account_token(account.app_id, account.app_secret))
        if not given.token:
            return [explained(name, CLOUD, given, CODES)]
        return [
            ok(f"{name} 的凭证可以用，微信让这台机器调用"),
            ok(f"{name} 能不能主动发消息，要到后台看", SERVICE_DESK),
            *await clock_of(CLOUD, account.api_base, clock),
        ]
    except (httpx.RequestError, Strange) as error:
        return [not_asked(name, CLOUD, error)]
    finally:
        await api.close()
