"""Ours beside its peers in one run: what a byte, a message, a connection costs."""
