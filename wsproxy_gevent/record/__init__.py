"""Session recording, in the format that noVNC plays."""
