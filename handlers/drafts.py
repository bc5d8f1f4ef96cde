"""Begun reports (see ``models.drafts``): a photo or a location alone, what was asked back, what waits for +1."""

from bot.drafts import OpenDrafts
from bot.handling import Context
from models.cases import Case
from models.downloads import fetch_after_all
from models.drafts import OPEN_FOR, OPEN_FOR_OVERHEARD, Draft


def open_draft(context: Context) -> Draft | None:
    """What the sender has begun in this chat and not completed."""
    return context.batch.shared(OpenDrafts).of(context.message, context.now)


def blank(context: Context, *, overheard: bool = False) -> Draft:
    """A draft of the sender in this chat, with nothing in it; ``begin`` keeps it."""
    message = context.message
    return Draft(
        platform=message.platform,
        bot=message.bot,
        chat=message.chat,
        chat_id=context.chat.id if context.chat else None,
        sender=message.sender,
        person_id=context.person.id if context.person else None,
        kind=None,
        text="",
        category="",
        sureness=None,
        urgent=False,
        photos=[],
        place="",
        latitude=None,
        longitude=None,
        overheard=overheard,
        begun_at=context.now,
        closes_at=context.now + (OPEN_FOR_OVERHEARD if overheard else OPEN_FOR),
        message_id=context.message_id,
    )


def begin(context: Context, draft: Draft) -> None:
    """Keeps a draft, instead of what the sender had begun in this chat before."""
    context.batch.shared(OpenDrafts).begin(draft, context.now)


def close(context: Context, draft: Draft) -> None:
    """The draft is completed, or given up."""
    context.batch.shared(OpenDrafts).close(draft, context.now)


def take_photos(context: Context, draft: Draft) -> tuple[str, ...]:
    """The photos of a draft, which are now of something; the draft is closed."""
    fetch_after_all(context.session, draft.photos)
    close(context, draft)
    return tuple(draft.photos)


def ask_place(context: Context, case: Case) -> None:
    """What the sender says next in this chat may be where the hazard is, unless a +1 is awaited there."""
    former = open_draft(context)
    if former is not None and former.alike_id is not None:
        return
    draft = blank(context)
    draft.case_id = case.id
    begin(context, draft)
