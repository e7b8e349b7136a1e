"""Fuzzing the wire floor: by coverage, and against other people's implementations.

The targets need nothing but the package itself; `one` alone needs atheris.
"""
