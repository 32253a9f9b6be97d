"""Recordings to predictions: what is run, on what, made how much worse, and what was found before."""
