"""What the push-only robots of groups have in common: nothing is posted to find out whether they work."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from bot.clock import Clock
from bot.doctor.findings import Finding, bad, ok, warn
from bot.doctor.names import bot_called, listed
from bot.doctor.reaching import Cloud, clock_of, is_address, origin, unreached


class Robot(Protocol):
    """The settings of one robot."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""

    @property
    def webhook_url(self) -> str:
        """The address that it posts to, which is its secret."""

    @property
    def chat_id(self) -> str:
        """The group that it stands for."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is particular to the robots of one platform."""

    platform: str
    cloud: Cloud
    where: str
    """Where in the client the address of the webhook is found."""
    whose: str
    """For whom it posts."""
    secret_of: Callable[[str], str]
    """The secret part of an address of the right shape; empty for any other."""


async def examine_robots(kind: Kind, robots: Sequence[Robot], clock: Clock) -> list[Finding]:
    """Everything about the robots of one platform. There may be one for each group: a server is asked once."""
    findings = list(_repeated(kind, robots))
    servers: defaultdict[str, list[str]] = defaultdict(list)
    for robot in robots:
        findings += _fields(kind, robot, bot_called(kind.platform, robot.name))
        if kind.secret_of(robot.webhook_url):
            servers[origin(robot.webhook_url.strip())].append(robot.name)
    for server, names in servers.items():
        findings += await _reach(kind, server, bot_called(kind.platform, listed(names)), clock)
    return findings


def _fields(kind: Kind, robot: Robot, name: str) -> Iterator[Finding]:
    usual = kind.cloud.usual
    if not robot.webhook_url:
        yield bad(f"{name} 没有填 webhook_url", kind.where)
    elif not (is_address(robot.webhook_url) and kind.secret_of(robot.webhook_url)):
        yield bad(f"{name} 的 webhook_url 不对", f"整个地址都要，形如 {usual}\n{kind.where}")
    elif urlsplit(robot.webhook_url.strip()).netloc != urlsplit(usual).netloc:
        yield warn(
            f"{name} 的 webhook_url 不是{kind.cloud.called}的网址", f"一般是 {usual}，请核对；自己架的转发不用管"
        )
    if not robot.chat_id:
        yield warn(
            f"{name} 没有填 chat_id，什么也不会从它那里发出去",
            f"填它替{kind.whose}发的那个群的编号，大小写要一样；小蜂见过的群，编号都列在上面「填 chat_id 用」那里",
        )


def _repeated(kind: Kind, robots: Sequence[Robot]) -> Iterator[Finding]:
    """Only one robot can stand for a group, and each should have its own rate."""
    for what, values in (
        ("webhook_url", [kind.secret_of(robot.webhook_url) for robot in robots]),
        ("chat_id", [robot.chat_id for robot in robots]),
    ):
        count = Counter(filter(None, values))
        for value in (value for value, number in count.items() if number > 1):
            names = "、".join(robot.name for robot, of_it in zip(robots, values, strict=True) if of_it == value)
            yield bad(
                f"{bot_called(kind.platform, names)} 的 {what} 是同一个", "一个群用一个机器人：改掉，或者删掉多的"
            )


async def _reach(kind: Kind, server: str, name: str, clock: Clock) -> list[Finding]:
    """Asks for the front page of a server: whether a robot itself is still there shows only when it posts."""
    try:
        times = await clock_of(kind.cloud, server, clock)
    except httpx.RequestError as error:
        finding = unreached(name, kind.cloud, error)
        return [finding] if finding else []
    return [ok(f"{name} 的服务器连得上（没有试发消息）"), *times]
