"""Recordings of others, in our form: readers, cards, indexes. Nothing of the recordings themselves is here."""
