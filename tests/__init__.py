"""The tests.  Which engine they are about is settled before anything is imported."""

from .engine import settle

settle()
