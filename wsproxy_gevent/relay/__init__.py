"""One session's way: two greenlets, a direction each."""
