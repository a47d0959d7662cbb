"""Records and caches on disk: the only place that opens a database."""
