"""Headwater on Apache Beam: the only code that imports it."""
