"""WeTalk's node: talk, trade and keep honest books with a community, without a centre."""
