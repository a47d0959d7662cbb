"""What only this node knows and no peer could give back: tables that are no cache.

Each class is one table (or two) over a connection. Reading works on any connection; writing only on
the writer's, inside a job. Times are milliseconds since 1970, always given by the caller.
"""
