"""Devices: radio and bytes in, counted and time-stamped blocks of samples out.

It knows no gait and imports nothing else of ours. The way of a packet: `central` finds devices and keeps them
connected, `watch` lets one stream, `link` stamps what comes in. A driver (`driver`; `ogi`, `dot`, and `standard` for
what is read on the side) makes frames of it (`packets`), `assembler` counts their samples, `clock` tells their time.
`emulator` is all of that without a radio, `firmware` the other end of it.
"""
