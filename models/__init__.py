"""The records, one file an aggregate. The rules that always hold live here; nothing above is imported."""
