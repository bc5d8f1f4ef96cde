"""Links that chat messages carry: each opens one page about one thing, and only until its time is over."""

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.content import File, Text
from models.sealing import digest

MARK = 32
"""Hexadecimal digits of a signature: 128 bits."""
FILE_FOR = timedelta(days=7)
"""How long the link to a file is good."""
NO_FILES = "{name} 在这里发不了文件，服务器也没有配公网地址（public_url）。请跟运维说一声。"


class BadLink(Exception):
    """Nobody made this link, or somebody has changed it."""


class LinkExpired(Exception):
    """The link was good until some time ago."""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links. ``base`` is the address that people can open; empty: no link can be made."""

    base: str = ""

    def make(self, page: str, subject: str, now: datetime, lasts: timedelta) -> str:
        """The address of a page (``ledger``) about a subject (``attendance:12:2026-01``); empty where there is none."""
        return f"{self.base}/p/{page}/{token_for(page, subject, now + lasts)}" if self.base else ""

    def to_file(self, file: File, now: datetime) -> Text:
        """What is said in place of a file where the platform takes none."""
        link = self.make("file", f"{file.name}|{file.about}", now, FILE_FOR)
        return Text(f"📎 {file.name}（{FILE_FOR.days} 天内有效）\n{link}" if link else NO_FILES.format(name=file.name))


def token_for(page: str, subject: str, until: datetime) -> str:
    """What says, unforgeably, that the page may be opened about the subject until then."""
    said = f"{int(until.timestamp())}|{subject}"
    return f"{base64.urlsafe_b64encode(said.encode()).decode().rstrip('=')}.{_mark(page, said)}"


def subject_of(page: str, token: str, now: datetime) -> str:
    """The subject for which the token was made. Raises BadLink and LinkExpired."""
    coded, _, mark = token.partition(".")
    try:
        said = base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise BadLink from error
    if not hmac.compare_digest(_mark(page, said).encode(), mark.encode()):
        raise BadLink
    until, _, subject = said.partition("|")
    if now >= datetime.fromtimestamp(int(until), UTC):
        raise LinkExpired
    return subject


def _mark(page: str, said: str) -> str:
    return digest(f"link|{page}|{said}")[:MARK]
