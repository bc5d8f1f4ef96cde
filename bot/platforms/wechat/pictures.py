"""Photos as WeCom takes them inside JSON (pages 99110 and 101031)."""

import base64
import hashlib
import logging

from bot.media import MediaStore

log = logging.getLogger(__name__)


def picture(media: MediaStore, name: str, largest: int) -> dict[str, str] | None:
    """The kept photo, or its thumbnail where it has more than ``largest`` bytes; None where it is missing. It blocks.

    MD5 is what WeCom asks for: it finds damage, and nothing else hangs on it.
    """
    try:
        data = media.path(name).read_bytes()
        if len(data) > largest:
            data = media.path(name, thumb=True).read_bytes()
    except (LookupError, OSError) as error:
        log.warning("photo %s is left out: %s", name, type(error).__name__)
        return None
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {"base64": base64.b64encode(data).decode(), "md5": digest}
