"""Everything that is not a WebSocket: files and our own pages."""
