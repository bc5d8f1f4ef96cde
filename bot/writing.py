"""Writing files that others read: whole, or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Writes the file and sees it to the disk; a file of that name is replaced. Raises OSError and leaves nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".jufeng-", suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
