"""Pictures of listings: made, named, fetched, swept away."""
