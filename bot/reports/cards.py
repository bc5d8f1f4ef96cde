"""The cards that are brought up to date, by the kind that ``bot.content.Refresh.about`` begins with."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from bot.content import Card
from bot.reports.attendance import live_lesson_card
from bot.reports.case_words import moved_card
from bot.reports.notices import live_notice_card

ShowCard = Callable[[Session, int], Card]
"""Makes the card of a record as it is now, given its id: 17 of ``lesson:17``."""

CARDS: Mapping[str, ShowCard] = {"lesson": live_lesson_card, "notice_post": live_notice_card, "moved": moved_card}
