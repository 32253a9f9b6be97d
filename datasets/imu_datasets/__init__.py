"""Readers of published recordings with known truth. Nothing is here yet."""
