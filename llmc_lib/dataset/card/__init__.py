"""The data set card, and what may stand in it."""
