"""The backends: memory, Redis and memcached."""
