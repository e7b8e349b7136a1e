"""The settings, a module for each heading of `--help`."""
