"""Compares two reports by the results that each carries."""
