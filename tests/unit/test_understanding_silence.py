"""A group is for people: what they say to one another is not answered."""

import pytest

from tests.unit.understood import said

CHATTER = """
今天单子真多
又被扣钱了哈哈
签到了没你们
收到没
昨天那个井盖修好了
平台又改规则了，服了
这破车又坏了
刚看新闻说哪里着火了
听说美食街着火了，真的假的
积水里骑车裤子全湿了哈哈
我家水管漏水，房东不管
防止电动车起火，大家少充一会
请假条怎么写啊有模板吗
谁去签到啊
收到货款了
补课班的孩子真可怜
他被站长骂了一顿
今天罚款罚得我怀疑人生哈哈哈
通过了，驾照科目二
派单派到天边去了
树倒了猢狲散
外卖洒了一地，赔了二十
我电瓶没电了，谁来救我
满意个鬼
通知书到了吗
明天去不了网吧了
工资发了没你们
申诉成功了，开心
下课了去接孩子
着火的心情哈哈
给我加个鸡腿
这个月随到随学了好多
代签收的快递放驿站了
帮小张代签收一下
谁能帮小张签到
帮我妈打卡
替小张签个字
签到码多少啊
码又换了
1024
8848米
验证码是多少
扫码付款
签到？
收到？
谁收到货了
提醒大家路上慢点
流入市场的小电驴真多
小何离开支部了
我明天离开兰州
会来
他会来
明天会来几个人
材料准备好了
材料带了没
资料发我一下
这个月计划跑满三千单
我报的
补充一下，今天有雨
补充点水分
撤回了一条消息
问一下1024是谁
我要匿名
直通车来了
继续
还有吗
下午有个恳谈会
我改期了机票
外卖取消了
又有人取消订单
线上开会还是线下
主持人是谁
对上了
确认对上了
确认一下数对不对得上
名字都对上了吗
账对上了，一分不差
确认 3 号去不去
会议台账报上去了
会议纪要我来写
纪要写完没
写个纪要吧
这个月考勤不好看
考勤机坏了
台账还没交
这个月还差两千块
这个月还差多少
还差什么菜没点
三会一课
要求太多了
要求党课都要到
要求大家都戴头盔
绑定银行卡
绑定 成功了
绑定，不用了
导出来的表格格式乱了
导出 好了我发你
名册 我放桌上了
开课的事我再想想
开课，我先去占座
开课 听说推迟了
开课 前半小时喊我
开课 时间再定
通知 我看了，不用去
通知 小李发过了
通知 我转发了
群发 广告的我踢了
周报写吐了
周报 不用写了
周报 我昨天发了
动员 会开完了
还缺 1个人 斗地主
排课 太难了
诉求台账 我发街道了
开始签到 还没有
""".strip().splitlines()

HEARD = """
着火了快来人
路灯坏了好几天了没人修
我们站点拖欠工资两个月了，找谁都没用
幸福里3号楼电梯困人了
沿河路没有路灯，拐弯处容易撞
站长把我高温补贴吞了不给发，凭什么
""".strip().splitlines()


@pytest.mark.parametrize("role", ["member", "secretary", "organizer", "contact"])
@pytest.mark.parametrize("text", CHATTER)
def test_chatter_is_not_answered(text: str, role: str) -> None:
    intent = said(text, role=role)
    assert (intent.name, intent.reply) == ("none", False)


@pytest.mark.parametrize("text", ["准备请假", "要求党课每月都要有人去", "要求 党课 每月1次"])
def test_what_only_a_secretary_would_mean_is_no_command_of_a_member(text: str) -> None:
    assert not said(text).reply


@pytest.mark.parametrize("text", HEARD)
def test_hazards_and_appeals_are_heard_though_nobody_was_asked(text: str) -> None:
    intent = said(text)
    assert intent.reply
    assert intent.name in {"hazard_report", "appeal_file"}


@pytest.mark.parametrize(
    "text",
    [
        "小偷撬锁",
        "电线垂地",
        "前面大坑 慢点",
        "恶狗没拴 绕开走",
        "闻到煤气味 别点烟",
        "着火了 城南废品站 别靠近",
        "投诉：恶意差评扣我五十",
        "反映换电柜总没满电的",
        "希望站里把保险补上",
    ],
)
def test_few_characters_are_enough(text: str) -> None:
    """Short reports were taken for chatter, since each piece of their evidence counted as little as one of many."""
    assert said(text).reply


@pytest.mark.parametrize("text", ["幸福里东门", "三中门口", "就在18号院"])
def test_a_place_alone_is_an_answer_and_no_hazard(text: str) -> None:
    heard = said(text, addressed=True)
    assert (heard.name, heard.where) == ("none", text.removeprefix("就在"))
    assert not said(text).reply


@pytest.mark.parametrize(
    ("text", "role", "intent"),
    [
        ("老人摔倒三中门口", "member", "hazard_report"),
        ("还在冒烟三中门口", "member", "hazard_report"),
        ("水淹了5号楼", "member", "hazard_report"),
        ("黑衣人翻小太阳幼儿园后墙", "member", "hazard_report"),
        ("最近的换电站", "member", "station_query"),
        ("我已到会议室", "member", "check_in"),
        ("通过18号", "secretary", "approve_claim"),
    ],
)
def test_what_is_made_as_places_are_may_still_tell_something(text: str, role: str, intent: str) -> None:
    assert said(text, addressed=True, role=role).name == intent


@pytest.mark.parametrize("text", ["1", "👌", "okk"])
def test_a_casual_word_is_an_answer_and_nothing_by_itself(text: str) -> None:
    heard = said(text, addressed=True)
    assert (heard.name, heard.acknowledges) == ("none", True)


def test_a_secretary_who_has_received_a_notice_sends_none() -> None:
    heard = said("通知 收到了", role="secretary")
    assert (heard.name, heard.reply, heard.acknowledges) == ("none", False, True)
