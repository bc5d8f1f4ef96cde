"""The sandbox page in a real browser, on the real server: the whole story, and what a phone in a pocket does to it."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, FilePayload, Route, ViewportSize, expect

from tests.browser.phone import DESKTOP, PHONE, Phone, sandbox_server
from tests.fakes.product import Product

Opener = Callable[[ViewportSize], Phone]
pytestmark = pytest.mark.xdist_group("browser")  # one browser, and one server for most of them


@pytest.fixture(scope="module")
def server(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The server that all tests of this file share, started only if there is a browser."""
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as product:
        yield product


@pytest.fixture
def opened(chromium: Browser, server: Product) -> Iterator[Opener]:
    """Opens the page in a window of its own; in the end nothing must have gone wrong in any."""
    windows: list[Phone] = []

    def window(size: ViewportSize) -> Phone:
        context = chromium.new_context(viewport=size, has_touch=size == PHONE, is_mobile=size == PHONE)
        windows.append(Phone(context.new_page(), server.url))
        return windows[-1]

    yield window
    for phone in windows:
        phone.page.context.close()
        assert phone.failures == []


def test_the_whole_story(chromium: Browser, tmp_path: Path) -> None:
    with sandbox_server(tmp_path / "story") as product:
        phone = Phone(chromium.new_context(viewport=DESKTOP).new_page(), product.url)
        tell_story(phone)
        assert phone.failures == []
        phone.page.context.close()


def tell_story(phone: Phone) -> None:
    phone.play("王书记")
    phone.say("开课 10分钟微课堂 交通安全")
    expect(phone.bot("10分钟微课堂《交通安全》")).to_be_visible()

    phone.play("小李")
    phone.say("签到")
    expect(phone.own("签到").locator(".tick")).to_be_visible()
    expect(phone.bot("1 / 12")).to_be_visible()
    phone.play("小赵")
    phone.page.get_by_role("button", name="签到", exact=True).first.click()
    expect(phone.bot("2 / 12")).to_be_visible()

    number = report_hazard(phone)
    file_appeal(phone)

    phone.play("小李")
    phone.open("私聊")
    phone.say("我有多少积分")
    expect(phone.bot("2 分")).to_be_visible()

    send_to_unit_and_close(phone, number)

    phone.play("小李")
    phone.open("私聊")
    expect(phone.bot(number).last).to_be_visible()

    phone.play("王书记")
    phone.open("支部群")
    phone.forward(re.compile("周五 15:30"))
    expect(phone.page.locator(".clock .big")).to_contain_text("周五 15:30")
    expect(phone.bot("签到结束：应到 12，实到 2")).to_be_visible()
    expect(phone.bot("隐患").last).to_contain_text("办结 1")


def report_hazard(phone: Phone) -> str:
    """小李 reports a hazard with a photo in the group, and gets its number."""
    phone.play("小李")
    phone.attach_sample()
    phone.say("170号院内有建筑垃圾，请派人处理。")
    expect(phone.own("建筑垃圾").locator("img[alt=现场照片]")).to_be_visible()
    card = phone.bot("170号院").last
    expect(card.locator("img[alt=现场照片]")).to_be_visible()
    found = re.search(r"\d{4}", card.locator("h3").inner_text())
    assert found
    return found[0]


def file_appeal(phone: Phone) -> None:
    """小张 files an appeal in private; the group does not see it."""
    phone.play("小张")
    phone.open("私聊")
    phone.say("站点扣了我两百块没说理由")
    expect(phone.bot("诉求")).to_be_visible()
    phone.play("小李")
    phone.open("支部群")
    expect(phone.page.locator("#log").get_by_text("两百块")).to_have_count(0)


def send_to_unit_and_close(phone: Phone, number: str) -> None:
    """王书记 sends the hazard to 物业, and 老陈 closes it."""
    phone.play("王书记")
    phone.open("支部群")
    phone.say(f"派单 {number} 物业")
    expect(phone.tab("物业群").locator(".badge")).to_have_text("1")
    phone.play("老陈")
    phone.open("物业群")
    expect(phone.bot(number).locator("img[alt=现场照片]")).to_be_visible()
    phone.say(f"办结 {number} 已清运")
    expect(phone.bot("已办结")).to_be_visible()
    phone.play("王书记")
    phone.open("支部群")
    expect(phone.bot("已清运").last).to_contain_text(number)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_newcomer_only_follows_the_red_button(chromium: Browser, tmp_path: Path, size: ViewportSize) -> None:
    with sandbox_server(tmp_path / "guided") as product:
        phone = Phone(chromium.new_context(viewport=size).new_page(), product.url)
        for title, seen in [
            ("书记开一堂微课", "10分钟微课堂《交通安全》"),
            ("骑手签到", "1 / 12"),
            ("骑手随手拍，报隐患", "170号院"),
            ("受了委屈，私下提诉求", "诉求"),
            ("查查自己的积分", "2 分"),
            ("书记派单给物业", "派给"),
            ("物业清运，办结", "已办结"),
            ("快进到周五，看周报", "隐患："),
        ]:
            expect(phone.page.locator(".next .play")).to_contain_text(title)
            phone.next_step()
            expect(phone.bot(seen).last).to_be_visible(timeout=30_000)
        expect(phone.page.locator("#progress")).to_have_text("都试过了")
        assert phone.failures == []
        phone.page.context.close()


def test_what_to_try_is_seen_at_once(opened: Opener) -> None:
    for size in (DESKTOP, PHONE):
        phone = opened(size)
        expect(phone.page.get_by_text("点我试试")).to_be_in_viewport()
        expect(phone.page.get_by_role("radio")).to_have_count(6)
        for person in phone.page.get_by_role("radio").all():
            expect(person).to_be_in_viewport()
        expect(phone.page.get_by_label("说点什么")).to_be_in_viewport()
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"


def test_a_unit_is_picked_and_a_form_filled_in_with_a_thumb(opened: Opener) -> None:
    phone = opened(PHONE)
    number = report_hazard(phone)
    phone.play("王书记")
    phone.open("私聊")
    card = phone.bot(number).last
    for part in (*card.locator(".act").all(), card.get_by_label("不受理的理由")):
        box = part.bounding_box()
        assert box, "it is seen"
        assert round(box["height"]) >= 44, "a thumb hits it"
    card.get_by_role("group", name="派给").get_by_role("button", name="幸福里物业").tap()
    expect(phone.bot(f"{number}（170号院）已派给幸福里物业")).to_be_visible()

    phone.play("老陈")
    phone.open("物业群")
    form = phone.bot(f"新派单 {number}")
    form.get_by_label("怎么办的").fill("已清运")
    phone.page.keyboard.press("Enter")
    expect(phone.bot(f"{number}（170号院）已办结：已清运").last).to_be_visible()
    expect(form.get_by_label("怎么办的")).to_have_value("")


def test_a_wrong_category_is_put_right_with_a_thumb(opened: Opener) -> None:
    phone = opened(PHONE)
    phone.play("小赵")
    phone.say("滨河路公交站旁边堆满了纸箱")
    card = phone.bot("滨河路公交站").last
    category = card.get_by_role("button", name="违停占道")
    expect(category).to_be_hidden()
    label = card.locator("summary")
    box = label.bounding_box()
    assert box, "it is seen"
    assert round(box["height"]) >= 44, "a thumb hits it"
    label.tap()
    category.tap()
    expect(phone.bot("的类别改成了「违停占道」").last).to_be_visible()


def test_what_is_written_into_a_form_stays_until_it_is_taken(opened: Opener) -> None:
    phone = opened(DESKTOP)
    phone.play("小李")
    phone.say("幸福里东门井盖没了")
    phone.play("王书记")
    phone.open("私聊")
    form = phone.bot("幸福里东门井盖没了")
    form.get_by_label("不受理的理由").fill("已经盖好了")
    phone.page.route("**/sandbox/buttons", lambda route: route.abort())
    form.get_by_role("button", name="不受理").click()
    expect(phone.page.locator(".toast.bad")).to_contain_text("连不上")
    expect(form.get_by_label("不受理的理由")).to_have_value("已经盖好了")
    phone.page.unroute("**/sandbox/buttons")
    phone.page.wait_for_timeout(1600)  # a second press within this time would be taken for a double click
    form.get_by_role("button", name="不受理").click()
    expect(phone.bot("（幸福里东门）不予受理：已经盖好了")).to_be_visible()


def test_a_file_is_downloaded_under_its_name(opened: Opener) -> None:
    phone = opened(PHONE)
    phone.play("王书记")
    phone.open("私聊")
    phone.say("导出 名册")
    with phone.page.expect_download() as downloading:
        phone.page.get_by_role("link", name="名册-幸福里流动党支部.xlsx").last.click()
    assert downloading.value.suggested_filename == "名册-幸福里流动党支部.xlsx"
    with downloading.value.path().open("rb") as file:
        assert load_workbook(file)["名册"]["A2"].value == "王书记"


def test_who_is_called_is_shown_by_name(opened: Opener) -> None:
    phone = opened(DESKTOP)
    phone.play("王书记")
    phone.open("支部群")
    phone.say("开课 党课")
    phone.say("谁没签到")
    expect(phone.bot("还没签到").last.locator(".at").first).to_have_text("@小李")
    phone.say("结束签到")
    expect(phone.bot("签到结束").last).to_be_visible()


def test_chatter_gets_no_answer(opened: Opener) -> None:
    phone = opened(DESKTOP)
    phone.play("小张")
    phone.say("今天风好大")
    phone.say("@小蜂 帮助")
    expect(phone.bot().last).to_be_visible()
    expect(phone.bot().filter(has=phone.page.locator(".quote", has_text="风好大"))).to_have_count(0)


def test_two_windows_see_the_same(opened: Opener) -> None:
    one, other = opened(PHONE), opened(DESKTOP)
    one.play("小赵")
    other.play("小张")
    one.say("两个窗口都看得到吧")
    expect(other.page.get_by_text("两个窗口都看得到吧")).to_be_visible()
    other.open("私聊")
    one.say("那这条呢")
    expect(other.tab("支部群").locator(".badge")).to_have_text("1")
    other.open("支部群")
    expect(other.tab("支部群").locator(".badge")).to_have_count(0)


def test_what_is_said_offline_arrives_once(opened: Opener) -> None:
    phone = opened(PHONE)
    phone.play("小李")
    phone.page.context.set_offline(True)
    phone.say("信号不好的时候说的")
    expect(phone.own("信号不好").locator(".after")).to_contain_text("发送中")
    phone.page.context.set_offline(False)
    expect(phone.own("信号不好").locator(".after")).to_be_hidden()
    phone.page.reload()
    expect(phone.own("信号不好")).to_have_count(1)


def test_an_answer_that_comes_late_does_not_take_the_tick_away(opened: Opener) -> None:
    """The server answers what was posted with the message as it was then; the tick may have come meanwhile."""
    phone = opened(DESKTOP)
    phone.play("王书记")
    phone.open("支部群")
    phone.say("开课 班前一刻钟")
    ticked = phone.own("签到").last.locator(".tick")

    def late(route: Route) -> None:
        answer = route.fetch()
        expect(ticked).to_be_visible()
        route.fulfill(response=answer)

    phone.play("小张")
    phone.page.route("**/sandbox/messages", late)
    with phone.page.expect_response("**/sandbox/messages"):
        phone.say("签到")
    phone.page.wait_for_timeout(300)
    expect(ticked).to_be_visible()


def news_come(opened: Opener, road: str) -> None:
    """A rider reports something that everybody in the group and the secretary in private hear of."""
    other = opened(DESKTOP)
    other.play("小李")
    other.open("支部群")
    other.say(f"{road} 井盖没了")
    expect(other.bot(road)).to_be_visible()


@pytest.fixture
def pressed(opened: Opener) -> Phone:
    """The secretary's, in the group, with the pointer over the other tab."""
    phone = opened(DESKTOP)
    phone.play("王书记")
    phone.open("支部群")
    phone.tab("私聊").hover()
    return phone


def test_what_is_pressed_is_clicked_though_news_come_meanwhile(opened: Opener, pressed: Phone) -> None:
    pressed.page.mouse.down()
    news_come(opened, "和平路")
    pressed.page.wait_for_timeout(500)
    pressed.page.mouse.up()
    expect(pressed.tab("私聊")).to_have_attribute("aria-selected", "true")
    expect(pressed.bot("和平路").last).to_be_visible()


def test_what_is_pressed_with_the_space_bar_is_clicked_though_news_come_meanwhile(
    opened: Opener, pressed: Phone
) -> None:
    pressed.tab("私聊").focus()
    pressed.page.keyboard.down(" ")
    news_come(opened, "建设路")
    pressed.page.wait_for_timeout(500)
    pressed.page.keyboard.up(" ")
    expect(pressed.tab("私聊")).to_have_attribute("aria-selected", "true")


def test_news_that_came_under_a_finger_are_seen_once_it_is_lifted_elsewhere(opened: Opener, pressed: Phone) -> None:
    pressed.page.mouse.down()
    news_come(opened, "光明路")
    pressed.page.wait_for_timeout(500)
    expect(pressed.bot("光明路")).to_have_count(0)
    pressed.page.mouse.move(1, 1)
    pressed.page.mouse.up()
    expect(pressed.bot("光明路").last).to_be_visible()
    expect(pressed.tab("支部群")).to_have_attribute("aria-selected", "true")


def test_news_are_seen_while_a_menu_of_the_browser_is_open(opened: Opener, pressed: Phone) -> None:
    """The button that opened it is not always reported as released."""
    pressed.page.mouse.down(button="right")
    news_come(opened, "长江路")
    expect(pressed.bot("长江路").last).to_be_visible()


def test_what_was_not_sent_survives_a_reload(opened: Opener) -> None:
    phone = opened(DESKTOP)
    phone.play("小李")
    phone.page.route("**/sandbox/messages", lambda route: route.abort())
    phone.say("刷新之前没发出去")
    phone.page.unroute("**/sandbox/messages")
    phone.page.reload()
    expect(phone.own("刷新之前没发出去")).to_have_count(1)
    expect(phone.own("刷新之前没发出去").locator(".after")).to_be_hidden()


def test_a_refused_photo_says_why(opened: Opener) -> None:
    phone = opened(PHONE)
    broken = FilePayload(name="x.jpg", mimeType="image/jpeg", buffer=b"no picture")
    phone.page.locator("#file").set_input_files(broken)
    expect(phone.page.locator(".toast.bad")).to_contain_text("打不开")
    expect(phone.page.locator("#attached")).to_be_hidden()


def test_it_works_with_the_keyboard_alone(opened: Opener) -> None:
    phone = opened(DESKTOP)
    phone.play("王书记")
    phone.page.get_by_role("radio", name="王书记").focus()
    phone.page.keyboard.press("ArrowDown")
    expect(phone.page.get_by_role("radio", name="小李")).to_be_focused()
    expect(phone.page.get_by_role("radio", name="小李")).to_be_checked()
    phone.tab("支部群").focus()
    phone.page.keyboard.press("ArrowRight")
    expect(phone.tab("私聊")).to_be_focused()
    phone.page.get_by_role("button", name="发照片").focus()
    phone.page.keyboard.press("Enter")
    expect(phone.page.get_by_role("button", name="用一张示例照片")).to_be_focused()
    phone.page.keyboard.press("Escape")
    expect(phone.page.get_by_role("button", name="用一张示例照片")).to_be_hidden()


def test_a_photo_opens_and_closes(opened: Opener) -> None:
    phone = opened(DESKTOP)
    phone.play("小赵")
    phone.open("私聊")
    phone.attach_sample()
    phone.say("您看这张")
    phone.own("您看这张").get_by_role("button", name="看大图").click()
    expect(phone.page.get_by_role("dialog")).to_be_visible()
    phone.page.keyboard.press("Escape")
    expect(phone.page.get_by_role("dialog")).to_be_hidden()


def test_the_server_stops_at_once_though_a_page_is_open(chromium: Browser, tmp_path: Path) -> None:
    with sandbox_server(tmp_path / "stopping") as product:
        phone = Phone(chromium.new_context(viewport=PHONE).new_page(), product.url)
        expect(phone.page.locator("#offline")).to_be_hidden()
        asked = time.monotonic()
        product.stop()
        assert time.monotonic() - asked < 3
        assert "Traceback" not in product.log()
        expect(phone.page.locator("#offline")).to_be_visible()
        product.start()
        expect(phone.page.locator("#offline")).to_be_hidden(timeout=15_000)
        phone.page.context.close()
