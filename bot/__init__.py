"""The server of Jufeng (聚蜂): platforms, intake, understanding, outbox, reports and web pages."""
