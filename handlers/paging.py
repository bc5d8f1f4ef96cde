"""Lists that are longer than a screen: 更多 is the next page of what the sender has asked here just now."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import select

from bot.content import Button, Card, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent
from models.inbox import Claim

PAGE = 8
"""Lines on one page."""
JUST_ASKED = timedelta(minutes=10)
"""For how long 更多 goes on with a list."""
CONSIDERED = 100
"""What the sender has said since, of which all must be 更多."""
NO_LIST = "没有可以往下翻的。请先发「待办」或「我报的」。"
NO_MORE = "没有更多了。"

ShowPage = Callable[[Context, int], Reply]
"""Makes a page of a list, the first of which is 0, for whoever sends the message."""

_lists: dict[str, ShowPage] = {}
_private: set[str] = set()


def goes_on(intent: str, *, privately: bool = False) -> Callable[[ShowPage], ShowPage]:
    """Registers what shows the pages of the list that this intent asks for; ``privately``: wherever it is asked."""

    def register(show: ShowPage) -> ShowPage:
        _lists[intent] = show
        if privately:
            _private.add(intent)
        return show

    return register


def page_of(title: str, lines: Sequence[str], page: int) -> Text | Card:
    """One page of the lines, with a button for the next where there is one."""
    shown = lines[page * PAGE : (page + 1) * PAGE]
    left = len(lines) - (page + 1) * PAGE
    if not shown:
        return Text(NO_MORE)
    if left <= 0:
        return Text("\n".join([title, *shown]))
    return Card(title, "\n".join(shown), buttons=(Button("更多", "更多"),), hint=f"后面还有 {left} 件，发「更多」。")


@handles("more", by=Who.ANYONE)
def more(context: Context, intent: Intent) -> Reply | None:  # noqa: ARG001
    """更多: the next page. Among people it is said of many things, and counts right behind a list of one's own only."""
    found = _asked(context)
    if found is None:
        return Privately(Text(NO_LIST)) if context.message.addressed else None
    show, page = found
    return show(context, page)


def _asked(context: Context) -> tuple[ShowPage, int] | None:
    """The list that the sender has asked for here, and which page comes now.

    What was asked in a group and answered in private can be gone on with in either.
    """
    message = context.message
    query = select(Claim.intent, Claim.chat).where(
        Claim.received_at >= context.now - JUST_ASKED,
        Claim.platform == message.platform,
        Claim.bot == message.bot,
        Claim.sender == message.sender,
    )
    pages: Counter[str] = Counter()
    for said, chat in context.session.execute(query.order_by(Claim.id.desc()).limit(CONSIDERED)):
        here = chat == message.chat
        if said == "more":
            pages[chat] += 1
        elif here or (context.private and said in _private):
            show = _lists.get(said)
            return (show, 1 + pages[chat] + (0 if here else pages[message.chat])) if show else None
        else:
            pages[chat] = 0
    return None
