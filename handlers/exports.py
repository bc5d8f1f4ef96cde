"""Ledgers to take away (导出): files for the secretary alone."""

import re

from bot.content import File, Text
from bot.handling import Context, Privately, Reply, Who, handles
from bot.understanding.intent import Intent

NOT_YOURS = "名册只给本支部的书记。"
ROSTER_ALONE = "现在能导出的是名册，请发「导出 名册」。隐患、诉求、积分、会议、考勤还不能导出。"
_NO_FILE_NAME = re.compile(r'[\\/:*?"<>|]')


@handles("export", by=Who.SECRETARY)
def export(context: Context, intent: Intent) -> Reply:
    """The roster as a workbook, in private wherever it was asked for."""
    organisation = context.organisation
    if organisation is None or not context.runs(organisation):
        return Privately(Text(NOT_YOURS))
    if "名册" not in intent.text("kind"):
        return Privately(Text(ROSTER_ALONE))
    context.audit("export", f"roster:{organisation.id}")
    name = _NO_FILE_NAME.sub("", organisation.name)
    return Privately(File(f"名册-{name}.xlsx", f"roster:{organisation.id}"))
