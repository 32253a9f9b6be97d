/* From the sensor's FIFO to whole packets in the ring. */
#ifndef SENSING_H
#define SENSING_H

#include <stdbool.h>
#include <stdint.h>

#include "lsm6ds3tr_c.h"
#include "ogi_packet.h"
#include "ring.h"
#include "sampler.h"

/* Since power-on; for a debugger and for tests. */
typedef struct {
    uint32_t samples;       /* put into packets */
    uint32_t samples_lost;  /* the sensor's FIFO overflowed, or could not be read */
    uint32_t overruns;      /* so many times */
    uint32_t sensor_errors; /* it did not answer, or fell silent */
    uint32_t glitches;      /* edges that no sample raised */
} sensing_counts;

typedef struct {
    sensing_counts counts;
    lsm_range range;
    lsm_rate rate;
    sampler sampler;
    ogi_packer packer;
    bool sensor_found;
    bool on;
    uint8_t most;       /* samples that a packet may have */
    uint8_t target;     /* samples that the packet being filled shall have */
    uint16_t watermark; /* as the sensor was told */
    uint16_t dither;
    bool edge_seen;
    uint32_t edge_us;
    uint32_t edges_since_us; /* earlier ones belong to a FIFO that was emptied */
    uint64_t started_us;
    uint64_t looked_us; /* when the FIFO was last looked at */
    uint8_t barren;     /* so many looks in a row it could not be read, or was empty */
} sensing;

void sensing_init(sensing *s, lsm_range range);

/* Samples that a packet may have, 1 at least; from the next packet on. */
void sensing_set_most(sensing *s, uint8_t samples);

/* False: the sensor does not answer. */
bool sensing_start(sensing *s, lsm_rate rate);

/* The packet that is not full goes into the ring with what it has. */
void sensing_stop(sensing *s, ring *to);

/* The rising edge of INT1, captured by the timer. */
void sensing_on_edge(sensing *s, uint32_t edge_us);

/* Reads the FIFO if it is time. */
void sensing_poll(sensing *s, ring *to);

#endif
