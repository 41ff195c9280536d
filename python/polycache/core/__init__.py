"""What every cache has in common, whatever its backend: commands, hooks, timeouts, keys and the off switch.

Import from ``polycache.base``; this folder is how it is made.
"""
