"""Sensors, belts and straps without hardware: a whole Bluetooth stack in Python, with an air that loses and delays.

Needs the extra `emulator` (bumble). Nothing that runs on real sensors imports it.
"""
