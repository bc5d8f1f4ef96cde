"""What uvicorn calls in each worker."""

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI


def create_app() -> "FastAPI":
    """The application as the environment configures it, in a process that has nothing else to do."""
    # What is imported stays for good, and a batch makes some 50,000 objects and drops them all at once: looking for
    # cycles every 700 finds nothing, and costs a sixth of the start and a tenth of the work.
    gc.set_threshold(50_000, 20, 20)
    from bot.app import build_app  # noqa: PLC0415  # after that
    from bot.logs import set_up_logging  # noqa: PLC0415
    from bot.settings import load_settings  # noqa: PLC0415

    set_up_logging()
    app = build_app(load_settings(None))
    gc.freeze()  # collections need not walk the dictionaries
    return app
