"""Pages for a browser: the sandbox."""
