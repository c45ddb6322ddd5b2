"""The data set card, and what may be in it."""
