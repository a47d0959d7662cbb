"""Who is who: people, their devices, and what to know of both."""
