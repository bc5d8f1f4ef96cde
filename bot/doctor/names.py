"""What people call the platforms."""

NAMES = {
    "feishu": "飞书应用",
    "feishu_robot": "飞书群机器人",
    "wecom_aibot": "企业微信智能机器人",
    "wecom_app": "企业微信自建应用",
    "wecom_robot": "企业微信群机器人",
    "official_account": "微信公众号",
}
"""By the name of the platform in the configuration and in the records."""
SHOWN = 5
"""Of a list of names; the others are counted."""


def bot_called(platform: str, bot: str) -> str:
    """A configured bot, as ``飞书应用 main``."""
    return f"{NAMES.get(platform, platform)} {bot}"


def listed(names: list[str]) -> str:
    """The first few names."""
    return "、".join(names[:SHOWN]) + ("等" if len(names) > SHOWN else "")
