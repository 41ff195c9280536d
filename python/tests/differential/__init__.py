"""The same calls on aiocache 0.12.3 and on polycache, with their outcomes side by side."""
