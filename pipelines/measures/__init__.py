"""Measures: numbers about items. They cost something, so they are taken once and stored as signals."""
