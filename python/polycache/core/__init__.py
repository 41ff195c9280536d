"""The common part of all caches: commands, hooks, timeouts, keys and the off switch.

Import from ``polycache.base``; this folder is its implementation.
"""
