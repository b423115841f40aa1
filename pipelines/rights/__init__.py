"""Rights as evidence: what was said about use, read from bytes; and the judge that weighs it under a policy."""
