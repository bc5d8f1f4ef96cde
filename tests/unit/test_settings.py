"""Configuration: what overrides what, what errors say, and that no error shows a secret."""

import re
import tomllib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.settings import ConfigurationError, PlatformSettings, Settings, load_settings

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
SECRET = "a very secret thing"


def load(tmp_path: Path, text: str, **environment: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environment)


def refusal(tmp_path: Path, text: str, **environment: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text, **environment)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_without_a_file_there_is_a_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load_settings(None, {})

    assert settings == Settings()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8000)
    assert settings.database.url == "sqlite:///data/jufeng.db"
    assert settings.bot.data_dir == Path("data")
    assert settings.sandbox_enabled


def test_which_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, port in (("config.toml", 1), ("named.toml", 2), ("given.toml", 3)):
        Path(name).write_text(f"[server]\nport = {port}\n", encoding="utf-8")
    environment = {"JUFENG_CONFIG": "named.toml"}

    assert load_settings(None, {}).server.port == 1
    assert load_settings(None, environment).server.port == 2
    assert load_settings(Path("given.toml"), environment).server.port == 3


def test_the_environment_comes_over_the_file(tmp_path: Path) -> None:
    text = '[server]\nport = 1\nhost = "a"\n[bot]\nadmins = ["feishu:ou_1"]\n'

    settings = load(tmp_path, text, JUFENG_SERVER__PORT="2", JUFENG_BOT__ADMINS="feishu:ou_2, wecom:li", OTHER__X="1")

    assert (settings.server.port, settings.server.host) == (2, "a")
    assert settings.bot.admins == ("feishu:ou_2", "wecom:li")


def test_apps_are_overridden_and_added_by_their_number(tmp_path: Path) -> None:
    text = '[[platforms.feishu]]\nname = "a"\napp_id = "cli_a"\n'
    environment = {f"JUFENG_PLATFORMS__FEISHU__{n}__NAME": f"app{n}" for n in range(1, 12)}

    settings = load(tmp_path, text, JUFENG_PLATFORMS__FEISHU__0__APP_SECRET="s", **environment)

    first = settings.platforms.feishu[0]
    assert (first.name, first.app_id, first.app_secret) == ("a", "cli_a", "s")
    assert [app.name for app in settings.platforms.feishu] == ["a", *(f"app{n}" for n in range(1, 12))]


@pytest.mark.parametrize(
    "name", ["JUFENG_PLATFORMS__FEISHU__1__NAME", "JUFENG_PLATFORMS__FEISHU__0", "JUFENG_SERVER__PORT__0"]
)
def test_overrides_that_point_nowhere(tmp_path: Path, name: str) -> None:
    refused = refusal(tmp_path, "[server]\nport = 1\n[platforms]\nfeishu = []\n", **{name: SECRET})

    assert refused == f"环境变量 {name} 没有指向配置里的一项"


@pytest.mark.parametrize(
    ("enabled", "expected"), [("auto", False), ("true", True), ("false", False)], ids=["auto", "true", "false"]
)
def test_the_sandbox_beside_a_platform(tmp_path: Path, enabled: str, expected: bool) -> None:
    settings = load(tmp_path, '[[platforms.feishu]]\napp_id = "x"\n', JUFENG_SANDBOX__ENABLED=enabled)

    assert settings.sandbox_enabled is expected


def test_values_from_the_environment_and_from_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    text = f'[server]\nport = "env:PORT"\n[[platforms.feishu]]\napp_secret = "file:{secret}"\n'

    settings = load(tmp_path, text, PORT="81", JUFENG_DATABASE__URL="env:DATABASE", DATABASE="sqlite:///x.db")

    assert settings.platforms.feishu[0].app_secret == SECRET
    assert (settings.server.port, settings.database.url) == (81, "sqlite:///x.db")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[server]\nprot = 1\n", "不认识的配置项 server.prot，您是不是想写 server.port？"),
        ("[servr]\nport = 1\n", "不认识的配置项 servr，您是不是想写 server？"),
        (
            f'[[platforms.feishu]]\nname = "a"\n[[platforms.feishu]]\napp_secrt = "{SECRET}"\n',
            "不认识的配置项 platforms.feishu.app_secrt，您是不是想写 platforms.feishu.app_secret？",
        ),
        ('[platforms.feishu]\nname = "a"\n', "配置段要写成 [[platforms.feishu]]，不是 [platforms.feishu]"),
        ("[[server]]\nport = 1\n", "配置段要写成 [server]，不是 [[server]]"),
        ("server = 1\n", "配置项 server 不对：要写成配置段"),
        (f'[server]\nport = "{SECRET}"\n', "配置项 server.port 不对：要写一个整数"),
        ("[server]\nport = 70000\n", "配置项 server.port 不对：不能大于 65535"),
        ('[bot]\ntimezone = "UTC"\n', "配置项 bot.timezone 不对：只能写 'Asia/Shanghai'"),
        ('[bot]\nadmins = "feishu:ou_1"\n', '配置项 bot.admins 不对：要写成列表，例如 ["feishu:ou_xxx"]'),
        (f'[sandbox]\nenabled = "{SECRET}"\n', "配置项 sandbox.enabled 不对：要写 true 或 false"),
        ("[[platforms.feishu]]\napp_secret = 12345\n", "配置项 platforms.feishu.0.app_secret 不对：要写成引号里的文字"),
        ("[[platforms.wecom_robot]]\n", "配置项 platforms.wecom_robot.0.name 不对：没有填"),
        (
            '[[platforms.feishu]]\nname = "a/b"\n',
            "配置项 platforms.feishu.0.name 不对：只能用文字、数字和「-」「_」「.」，最多 40 个字",
        ),
        (
            '[[open311]]\nname = "city"\nkey = "short"\norganisation = "a"\n',
            "配置项 open311.0.key 不对：太短了，至少 16 个字",
        ),
        (f'[[open311]]\nname = "city"\nkey = "{SECRET}"\n', "配置项 open311.0.organisation 不对：没有填"),
        (
            f'[[open311]]\nname = "a"\nkey = "{SECRET}"\norganisation = "a"\n' * 2,
            "有两个 open311 a，请给它们取不同的 name",
        ),
        ("[[platforms.feishu]]\n[[platforms.feishu]]\n", "有两个 platforms.feishu main，请给它们取不同的 name"),
        ('[bot]\nname = "env:NOWHERE"\n', "配置项 bot.name 指向的环境变量 NOWHERE 没有设置"),
        ('[bot]\nname = "file:/no/where"\n', "配置项 bot.name 指向的文件 /no/where 读不出来"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, expected: str) -> None:
    assert refusal(tmp_path, text) == expected


def test_an_unknown_key_of_the_environment_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, "", JUFENG_SERVER__PRT=SECRET) == "不认识的配置项 server.prt，您是不是想写 server.port？"


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    assert "不是正确的 TOML" in refusal(tmp_path, f"[server\n{SECRET}")
    with pytest.raises(ConfigurationError, match="读不到配置文件"):
        load_settings(tmp_path / "none.toml", {})


def test_a_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeff[server]\nport = 9\n").server.port == 9


def test_settings_do_not_show_their_secrets(tmp_path: Path) -> None:
    keys = ("app_secret", "encrypt_key", "verification_token")
    lines = "\n".join(f'{key} = "{SECRET}"' for key in keys)

    settings = load(tmp_path, f'[database]\nurl = "postgresql://u:{SECRET}@h/d"\n[[platforms.feishu]]\n{lines}\n')

    assert SECRET not in repr(settings)


def test_the_example_is_a_sandbox() -> None:
    settings = load_settings(EXAMPLE, {})

    assert settings == Settings()
    assert settings.sandbox_enabled


def test_the_example_shows_every_key(tmp_path: Path) -> None:
    text = re.sub(r"^#(?=\S)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = dict.fromkeys(re.findall(r'"env:(\w+)"', text), SECRET)

    settings = load(tmp_path, text, **named)

    assert settings.platforms.feishu[0].app_secret == SECRET
    one_of_each = {platform: [{"name": "a"}] for platform in PlatformSettings.model_fields}
    system = {"name": "city", "key": SECRET, "organisation": ""}
    known = Settings.model_validate({"platforms": one_of_each, "open311": [system]}).model_dump(mode="json")
    assert set(keys(tomllib.loads(text))) == set(keys(known))


def keys(value: Any, where: str = "") -> Iterator[str]:
    """The paths to all values."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from keys(inner, f"{where}.{key}")
    elif isinstance(value, list) and value:
        yield from keys(value[0], where)
    else:
        yield where
