"""`imu-bench`, command by command."""
