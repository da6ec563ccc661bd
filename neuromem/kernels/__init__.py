"""Compiled loops over plain arrays: no checks, no defaults, no random draws."""
