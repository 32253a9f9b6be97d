"""What the live path and its page cost, and how late they are."""
