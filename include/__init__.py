"""Landfall's core: pure Python, imports neither Airflow nor Spark."""

__version__ = "0.1.0"  # pyproject.toml has the same; a test compares them
