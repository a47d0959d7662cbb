"""The local HTTP interface and the web client it serves."""
