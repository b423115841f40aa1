"""The compiled code (numba), and nothing else that is compiled: flat arrays in, flat arrays out."""
