"""What 流动党员 and their secretaries are reminded of, always in private."""

from collections.abc import Iterable, Sequence
from datetime import date

from bot.content import Button, Card, Text
from models.movements import Movement
from models.people import Person

NAMED = 30
"""Names in one message; who is left over is counted."""


def report_reminder(person: Person, arrival: Movement | None) -> Card:
    """Reminds one person of the yearly report to the home organisation."""
    contact = f"\n联系人：{arrival.contact}" if arrival is not None and arrival.contact else ""
    return Card(
        "🧳 流动党员每年要向流出地党组织汇报一次，今年还没有记到你的",
        f"流出地：{person.home_organisation}{contact}\n打个电话、发条微信都行，说说这一年的工作和学习。",
        buttons=(Button("已经汇报了", "已向流出地汇报", style="primary"),),
        hint="汇报过了请回复「已向流出地汇报」。",
    )


def unreached_list(people: Sequence[Person]) -> Text:
    """The 流动党员 whom the bot cannot reach, for their secretary."""
    return Text(
        f"🧳 流动党员里有 {len(people)} 人还没报到，我联系不上：{_named(person.name for person in people)}。\n"
        "请转告他们私下给我发「报到 姓名 手机后四位」。已经离开的，请发「某某离开支部」。"
    )


def inactive_list(people: Sequence[tuple[Person, date]], leader: Person) -> Text:
    """Those who have taken part in nothing for half a year, each with the day of the last time, for who leads them."""
    said = _named(
        f"{person.name}（{_elsewhere(person, leader)}{day.month}月{day.day}日以后）" for person, day in people
    )
    return Text(
        f"🧳 半年没有参加组织生活的流动党员：{said}。\n"
        "这件事只告诉您。请私下联系一下，看有什么难处；补课、志愿服务都算。"
    )


def _elsewhere(person: Person, leader: Person) -> str:
    return "" if person.organisation_id == leader.organisation_id else f"{person.organisation.name}，"


def _named(names: Iterable[str]) -> str:
    everybody = list(names)
    more = f"等 {len(everybody)} 人" if len(everybody) > NAMED else ""
    return "、".join(everybody[:NAMED]) + more
