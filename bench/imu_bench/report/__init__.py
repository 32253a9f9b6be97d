"""Results for people to read: a page, a table, and two results side by side."""
