"""One listener, and one client from accept to close."""
