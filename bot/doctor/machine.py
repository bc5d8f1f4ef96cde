"""The configuration itself and the data folder."""

import ipaddress
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bot.doctor.findings import Finding, bad, ok, warn
from bot.doctor.names import bot_called
from bot.learned import learned
from bot.messages import PROVIDERS
from bot.settings import PlatformSettings, Settings
from bot.understanding.model_file import ModelError

KEY_DIGITS = 64


def key_path(data_dir: Path) -> Path:
    """Where the key that the records are sealed with is kept."""
    return data_dir / "keys" / "master.key"


def examine_configuration(settings: Settings) -> Iterator[Finding]:
    """What can be seen without asking anybody."""
    yield _platforms(settings)
    yield _public_url(settings)
    yield from _admins(settings)


def _platforms(settings: Settings) -> Finding:
    bots = [bot_called(key, bot.name) for key, of_it in settings.platforms for bot in of_it]
    if not bots:
        return ok("没有接通任何平台，现在是沙盒", "要接哪个平台，请在 config.toml 里去掉那一段前面的 #")
    return ok(f"配置了：{'、'.join(bots)}")


def _public_url(settings: Settings) -> Finding:
    url = settings.server.public_url
    if not url:
        return _no_public_url(settings)
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = None, None
    if parts is None or parts.scheme not in ("http", "https") or not host:
        return bad("server.public_url 不是网址", '要写成 "https://bot.example.org" 这样')
    if parts.path or parts.query or parts.fragment:
        return bad("server.public_url 后面多了东西", f'只写到域名（和端口）为止："{parts.scheme}://{parts.netloc}"')
    if not _reachable(host):
        return warn(f"server.public_url 是内网地址（{host}），平台从公网送不进来", "请换成公网能打开的域名")
    if parts.scheme == "http":
        return warn("server.public_url 是 http，消息在路上没有加密", "请给域名配好证书，改成 https")
    return ok(f"对外的地址：{url}")


def _no_public_url(settings: Settings) -> Finding:
    if not settings.platforms.configured():
        return ok("没有填 server.public_url，沙盒用不着")
    if not _is_called_back(settings.platforms):
        return warn(
            "没有填 server.public_url，消息进得来，但签到二维码、台账网页和材料的链接做不出来",
            '要用它们，请填手机打得开的地址，例如 "https://bot.example.org"',
        )
    return bad("没有填 server.public_url，平台的消息送不进来", '请填公网能打开的地址，例如 "https://bot.example.org"')


def _is_called_back(platforms: PlatformSettings) -> bool:
    """Whether a platform calls this server; long connections and webhooks begin here."""
    aibots = [bot for bot in platforms.wecom_aibot if bot.mode == "callback"]
    return bool(platforms.feishu or platforms.wecom_app or platforms.official_account or aibots)


def _reachable(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return host != "localhost" and "." in host


def _admins(settings: Settings) -> Iterator[Finding]:
    providers = sorted(set(PROVIDERS.values()))
    for admin in settings.bot.admins:
        provider, _, ref = admin.partition(":")
        if provider not in providers or not ref.strip():
            yield bad(
                f"bot.admins 里的「{admin}」认不出来",
                f"要写成 平台:编号，平台是 {'、'.join(providers)} 之一，例如 feishu:ou_xxx",
            )
    if settings.platforms.configured() and not settings.bot.admins:
        yield warn("bot.admins 是空的", "没有管理员也能用；想要一个什么都能办的人，就把他的编号填进去")


def examine_data_folder(data_dir: Path) -> Iterator[Finding]:
    """Whether photos and keys can be kept there, whether the key is kept from others, and what was learned."""
    folder = data_dir.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not _writable(existing):
        user = f"用户 {os.getuid()} " if hasattr(os, "getuid") else ""
        yield bad(f"数据文件夹 {folder} 写不进去", f"请让运行聚蜂的{user}能写 {existing}")
    elif existing != folder:
        yield ok(f"数据文件夹 {folder} 还没有，第一次启动时会建")
    else:
        yield ok(f"数据文件夹 {folder} 可以写")
    yield _key(key_path(folder))
    yield from _classifier(folder)


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _key(path: Path) -> Finding:
    try:
        text = path.read_text(encoding="ascii").strip()
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return ok("还没有密钥，第一次启动时会生成", f"生成以后请把 {path} 单独备份：丢了它，手机号和诉求就再也打不开")
    except (OSError, ValueError):
        return bad(f"密钥文件 {path} 读不出来", "请检查文件的权限，或者放回备份的那一份")
    if len(text) != KEY_DIGITS or not _is_hex(text):
        return bad(f"密钥文件 {path} 的内容不对", "请放回备份的那一份；不要自己改它")
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        return warn(f"密钥文件 {path} 别的用户也能看（权限 {mode:o}）", f"请运行 chmod 600 {path}")
    return ok(f"密钥文件 {path} 只有自己能看", "请单独备份它：丢了它，手机号和诉求就再也打不开")


def _classifier(folder: Path) -> Iterator[Finding]:
    """The model that finds the category of hazards; most installations have none."""
    try:
        classifier = learned(folder)
    except ModelError as error:
        yield bad(str(error), "有它在，服务启动不了；移走以后，小蜂按词典判断类别")
        return
    if classifier is not None:
        made = classifier.model.made
        yield ok(
            f"隐患的分类模型：{len(classifier.categories)} 类，{made.at} 用 {made.texts} 条训练，"
            f"试的时候准确率 {made.accuracy:.1%}"
        )


def _is_hex(text: str) -> bool:
    try:
        return bool(bytes.fromhex(text))
    except ValueError:
        return False
