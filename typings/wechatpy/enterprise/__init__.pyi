from wechatpy.enterprise.client import WeChatClient as WeChatClient
from wechatpy.enterprise.crypto import WeChatCrypto as WeChatCrypto
from wechatpy.enterprise.parser import parse_message as parse_message
