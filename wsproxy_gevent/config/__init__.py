"""Settings: one declaration each, from file, environment and flags."""
