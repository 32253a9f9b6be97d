"""Motion capture made into recordings: files to poses, poses to what worn sensors would have read, and to labels."""
