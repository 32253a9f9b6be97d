"""How fast: ours and peers side by side in one run, and how that grows."""
