/* Needs the nRF Connect SDK (v3.0); never built by this project's tests, and never run on a board.

   Clock, sensor bus and battery of the board. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stdint.h>

/* `on_edge` is called in the interrupt, with the captured clock. */
bool board_init(void (*on_edge)(uint32_t edge_us));

#endif
