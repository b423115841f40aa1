"""The lookup page: whoever has a site asks what a corpus holds of it, and asks to have it taken out. Read-only but for that."""
