"""One async cache API over many backends."""
