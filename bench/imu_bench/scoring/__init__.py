"""Predictions and truth to figures, every one of them with its coverage and interval."""
