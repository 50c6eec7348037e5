"""Runs of Airflow from outside: start them, follow them, and say what came of them. Must not import Airflow itself."""
