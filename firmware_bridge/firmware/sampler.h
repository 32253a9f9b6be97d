/* Which sample is it, and when was it taken: from the edges of the FIFO's watermark, captured by a hardware timer. */
#ifndef SAMPLER_H
#define SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#define SAMPLER_STRAYS_BELIEVED 8u

typedef struct {
    uint32_t nominal_q8;  /* period in 1/256 us, as the datasheet says */
    uint32_t measured_q8; /* between the last two edges: between them times are interpolated */
    uint32_t smoothed_q8; /* beyond the last edge times go on with this */
    uint32_t edge_number; /* of the sample that raised the last edge */
    uint32_t edge_us;
    uint32_t next;    /* number of the next sample that is read */
    uint32_t last_us; /* of the last sample told */
    uint32_t strays;  /* edges refused, since boot */
    uint8_t strays_in_a_row; /* SAMPLER_STRAYS_BELIEVED of them do not stray: samples were lost unseen */
    bool anchored;    /* an edge was seen since start */
    bool measured;    /* two were: times can be trusted */
    bool told;        /* last_us is of this start */
    bool lost_count;  /* samples were lost; the next edge tells how many */
    bool unsure;      /* of the period: too many strays; measured anew at the next edge */
} sampler;

/* Begins to watch a sensor that was switched on; numbers go on. */
void sampler_start(sampler *s, uint32_t period_q8);

/* The FIFO was emptied, unread; nothing is taken until an edge has told how much that was. */
void sampler_emptied(sampler *s);

/* The sample that brought the FIFO to `watermark` samples, none of them read, was taken at t_us.
   Returns how many samples were lost: 0 unless it is the first edge since the FIFO was emptied. */
uint32_t sampler_edge(sampler *s, uint32_t watermark, uint32_t t_us);

/* Takes one sample into account and returns its time; times strictly increase from start to stop. */
uint32_t sampler_take(sampler *s);

/* For packets; never 0. */
uint16_t sampler_period_10us(const sampler *s);

#endif
