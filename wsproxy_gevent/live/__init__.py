"""The sessions that live right now."""
