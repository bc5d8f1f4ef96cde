"""What somebody says of where a 流动党员 comes from: fields in any order, with or without labels."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

LONGEST_HOME = 60
"""Characters of an organisation's name."""

LONGEST = 300
"""Characters that are considered."""

_COMMAND = re.compile(r"^\W*(?:流动党员|流动|流入)(?:报到|登记)?[\s:：,，]*(?:(?:我|本人)[\s:：,，是]+)?")
_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(1[3-9]\d[- ]?\d{4}[- ]?\d{4}|0\d{2,3}[- ]?\d{7,8})(?!\d)")
_PHONE_LABEL = re.compile(r"(?:联系)?(?:电话|手机号码|手机号|手机)[是为:：]*")
_PHONE_HERE, _HOME_HERE = "☎", "⌂"
_DATES = (
    re.compile(
        r"(?<!\d)(?P<year>20\d\d)\s*[年./-]\s*(?P<month>\d{1,2})(?:\s*[月./-]\s*(?P<day>\d{1,2})(?!\d)[日号]?|月份?)?"
    ),
    re.compile(r"(?<!\d)(?P<year>20\d\d)(?P<month>\d\d)(?P<day>\d\d)(?!\d)"),
    re.compile(r"(?P<said>今年|去年|前年)\s*(?P<month>\d{1,2})\s*月份?(?:(?P<day>\d{1,2})[日号])?"),
    re.compile(r"(?<!\d)(?P<month>\d{1,2})月份?(?:(?P<day>\d{1,2})[日号])?"),
)
_DAYS = {"今天": 0, "昨天": 1, "前天": 2}
_RELATIVE = re.compile("今天|昨天|前天|上个?月|这个月|本月")
_YEARS_AGO = {"今年": 0, "去年": 1, "前年": 2}
_SINCE = re.compile(
    r"从?(?P<date>§)(?:到的|来的|过来|流入|开始|起|到)?|(?:流入|到来|报到|起始)?(?:时间|日期)[是为:：]*"
)
_CONTACT = re.compile(r"(?:流出地)?联系人[是为叫:：\s]*(?P<name>[\u4e00-\u9fff·]{1,8})?")
_HOME_LABEL = re.compile(
    r"流出地(?:党组织|党支部|组织|支部)?[是为:：\s]*|来自[:：\s]*|原(?:党支部|支部|党组织|组织)[是为:：\s]*"
)
_BREAKS = re.compile(r"[\s,，。;；、]+")
_NAME = re.compile(r"[\u4e00-\u9fff·]{2,4}")
_ORGANISATION = re.compile(
    r"(?:党支部|党总支|党委|党工委|党组|党组织|支部|总支|支委会?|委员会|工委|社区|街道|村|镇|乡)$"
)
_PLACE = re.compile(
    r"[省市县区州旗镇乡村]$|^(?:北京|天津|上海|重庆|河北|山西|内蒙古?|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南"
    r"|广东|广西|海南|四川|贵州|云南|西藏|陕西|甘肃|青海|宁夏|新疆|台湾|香港|澳门)$"
)


@dataclass(frozen=True, slots=True)
class Inflow:
    """What was said; what was not is empty."""

    home: str = ""
    """流出地党组织."""
    contact: str = ""
    """Name and phone."""
    since: date | None = None
    person: str = ""
    """What stands before everything else and may be a name: whom somebody else registers."""


def read_inflow(text: str, today: date) -> Inflow:
    """The fields of ``流入 甘肃定西某某村党支部 联系人 老王 13900000000 2026年3月``, in whatever order."""
    rest = _COMMAND.sub("", text[:LONGEST], count=1)
    phone, rest = _take_phone(rest)
    since, rest = _take_date(rest, today)
    contact, rest = _take_labelled_contact(rest)
    tokens = [token for token in _BREAKS.split(_HOME_LABEL.sub(f" {_HOME_HERE} ", rest)) if token]
    person = tokens.pop(0) if tokens and _may_be_person(tokens) else ""
    contact = contact or _beside_phone(tokens)
    left = [token for token in tokens if token not in (_PHONE_HERE, _HOME_HERE, contact)]
    home = _home(left, labelled=_HOME_HERE in tokens)
    return Inflow(home, " ".join(part for part in (contact, phone) if part), since, person)


def find_date(text: str, today: date) -> date | None:
    """The first day that is named; a month stands for its first day. A day without a year is never in the future."""
    return _take_date(text, today)[0]


def split_phone(text: str) -> tuple[str, str]:
    """The first phone of the text, and what is left."""
    phone, rest = _take_phone(text)
    return phone, " ".join(rest.replace(_PHONE_HERE, " ").split())


def _take_phone(text: str) -> tuple[str, str]:
    found = _PHONE.search(text)
    if found is None:
        return "", text
    marked = f"{text[: found.start()]} {_PHONE_HERE} {text[found.end() :]}"
    return re.sub("[- ]", "", found[1]), _PHONE_LABEL.sub(" ", marked)


def _take_date(text: str, today: date) -> tuple[date | None, str]:
    for expression in _DATES:
        for found in expression.finditer(text):
            if (day := _day_of(found, today)) is not None:
                return day, _SINCE.sub(" ", f"{text[: found.start()]}§{text[found.end() :]}")
    if (said := _RELATIVE.search(text)) is not None:
        return _relative(said[0], today), _SINCE.sub(" ", f"{text[: said.start()]}§{text[said.end() :]}")
    return None, text


def _day_of(found: re.Match[str], today: date) -> date | None:
    parts = found.groupdict()
    month, day = int(parts["month"]), int(parts.get("day") or 1)
    try:
        if parts.get("year"):
            return date(int(parts["year"]), month, day)
        if parts.get("said"):
            return date(today.year - _YEARS_AGO[parts["said"]], month, day)
        this_year = date(today.year, month, day)
        return this_year if this_year <= today else date(today.year - 1, month, day)
    except ValueError:
        return None  # 13月, 2月30日: no date


def _relative(said: str, today: date) -> date:
    if said in _DAYS:
        return today - timedelta(days=_DAYS[said])
    first = today.replace(day=1)
    return (first - timedelta(days=1)).replace(day=1) if said.startswith("上") else first


def _take_labelled_contact(text: str) -> tuple[str, str]:
    found = _CONTACT.search(text)
    if found is None:
        return "", text
    name = found["name"] or ""
    if _ORGANISATION.search(name):  # 联系人 stood last, and what follows is no person
        return "", f"{text[: found.start()]} {name} {text[found.end() :]}"
    return name, f"{text[: found.start()]} {text[found.end() :]}"


def _may_be_person(tokens: list[str]) -> bool:
    """A short name with more behind it, which is no place and no organisation."""
    first = tokens[0]
    plain = _NAME.fullmatch(first) is not None and not (_ORGANISATION.search(first) or _PLACE.search(first))
    return plain and (len(tokens) == 1 or tokens[1] != _PHONE_HERE)


def _beside_phone(tokens: list[str]) -> str:
    """The name that stands before the phone, or else after it."""
    if _PHONE_HERE not in tokens:
        return ""
    at = tokens.index(_PHONE_HERE)
    for token in (*tokens[max(at - 1, 0) : at], *tokens[at + 1 : at + 2]):
        if _NAME.fullmatch(token) and not _ORGANISATION.search(token):
            return token
    return ""


def _home(tokens: list[str], *, labelled: bool) -> str:
    """Everything up to the last word that ends like an organisation: 甘肃省 定西市 某某村党支部."""
    ends = [place for place, token in enumerate(tokens) if _ORGANISATION.search(token)]
    if ends:
        return "".join(tokens[: ends[-1] + 1])[:LONGEST_HOME]
    return "".join(tokens)[:LONGEST_HOME] if labelled else ""
