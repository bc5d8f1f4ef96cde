"""Whether the sealing key is the one that the records were sealed with."""

from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.sealing import Locked, digest

_TEXT = "聚蜂"


class KeyCheck(Base):
    """A known text under the key. One row."""

    __tablename__ = "key_check"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str]


def check_key(session: Session) -> None:
    """Raises Locked where the database was begun under another key: a machine without its copy of the key."""
    kept = session.get(KeyCheck, 1)
    if kept is None:
        session.add(KeyCheck(id=1, digest=digest(_TEXT)))
    elif kept.digest != digest(_TEXT):
        raise Locked("数据库是用另一把密钥加密的。请把原来那台机器的 keys/master.key 放到 bot.data_dir 下面再启动。")
