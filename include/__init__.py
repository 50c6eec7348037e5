"""Landfall's core: pure Python, imports neither Airflow nor Spark."""
