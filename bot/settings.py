"""Configuration: ``config.toml``, then ``JUFENG_SECTION__KEY`` variables, then ``env:`` and ``file:`` values."""

import difflib
import itertools
import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PREFIX = "JUFENG_"

Secret = Annotated[str, Field(repr=False)]
"""A value that is not shown when settings are printed."""
Name = Annotated[str, Field(pattern=r"^[\w.-]{1,40}$")]
"""Names of bots are part of their callback addresses."""

EXPECTED = {
    "bool_parsing": "要写 true 或 false",
    "greater_than_equal": "不能小于 {ge}",
    "int_from_float": "要写一个整数",
    "int_parsing": "要写一个整数",
    "int_type": "要写一个整数",
    "less_than_equal": "不能大于 {le}",
    "literal_error": "只能写 {expected}",
    "missing": "没有填",
    "model_type": "要写成配置段",
    "string_too_short": "太短了，至少 {min_length} 个字",
    "string_pattern_mismatch": "只能用文字、数字和「-」「_」「.」，最多 40 个字",
    "string_type": "要写成引号里的文字",
    "tuple_type": '要写成列表，例如 ["feishu:ou_xxx"]',
}
"""What was expected, by pydantic's type of error."""


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names the key and says what to write instead."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerSettings(_Section):
    """Where the server listens, and the address that links in messages begin with."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str = ""


class DatabaseSettings(_Section):
    """``sqlite:///…`` for one machine, ``postgresql+psycopg://…`` for several processes."""

    url: Secret = "sqlite:///data/jufeng.db"


class BotSettings(_Section):
    """The bot's name in the groups, its data folder, and who may do everything."""

    name: str = "小蜂"
    timezone: Literal["Asia/Shanghai"] = "Asia/Shanghai"
    data_dir: Path = Path("data")
    admins: tuple[str, ...] = ()


class SandboxSettings(_Section):
    """``auto``: on when no platform is configured."""

    enabled: bool | Literal["auto"] = "auto"


class FeishuSettings(_Section):
    """A self-built Feishu app."""

    name: Name = "main"
    app_id: str = ""
    app_secret: Secret = ""
    encrypt_key: Secret = ""
    verification_token: Secret = ""
    api_base: str = "https://open.feishu.cn"


class FeishuRobotSettings(_Section):
    """The push-only robot of one Feishu group: it posts where the app itself may not."""

    name: Name
    webhook_url: Secret = ""
    secret: Secret = ""
    chat_id: str = ""


class WecomAibotSettings(_Section):
    """A WeCom 智能机器人."""

    name: Name = "main"
    mode: Literal["websocket", "callback"] = "websocket"
    bot_id: str = ""
    secret: Secret = ""
    ws_url: str = "wss://openws.work.weixin.qq.com"
    token: Secret = ""
    encoding_aes_key: Secret = ""


class WecomAppSettings(_Section):
    """A WeCom self-built app."""

    name: Name = "main"
    corp_id: str = ""
    agent_id: int = 0
    secret: Secret = ""
    token: Secret = ""
    encoding_aes_key: Secret = ""
    api_base: str = "https://qyapi.weixin.qq.com"


class WecomRobotSettings(_Section):
    """The push-only robot of one WeCom group."""

    name: Name
    webhook_url: Secret = ""
    chat_id: str = ""


class OfficialAccountSettings(_Section):
    """A WeChat official account."""

    name: Name = "main"
    app_id: str = ""
    app_secret: Secret = ""
    token: Secret = ""
    encoding_aes_key: Secret = ""
    api_base: str = "https://api.weixin.qq.com"


class PlatformSettings(_Section):
    """Every configured bot, by platform."""

    feishu: tuple[FeishuSettings, ...] = ()
    feishu_robot: tuple[FeishuRobotSettings, ...] = ()
    wecom_aibot: tuple[WecomAibotSettings, ...] = ()
    wecom_app: tuple[WecomAppSettings, ...] = ()
    wecom_robot: tuple[WecomRobotSettings, ...] = ()
    official_account: tuple[OfficialAccountSettings, ...] = ()

    def configured(self) -> bool:
        """Whether there is any."""
        return any(getattr(self, name) for name in type(self).model_fields)

    def repeated(self) -> str:
        """The first name that two bots of one platform share, as ``platforms.feishu main``; empty: none do."""
        names = Counter(f"platforms.{key} {bot.name}" for key in type(self).model_fields for bot in getattr(self, key))
        return next((name for name, count in names.items() if count > 1), "")


class Open311Settings(_Section):
    """Another system, such as a city's platform, that reports hazards through Open311 and reads what becomes of them.

    ``organisation`` is the name or path of the one in the roster that gets its reports; ``key`` is the ``api_key``.
    """

    name: Name
    key: Secret = Field(min_length=16)
    organisation: str


class Settings(_Section):
    """The whole configuration."""

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    bot: BotSettings = BotSettings()
    sandbox: SandboxSettings = SandboxSettings()
    platforms: PlatformSettings = PlatformSettings()
    open311: tuple[Open311Settings, ...] = ()

    @property
    def sandbox_enabled(self) -> bool:
        """Whether the sandbox page is served."""
        if self.sandbox.enabled == "auto":
            return not self.platforms.configured()
        return self.sandbox.enabled

    def repeated(self) -> str:
        """The first name that two bots of one platform, or two Open311 systems, share; empty: none do."""
        names = Counter(f"open311 {system.name}" for system in self.open311)
        return self.platforms.repeated() or next((name for name, count in names.items() if count > 1), "")


def load_settings(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads the configuration. Raises ConfigurationError, which names the key that is wrong.

    ``path`` is what ``--config`` gave; without it ``JUFENG_CONFIG`` or ``config.toml`` here, if there is one.
    """
    values = _read(path or _default_path(environment))
    _override(values, environment)
    _check_names(values, Settings, "")
    try:
        settings = Settings.model_validate(_resolve(values, environment, ""))
    except ValidationError as error:
        raise ConfigurationError(_first_problem(error)) from error
    if repeated := settings.repeated():
        raise ConfigurationError(f"有两个 {repeated}，请给它们取不同的 name")
    return settings


def _default_path(environment: Mapping[str, str]) -> Path | None:
    if named := environment.get("JUFENG_CONFIG"):
        return Path(named)
    beside = Path("config.toml")
    return beside if beside.exists() else None


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"读不到配置文件 {path}：{error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"配置文件 {path} 不是正确的 TOML：{error}") from error


def _override(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    """``JUFENG_SERVER__PORT=9000`` and, for the first Feishu app, ``JUFENG_PLATFORMS__FEISHU__0__APP_ID=cli_…``."""
    named = {name: name.removeprefix(PREFIX).lower().split("__") for name in environment if name.startswith(PREFIX)}
    for name, keys in sorted(named.items(), key=lambda item: _in_order(item[1])):
        if len(keys) > 1:
            _set(values, keys, environment[name], name)


def _in_order(keys: Iterable[str]) -> list[tuple[int, str]]:
    """The third app comes before the eleventh."""
    return [(int(key) if key.isdecimal() else -1, key) for key in keys]


def _set(values: dict[str, Any], keys: list[str], value: str, name: str) -> None:
    target: Any = values
    for key, following in itertools.pairwise(keys):
        empty: Any = [] if following.isdecimal() else {}
        target = _step(target, key, empty, name)
    if not isinstance(target, dict):
        raise ConfigurationError(f"环境变量 {name} 没有指向配置里的一项")
    target[keys[-1]] = _listed(keys, value)


def _listed(keys: list[str], value: str) -> str | list[str]:
    """``bot.admins`` is the one list of values: commas separate them in the environment."""
    if keys == ["bot", "admins"]:
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _step(target: Any, key: str, empty: Any, name: str) -> Any:
    if isinstance(target, list) and key.isdecimal() and int(key) <= len(target):
        if int(key) == len(target):
            target.append({})
        return target[int(key)]
    if isinstance(target, dict):
        return target.setdefault(key, empty)
    raise ConfigurationError(f"环境变量 {name} 没有指向配置里的一项")


def _check_names(values: Any, model: type[BaseModel], where: str) -> None:
    if not isinstance(values, dict):
        return
    for key, value in values.items():
        if key not in model.model_fields:
            near = difflib.get_close_matches(key, model.model_fields, n=1, cutoff=0.0)[0]
            raise ConfigurationError(f"不认识的配置项 {where}{key}，您是不是想写 {where}{near}？")
        section = _section_of(model, key)
        if section is not None:
            _check_shape(value, model, f"{where}{key}", key)
            for inner in value if isinstance(value, list) else [value]:
                _check_names(inner, section, f"{where}{key}.")


def _check_shape(value: Any, model: type[BaseModel], where: str, key: str) -> None:
    """One pair of brackets for a section, two for a list of them."""
    several = get_origin(model.model_fields[key].annotation) is tuple
    if isinstance(value, dict if several else list):
        right, wrong = (f"[[{where}]]", f"[{where}]") if several else (f"[{where}]", f"[[{where}]]")
        raise ConfigurationError(f"配置段要写成 {right}，不是 {wrong}")


def _section_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    annotation: Any = model.model_fields[key].annotation
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _resolve(value: Any, environment: Mapping[str, str], where: str) -> Any:
    if isinstance(value, dict):
        return {key: _resolve(inner, environment, f"{where}.{key}".lstrip(".")) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolve(inner, environment, where) for inner in value]
    if isinstance(value, str):
        return _secret(value, environment, where)
    return value


def _secret(value: str, environment: Mapping[str, str], where: str) -> str:
    source, _, name = value.partition(":")
    if source == "env":
        if name not in environment:
            raise ConfigurationError(f"配置项 {where} 指向的环境变量 {name} 没有设置")
        return environment[name]
    if source == "file":
        try:
            return Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"配置项 {where} 指向的文件 {name} 读不出来") from error
    return value


def _first_problem(error: ValidationError) -> str:
    """Never the value itself: it may be a secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, _keys(first["loc"])))
    expected = EXPECTED.get(first["type"])
    return f"配置项 {where} 不对：{expected.format_map(first.get('ctx', {})) if expected else first['msg']}"


def _keys(location: tuple[int | str, ...]) -> Iterable[int | str]:
    """The path to a value without what pydantic adds for the choices of a union."""
    section: type[BaseModel] | None = Settings
    for part in location:
        if isinstance(part, str):
            if section is None or part not in section.model_fields:
                return
            section = _section_of(section, part)
        yield part
