"""Peers, gossip and catching up: the only place that imports libp2p."""
