"""One self-built app of WeCom: its fields, its credentials, its trusted addresses and its callback address."""

from collections.abc import Iterator

import httpx

from bot.clock import Clock
from bot.doctor.callbacks import address_of, examine_address, examine_key, examine_token
from bot.doctor.findings import Finding, bad, ok, warn
from bot.doctor.names import bot_called
from bot.doctor.reaching import Cloud, clock_of, is_address
from bot.doctor.wechat import UNKNOWN_MEDIA, Answer, Api, Strange, explained, not_asked
from bot.platforms.wechat.client import corp_token
from bot.settings import WecomAppSettings

CLOUD = Cloud("企业微信", "api_base", "https://qyapi.weixin.qq.com")
APP = "企业微信管理后台 → 应用管理 → 应用 → 小蜂这个应用"
RECEIVE = f"{APP} → 接收消息 → 设置 API 接收，点两次「随机获取」，把 Token 和 EncodingAESKey 抄过来"
TRUSTED = (
    f"{APP} → 企业可信 IP，加上这台机器的公网 IP{{address}}；没有先设可信域名或者接收消息的，后台会要求先设好那一项"
)
CODES = {
    40001: ("secret 不对", f"{APP}，点 Secret 旁边的「查看」，重新复制"),
    40013: ("corp_id 不对", "企业微信管理后台 → 我的企业 → 企业信息，最下面的「企业 ID」，重新复制"),
    60020: ("企业微信不让这台机器调用：它的公网 IP 不是企业可信 IP", TRUSTED),
}
"""Pages 91039, 90236 and 90455."""
WHERE = {
    "corp_id": "我的企业 → 企业信息，最下面的「企业 ID」",
    "agent_id": "应用管理 → 应用 → 小蜂这个应用，AgentId",
    "secret": "应用管理 → 应用 → 小蜂这个应用，Secret",
}
CALLBACK = f"""\
{APP} → 接收消息 → 设置 API 接收，URL 填上面这个
Token 和 EncodingAESKey 和 config.toml 里的一样，聚蜂要先跑着，再点保存
应用的「可见范围」要包括所有要用小蜂的人"""


async def examine_wecom_app(app: WecomAppSettings, public_url: str, clock: Clock) -> list[Finding]:
    """Everything about one app; asks WeCom itself only where the fields for that are filled in."""
    name = bot_called("wecom_app", app.name)
    findings = [*_fields(app, name)]
    findings += examine_address(name, address_of("wecom_app", app.name, public_url), CALLBACK)
    if app.corp_id and app.secret and is_address(app.api_base):
        findings += await _ask(app, name, clock)
    return findings


def _fields(app: WecomAppSettings, name: str) -> Iterator[Finding]:
    if missing := [key for key in WHERE if not getattr(app, key)]:
        where = "\n".join(f"{key}：{WHERE[key]}" for key in missing)
        yield bad(f"{name} 没有填 {'、'.join(missing)}", f"企业微信管理后台里：\n{where}")
    if not (app.token or app.encoding_aes_key):
        yield warn(f"{name} 没有填 token 和 encoding_aes_key，只能发，大家跟它说的话会被拒收", RECEIVE)
    else:
        yield from examine_token(name, app.token, RECEIVE)
        yield from examine_key(name, app.encoding_aes_key, RECEIVE)
    if not is_address(app.api_base):
        yield bad(f"{name} 的 api_base 不是网址", f'一般写 "{CLOUD.usual}"')


async def _ask(app: WecomAppSettings, name: str, clock: Clock) -> list[Finding]:
    api = Api(app.api_base)
    try:
        given = await api.token(corp_token(app.corp_id, app.secret))
        if not given.token:
            return [explained(name, CLOUD, given, CODES)]
        tried = _tried(name, await api.try_out(given.token))
        return [ok(f"{name} 的凭证可以用"), tried, *await clock_of(CLOUD, app.api_base, clock)]
    except (httpx.RequestError, Strange) as error:
        return [not_asked(name, CLOUD, error)]
    finally:
        await api.close()


def _tried(name: str, answer: Answer) -> Finding:
    if answer.errcode == UNKNOWN_MEDIA:
        return ok(f"{name}：企业微信让这台机器调用")
    return explained(name, CLOUD, answer, CODES)
