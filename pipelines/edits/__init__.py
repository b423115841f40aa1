"""Edits: changes of content with a receipt. The id stays, the content digest changes."""
