"""The common part of the caches on servers."""
