"""The audit: questions to the ledger, answered in milliseconds and without Beam, torch or Dagster."""
