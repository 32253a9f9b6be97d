"""One sitting as a person runs it: what is set up, chosen, watched, cued and noted; it knows no HTTP."""
