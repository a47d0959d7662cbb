"""Keys, recovery words and signing: the only place that holds secrets or draws randomness."""
