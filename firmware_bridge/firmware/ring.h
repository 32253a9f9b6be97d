/* The last packets, byte for byte as they were made, found by their 16-bit counter. */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stdint.h>

#include "ogi_packet.h"

/* 11 s at 208 Hz with 10 samples a packet; with 1 sample, where headers weigh most, RING_PACKETS bound it: 4.9 s */
#define RING_BYTES 32768u
#define RING_PACKETS 1024u /* divides 65536: a counter's entry stays the same through its wrap */
/* whatever their length; one packet's length may be lost where the bytes turn */
#define RING_HOLDS_AT_LEAST (RING_BYTES / OGI_MAX_BYTES - 1u)

typedef struct {
    uint16_t oldest; /* counter of the oldest that is held; equals next if none is */
    uint16_t next;   /* counter that the next to be put must have */
    uint16_t end;    /* offset behind the newest */
    struct {
        uint16_t offset;
        uint16_t length;
    } entries[RING_PACKETS];
    uint8_t bytes[RING_BYTES];
} ring;

void ring_clear(ring *r, uint16_t next);
uint16_t ring_held(const ring *r);
bool ring_holds(const ring *r, uint16_t packet);

/* Overwrites the oldest as need be. At most OGI_MAX_BYTES long. */
void ring_put(ring *r, const uint8_t *bytes, uint16_t length);

/* NULL if it is not held; else its bytes, valid until the next put. */
const uint8_t *ring_get(const ring *r, uint16_t packet, uint16_t *length);

#endif
