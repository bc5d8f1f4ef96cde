"""``python -m bot`` is ``jufeng``."""

import sys

from bot.cli import main

sys.exit(main())
