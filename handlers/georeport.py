"""Hazards that another system reports through Open311: registered and sent on their way like any other."""

from bot.handling import Context, Kept, Reply, Who, handles
from bot.understanding.intent import Intent
from handlers.registering import Told, collected, place_sent
from models.cases import CaseKind
from models.organisations import Organisation


@handles("reported", by=Who.ANYONE)
def reported(context: Context, intent: Intent) -> Reply:
    """Nobody is answered: the system is told the number at once, and asks by itself what becomes of it.

    ``about`` has the id of the organisation that gets it, and its category. Where the same has been reported already
    the dispatcher decides; nobody can be asked whether it is.
    """
    message = context.message
    organisation_id, _, category = message.about.partition(":")
    told = Told(
        kind=CaseKind.HAZARD,
        text=message.text or category,
        category=category,
        sureness=None,
        place=message.place or place_sent(message),
        latitude=message.latitude,
        longitude=message.longitude,
        photos=(),
        urgent=bool(intent.danger),
        message_id=context.message_id,
    )
    collected(context, told, context.session.get_one(Organisation, int(organisation_id)))
    return Kept()
