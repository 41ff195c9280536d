"""What the caches on servers have in common."""
