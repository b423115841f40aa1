"""Scripts that say how fast it is, on input they make themselves; no test asserts a time. See README.md beside this file."""
