"""Devices: radio and bytes in, counted and time-stamped blocks of samples out. Nothing is here yet."""
