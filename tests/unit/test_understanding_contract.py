"""The table of intents of the contract: every example text of it."""

import pytest

from tests.unit.understood import said

MEMBER = {
    "check_in": ["签到", "打卡 8848", "签到 482913", "签到码是8848", "我到了", "已到会场", "报个到签一下"],
    "vouch": ["代报 小张 没信号", "代报小张", "帮小张代报，他没信号", "替小张代签到"],
    "leave_request": ["请假 今晚要跑单", "这次会来不了，老家有事"],
    "make_up": ["补课", "我把昨天的课补一下"],
    "lesson_query": ["下次什么时候上课", "这周有会吗"],
    "hazard_report": ["170号院内有建筑垃圾，请派人处理。", "幸福里东门井盖没了"],
    "appeal_file": ["站点扣了我两百块没说理由", "诉求: 充电柜太少"],
    "case_query": ["我上次报的井盖怎么样了", "进度 1024"],
    "case_feedback": ["满意", "没解决，还是堆着", "评价 1024 5分"],
    "points_query": ["我有多少积分"],
    "leaderboard": ["这个月谁第一"],
    "points_claim": ["申报 昨天帮社区搬物资2小时"],
    "redeem": ["兑换 头盔", "积分能换什么"],
    "activity_signup": ["报名", "周六送考我参加", "报名 12"],
    "notice_ack": ["收到", "收到，谢谢书记"],
    "station_query": ["附近哪有驿站", "哪里能热饭"],
    "bind": ["报到 小李 1234"],
    "party_application": ["我想入党", "怎么交入党申请书"],
    "help": ["帮助"],
    "inflow": ["流入 甘肃定西河口村党支部 联系人 老王 2026年3月", "流动党员报到"],
    "outflow": ["离开支部", "我要离开支部了，去兰州"],
    "home_report": ["已向流出地汇报", "我已经向流出地党组织汇报过了"],
    "add_to_case": ["补充 1024 昨天又扣了一次", "1024补充 还有一处", "补充1024怎么没人管？"],
    "withdraw_case": ["撤回 1024", "撤回1024 已经解决了", "1024不报了", "把1024撤了"],
    "make_anonymous": ["匿名 1024", "1024改成匿名"],
    "go_above": ["直通 1024", "1024直通", "诉求直通"],
    "more": ["更多", "下一页"],
    "my_cases": ["我报的隐患有哪些", "我的诉求列表"],
    "coming": ["我会来", "我会参加周五的党课"],
    "materials": ["学习材料", "材料 党课", "上次的材料"],
}
STAFF = {
    "open_lesson": ["开课 10分钟微课堂 交通安全"],
    "close_lesson": ["结束签到"],
    "plan_lesson": ["计划 党员大会 周五15:00", "计划党课周五15:00冬季安全"],
    "move_lesson": [
        "改期 党课 周五15:00",
        "改期周五15:00",
        "党课改到周六15:00",
        "党课推迟一小时",
        "把周三的党课改到周五15:00",
    ],
    "cancel_lesson": ["取消 党课", "取消党课", "取消 周五的党课 下大雪", "党课不开了"],
    "add_material": ["材料 党课 https://example.org/a", "上传材料", "上传材料 党课"],
    "attendance_list": ["谁没签到"],
    "show_code": ["签到码", "开签到码", "签到二维码", "签到码在哪？"],
    "require_code": ["凭码签到", "只凭码签到", "凭现场的码签到"],
    "waive_code": ["不用凭码", "取消凭码签到"],
    "open_sites": ["随到随学 交通安全 东站驿站、西站驿站 3天", "开随到随学 交通安全 东站驿站", "随到随学"],
    "close_sites": ["结束随到随学", "结束随到随学 交通安全"],
    "confirm_vouch": ["确认代报 小张", "小张的代报属实"],
    "refuse_vouch": ["不认代报 小张", "小张代报不属实"],
    "approve_leave": ["准假 小李"],
    "ask_reporter": ["问 1024 哪天扣的？", "问1024怎么回事"],
    "record_appeals": ["记诉求 小李 充电柜太少", "记诉求\n小李 充电柜太少\n小张 没地方上厕所"],
    "meeting_appeals": ["恳谈会清单", "恳谈会的诉求"],
    "accept_case": ["受理 1024"],
    "decline_case": ["不受理 1024 不属实"],
    "assign_case": ["派单 1024 物业"],
    "return_case": ["退单 1024 不归我们管"],
    "resolve_case": ["办结 1024 已清运"],
    "merge_case": ["并案 1025 到 1024"],
    "case_list": ["待办"],
    "grant_points": ["加分 小李 5 送考"],
    "approve_claim": ["通过 31"],
    "reject_claim": ["驳回 31 没有照片"],
    "send_notice": ["通知 明天大风…", "通知：明天大风", "通知大家明天大风", "通知明天大风", "发通知 明天大风"],
    "ack_list": ["谁没收到", "谁没收到 3", "谁还没回收到", "通知 3 谁没收到"],
    "close_notice": ["结束通知", "结束通知 3", "结束通知3号"],
    "mobile_members": ["流动党员", "流动党员名单"],
    "mobilize": ["动员 卡口值守 20人 今晚"],
    "bind_chat": ["绑定 幸福里流动党支部"],
    "export": [
        "导出 考勤",
        "导出 名册",
        "导出 会议 上月",
        "导出考勤2026-01到2026-03",
        "导出 纪要 党课",
        "把3月的考勤导出来",
    ],
    "confirm_members": ["确认对上 3"],
    "duty_query": ["这个月还差什么", "本季度还差什么会", "还有哪些会没开", "三会一课还差什么？", "看一下三会一课"],
    "set_duty": ["要求 党课 每月1次", "要求支委会每季度一次", "要求 民主评议 不要求", "要求 党课 一个月两次"],
    "digest": ["周报"],
    "roster": ["名册"],
}
EXAMPLES = [
    (name, text, role)
    for table, role in ((MEMBER, "member"), (STAFF, "secretary"))
    for name, texts in table.items()
    for text in texts
]


@pytest.mark.parametrize(("name", "text", "role"), EXAMPLES)
@pytest.mark.parametrize("addressed", [False, True])
def test_examples_are_understood_and_acted_upon(name: str, text: str, role: str, addressed: bool) -> None:
    intent = said(text, role=role, addressed=addressed)
    assert (intent.name, intent.reply) == (name, True)
    assert intent.confidence >= 0.8


def test_one_is_asked_what_it_can_do() -> None:
    assert said("你能干啥", addressed=True).name == "help"
    assert not said("你能干啥").reply


def test_addressed_and_unknown_is_helped() -> None:
    intent = said("天上的云像棉花", addressed=True)
    assert (intent.name, intent.reply) == ("none", True)


def test_private_is_addressed() -> None:
    assert said("天上的云像棉花", private=True).reply


def test_a_member_does_not_command_by_the_way() -> None:
    assert said("动员我妈来跑单").name == "none"
    assert said("动员大家来扫雪", role="secretary").name == "mobilize"


def test_what_people_say_to_one_another_counts_only_when_addressed() -> None:
    assert said("知道了").name == "none"
    assert said("知道了", addressed=True).name == "notice_ack"


@pytest.mark.parametrize("text", ["大家签到 12号楼燃气泄漏了", "3号楼着火了 谁没签到", "收到 人民路5号着火了"])
def test_no_command_and_no_weight_silences_an_emergency(text: str) -> None:
    assert said(text).name == "hazard_report"


def test_who_was_hurt_and_wants_help_is_not_told_of_in_public() -> None:
    text = "我送餐在人民路12号被车撞骨折了 站点不给报工伤 谁能帮帮我"
    assert said(text).name == "appeal_file"


def test_an_emergency_comes_before_an_acknowledgement() -> None:
    intent = said("收到，和平小区5号楼着火了")
    assert (intent.name, intent.danger) == ("hazard_report", "fire")


@pytest.mark.parametrize(
    ("text", "danger"),
    [
        ("和平小区3号楼冒黑烟着火了", "fire"),
        ("5号楼一楼闻到天然气味，快来人！", "gas"),
        ("滨江东路撞车了，有个骑手躺在地上起不来", "injury"),
        ("中山桥下面有人打架，拿刀了", "crime"),
        ("3号楼楼道里堆满纸箱，容易着火", ""),
        ("幸福里东门井盖没了", ""),
    ],
)
def test_danger_is_what_happens_not_what_is_feared(text: str, danger: str) -> None:
    intent = said(text)
    assert (intent.name, intent.danger) == ("hazard_report", danger)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("人民路和解放街交叉口红绿灯不亮了", "道路交通"),
        ("170号院内有建筑垃圾，请派人处理。", "环境卫生"),
        ("兴工街城中村灭火器全过期了", "消防安全"),
        ("幸福里东门井盖没了", "公共设施"),
        ("十三号线工地的围挡被风刮倒了", "建筑施工"),
        ("12栋2单元有人飞线充电", "用电用气"),
        ("中山桥下面有人打架，拿刀了", "治安"),
        ("雁滩市场里头卖变质肉", "食品安全"),
        ("东岗西路盲道上停满了车", "违停占道"),
        ("西关十字积水很深，骑车绕行", "自然灾害"),
        ("隐患：南山路那块说不清的东西", "其他"),
    ],
)
def test_categories_of_hazards(text: str, category: str) -> None:
    assert said(text).category == category


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("诉求：公司拖欠工资", "劳动报酬"),
        ("诉求：不给交社保", "社会保险"),
        ("诉求：工伤认定不了", "工伤事故"),
        ("诉求：恶意差评", "考核处罚"),
        ("诉求：派单不公", "平台规则"),
        ("诉求：充电柜太少", "停车充电"),
        ("诉求：小区保安不让进", "通行进门"),
        ("诉求：没地方上厕所", "休息如厕"),
        ("诉求：孩子上学", "住房子女"),
        ("诉求：想做个体检", "健康医疗"),
        ("诉求：想找律师打官司", "法律援助"),
        ("诉求：想提升学历", "技能学历"),
        ("诉求：转组织关系", "组织关系"),
        ("诉求：说不清的事", "其他"),
    ],
)
def test_categories_of_appeals(text: str, category: str) -> None:
    assert said(text).category == category


def test_only_cases_have_a_category() -> None:
    assert said("签到").category is None


@pytest.mark.parametrize(
    "name",
    [
        *("测试市外卖行业党委", "东湖外卖一组", "新屯快递流动党支部", "新屯快递一组", "银岭货运责任单位", "城南营业部"),
        *("滨江骑士驿站第二党小组", "望京站", "锦绣物业公司", "阳光花园业委会", "司机之家", "大件运输队", "夜班组"),
        *("红蜂支部", "城关镇新业态党总支", "供电所", "燃气抢修队", "代驾支部", "五里墩支部", "十八里店", "新发地"),
    ],
)
def test_a_group_is_tied_to_an_organisation_of_any_name(name: str) -> None:
    """The names of no text that was learned made the evidence unsure."""
    intent = said(f"绑定 {name}", role="secretary")
    assert (intent.name, intent.reply, intent.slots["org"]) == ("bind_chat", True, name)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("取消 党课 改看直播", "cancel_lesson"),
        ("改期 党课 周六15:00 周五要看直播", "move_lesson"),
        ("材料 党课 https://v.example.com/1 安全骑行视频", "add_material"),
        ("通知 听说明天有雪，大家早点收车", "send_notice"),
    ],
)
def test_what_a_secretary_commands_is_no_hearsay(text: str, meant: str) -> None:
    assert said(text, role="secretary").name == meant
