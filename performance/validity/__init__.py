"""Simulations: does a 95% interval hold the truth 95% of the time? One module a topic; `__main__` runs them."""
