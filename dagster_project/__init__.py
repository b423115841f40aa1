"""When and where: Dagster assets over the rooms. Empty so far."""
