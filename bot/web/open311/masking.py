"""Numbers of people in what they wrote: nobody outside is given a phone, an identity card or a bank card."""

import re

NUMBER = "［号码］"
"""Nothing of the number is left: with a name, its last four digits are enough to be taken for somebody."""

_FULL_WIDTH = str.maketrans("０１２３４５６７８９－＋", "0123456789-+")
_PHONE = r"(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}"
_LANDLINE = r"\(?0\d{2,3}\)?[- ]?[2-9]\d{6,7}"
_IDENTITY = r"[1-9]\d{5}[- ]?\d{8}[- ]?\d{3}[\dXx]"
_LONG = r"\d{11,}[Xx]?"
_NUMBERS = re.compile(rf"(?<!\d)(?:{_IDENTITY}|{_PHONE}|{_LANDLINE}|{_LONG})(?!\d)", re.ASCII)


def masked(text: str) -> str:
    """The text without such numbers; house numbers, hours and the like stay."""
    return _NUMBERS.sub(NUMBER, text.translate(_FULL_WIDTH))
