"""How the product logs: lines on stderr with ids and kinds of errors, never with what people said."""

import logging
import traceback

CHATTY = {
    "alembic": logging.WARNING,
    "apscheduler": logging.WARNING,
    "httpx": logging.WARNING,  # it logs addresses, and WeCom's and WeChat's have tokens and secrets in them
    "psycopg": logging.ERROR,  # it warns of each batch that has to be done again
}


def set_up_logging() -> None:
    """For this process; every worker calls it for its own."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name, level in CHATTY.items():
        logging.getLogger(name).setLevel(level)


def where(error: BaseException) -> str:
    """Where it was raised, without its text: that may hold what people said."""
    return "".join(traceback.format_tb(error.__traceback__)).rstrip()
