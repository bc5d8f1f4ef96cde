"""Numbers as people type and dictate them: 12, 十二, 两百, 半, 仨."""

_DIGITS = {
    "零": 0, "一": 1, "幺": 1, "二": 2, "两": 2, "俩": 2, "三": 3, "仨": 3,
    "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
}  # fmt: skip
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10000}

CHINESE = "零一二两俩三仨四五六七八九十百千万幺"
"""The characters of a Chinese numeral, for use in a character class."""


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
    total = digit = 0
    for character in text:
        unit = _UNITS.get(character)
        if unit is None:
            digit = _DIGITS[character]
        elif unit == 10000:
            total, digit = (total + digit) * unit, 0
        else:
            total, digit = total + (digit or 1) * unit, 0
    return total + digit
