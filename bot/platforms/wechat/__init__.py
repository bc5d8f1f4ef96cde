"""What WeCom and WeChat have in common: the encryption of callbacks, their XML, and the JSON API with its tokens."""
