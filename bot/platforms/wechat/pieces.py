"""Texts in pieces: WeChat's and WeCom's limits are in bytes of UTF-8."""

from bisect import bisect_right


def pieces(text: str, largest: int) -> list[str]:
    """``text`` in pieces of at most ``largest`` bytes, which joined are the text again; at least 4 of them.

    A piece ends with a line where it can: only a line that is longer than a piece is cut inside. No text, no piece.
    """
    found = []
    while text:
        end = _end(text, largest)
        found.append(text[:end])
        text = text[end:]
    return found


def size(text: str) -> int:
    """Bytes of UTF-8; a half surrogate goes out as one question mark."""
    return len(text.encode(errors="replace"))


def _end(text: str, largest: int) -> int:
    """Characters of the first piece."""
    head = text[:largest]
    if size(head) <= largest:
        end = len(head)
    else:
        end = bisect_right(range(1, len(head) + 1), largest, key=lambda length: size(head[:length]))
    if end == len(text):
        return end
    return text.rfind("\n", 0, end) + 1 or end
