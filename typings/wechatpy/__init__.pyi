from wechatpy.client import WeChatClient as WeChatClient
from wechatpy.parser import parse_message as parse_message
