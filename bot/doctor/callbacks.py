"""The callback addresses of the WeChat and WeCom platforms, and what proves that WeChat calls them."""

from collections.abc import Iterator

from bot.doctor.findings import Finding, bad, ok
from bot.platforms.wechat.crypto import key_of


def address_of(platform: str, bot: str, public_url: str) -> str:
    """Where a bot is called back; empty without a ``public_url``."""
    return f"{public_url.rstrip('/')}/webhooks/{platform}/{bot}" if public_url else ""


def examine_address(name: str, address: str, to_do: str) -> Iterator[Finding]:
    """What to fill in at the platform."""
    if address:
        yield ok(f"{name} 的回调地址：{address}", to_do)


def examine_token(name: str, token: str, to_do: str) -> Iterator[Finding]:
    """Without a token everything is refused."""
    if not token:
        yield bad(f"{name} 没有填 token，消息会被全部拒收", to_do)


def examine_key(name: str, key: str, to_do: str) -> Iterator[Finding]:
    """A key that cannot be one; never the key itself."""
    try:
        key_of(key)
    except ValueError:
        what = "没有填 encoding_aes_key" if not key else f"的 encoding_aes_key 不对（要 43 个字，现在是 {len(key)} 个）"
        yield bad(f"{name} {what}，消息会被全部拒收", to_do)
