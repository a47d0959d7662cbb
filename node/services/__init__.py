"""What a node can do, built from records, storage, wallet and network."""
