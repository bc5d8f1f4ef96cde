"""A made-up city on Feishu: branches with their groups and members, and the messages that they send."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.clock import system_clock
from bot.roster import import_roster, read_roster
from models.database import Database
from models.sealing import load_key, unlock
from tests.fakes.feishu_callbacks import Callback, FeishuCallbacks
from tests.fakes.feishu_cloud import APP_ID, APP_SECRET

ENCRYPT_KEY = "an-encrypt-key-for-tests"
VERIFICATION_TOKEN = "a-token-for-tests"


@dataclass(frozen=True, slots=True)
class Rider:
    """A member of a branch, with the open_id and the group."""

    name: str
    open_id: str
    chat: str


class City:
    """``people`` members spread over ``branches`` branches, each with a secretary and a group of its own."""

    def __init__(self, people: int, branches: int) -> None:
        self.callbacks = FeishuCallbacks(ENCRYPT_KEY, VERIFICATION_TOKEN, APP_ID)
        self.chats = [f"oc_branch{number}" for number in range(branches)]
        self.riders = [
            Rider(f"骑手{number:05d}", f"ou_rider{number}", self.chats[number % branches]) for number in range(people)
        ]

    def write_roster(self, path: Path) -> None:
        """The roster of everyone; each branch's secretary is its first member."""
        lines = ["组织,组织类型,姓名,手机,身份,职务,职业,流动,feishu"]
        lines += [
            f"测试市行业党委/{self._branch(rider.chat)},党支部,{rider.name},138{number:08d},正式党员,"
            f"{'书记' if number < len(self.chats) else ''},外卖,是,{rider.open_id}"
            for number, rider in enumerate(self.riders)
        ]
        path.write_text("\n".join(lines), encoding="utf-8")

    def settle(self, folder: Path, url: str) -> Database:
        """An upgraded database in which everyone is on the roster, sealed with the key of ``folder``'s data folder."""
        self.write_roster(folder / "roster.csv")
        unlock(load_key(folder / "data" / "keys" / "master.key"))
        database = Database(url)
        database.upgrade()
        with database.write.begin() as session:
            import_roster(session, read_roster(folder / "roster.csv"), system_clock())
        return database

    def everywhere(self, text: str) -> Iterator[Callback]:
        """Each secretary says it in the branch's group; ``{branch}`` stands for the branch's name."""
        for number, chat in enumerate(self.chats):
            said = text.format(branch=self._branch(chat))
            yield self.callbacks.message(said, chat=chat, sender=self.riders[number].open_id)

    def everyone(self, text: str) -> Iterator[Callback]:
        """Each member says it in the branch's group."""
        for rider in self.riders:
            yield self.callbacks.message(text, chat=rider.chat, sender=rider.open_id)

    def _branch(self, chat: str) -> str:
        return f"{chat.removeprefix('oc_branch')}号流动党支部"


def write_config(folder: Path, *, port: int, api_base: str, database_url: str) -> Path:
    """A ``config.toml`` with the city's Feishu app."""
    path = folder / "config.toml"
    path.write_text(
        f"""
[server]
port = {port}
[database]
url = "{database_url}"
[bot]
data_dir = "{folder / "data"}"
[[platforms.feishu]]
name = "main"
app_id = "{APP_ID}"
app_secret = "{APP_SECRET}"
encrypt_key = "{ENCRYPT_KEY}"
verification_token = "{VERIFICATION_TOKEN}"
api_base = "{api_base}"
""",
        encoding="utf-8",
    )
    return path
