"""Landfall's core: pure Python, imports neither Airflow nor Spark."""

__version__ = "0.1.0"  # pyproject.toml has the same; a test compares them
INSTALLED = __name__ != "include"
"""Whether this is a part of the wheel, where it has another name (deploy/landfall_wheel.py), and not of a clone."""
