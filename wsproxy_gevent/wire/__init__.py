"""Bytes and their meaning.

Nothing here does I/O, reads a clock, logs or switches greenlets: bytes go
in, events and bytes come out, so each case can be written down as bytes.
"""
