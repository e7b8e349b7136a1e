"""One port in front of TCP services, for every WebSocket client since 2010."""

__version__ = "0.1.0"
