"""Takedown: requests, what each of them covers, taking it out everywhere, and the list that keeps it out."""
