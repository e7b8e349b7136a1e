"""Metadata stands in pyproject.toml; this file is where compiled parts are declared."""

from setuptools import setup

setup()
