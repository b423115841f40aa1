"""Recipes that ship with Headwater, as TOML, and their source cards."""
