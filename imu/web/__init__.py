"""What every page of ours stands on: a server on this machine, its guard, files, and a hub. Import each by its name."""
