"""Where a request goes: resolvers, and how targets are spelled."""
