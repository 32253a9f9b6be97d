"""A module a source: `recordings(root)` yields its sessions."""
