"""The shapes of requests and answers of the local API: the one place that knows pydantic."""
