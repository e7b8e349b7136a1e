"""Everything that may switch greenlets: sockets, TLS, time and threads."""
