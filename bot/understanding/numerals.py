"""Numbers as people type and dictate them: 12, 十二, 两百, 半, 仨."""

_DIGITS = {
    "零": 0, "一": 1, "幺": 1, "二": 2, "两": 2, "俩": 2, "三": 3, "仨": 3,
    "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
}  # fmt: skip
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10000}

CHINESE = "零一二两俩三仨四五六七八九十百千万幺"
"""The characters of a Chinese numeral, for use in a character class."""
DIGITS = "零一幺二三四五六七八九"
"""Those that dictate a number digit by digit: 八八四八."""


def whole_number(text: str) -> int | None:
    """The whole number that ``text`` writes, in digits, place by place (一零二四) or with units (一千零二十四)."""
    if text.isascii() and text.isdecimal():
        return int(text)
    if not text or any(character not in CHINESE for character in text):
        return None
    return _with_units(text) if any(character in _UNITS for character in text) else _by_place(text)


def _by_place(text: str) -> int:
    return int("".join(str(_DIGITS[character]) for character in text))


def _with_units(text: str) -> int:
    """一千零二十四, and what is said without its last unit: 一百二 is 120, 一千二百三 is 1230."""
    total = digit = last = 0
    zero = False
    for character in text:
        unit = _UNITS.get(character)
        if unit is None:
            digit = _DIGITS[character]
            zero = zero or digit == 0
        elif unit == 10000:
            total, digit, last, zero = (total + digit) * unit, 0, unit, False
        else:
            total, digit, last, zero = total + (digit or 1) * unit, 0, unit, False
    return total + (digit * last // 10 if last > 10 and not zero else digit)
