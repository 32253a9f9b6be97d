#include "sampler.h"

#define Q8 256u
/* the sensor's own oscillator is a few per cent off its nominal rate; what is further off is no period */
#define PERIOD_TOLERANCE 10u /* 1/10 of nominal */
#define SMOOTHING 8
/* An edge that is off by more than 1/16 of a period is not that of the sample it is taken for. Were one believed, the
   times after it would still be right to half a period when SAMPLER_STRAYS_BELIEVED true ones have contradicted it. */
#define STRAYS_FROM 16u

void sampler_start(sampler *s, uint32_t period_q8)
{
    s->nominal_q8 = period_q8;
    s->measured_q8 = period_q8;
    s->smoothed_q8 = period_q8;
    s->anchored = false;
    s->measured = false;
    s->told = false;
    s->lost_count = false;
    s->unsure = false;
    s->strays_in_a_row = 0;
}

void sampler_emptied(sampler *s)
{
    s->lost_count = s->anchored;
    s->unsure = s->unsure || s->strays_in_a_row >= SAMPLER_STRAYS_BELIEVED;
    s->strays_in_a_row = 0;
}

static int64_t time_of(const sampler *s, uint32_t number)
{
    const int32_t beyond = (int32_t)(number - s->edge_number);
    const int64_t period_q8 = beyond > 0 ? s->smoothed_q8 : s->measured_q8;
    return (int64_t)beyond * period_q8 / (int64_t)Q8;
}

static void anchor(sampler *s, uint32_t number, uint32_t t_us)
{
    s->edge_number = number;
    s->edge_us = t_us;
    s->anchored = true;
}

static void measure(sampler *s, uint32_t number, uint32_t t_us)
{
    const uint32_t samples = number - s->edge_number;
    if (samples == 0) {
        return;
    }
    const uint64_t period_q8 = (uint64_t)(uint32_t)(t_us - s->edge_us) * Q8 / samples;
    const uint32_t margin = s->nominal_q8 / PERIOD_TOLERANCE;
    if (period_q8 < s->nominal_q8 - margin || period_q8 > s->nominal_q8 + margin) {
        return;
    }
    s->measured_q8 = (uint32_t)period_q8;
    if (s->measured && !s->unsure) {
        const int32_t step = ((int32_t)s->measured_q8 - (int32_t)s->smoothed_q8) / SMOOTHING;
        s->smoothed_q8 = (uint32_t)((int32_t)s->smoothed_q8 + step);
    } else {
        s->smoothed_q8 = s->measured_q8;
    }
    s->measured = true;
    s->unsure = false;
}

uint32_t sampler_edge(sampler *s, uint32_t watermark, uint32_t t_us)
{
    uint32_t number = s->next + watermark - 1u;
    if (!s->anchored) {
        anchor(s, number, t_us);
        return 0;
    }
    const uint64_t elapsed_q8 = (uint64_t)(uint32_t)(t_us - s->edge_us) * Q8;
    if (s->lost_count) {
        const uint32_t by_time = s->edge_number + (uint32_t)((elapsed_q8 + s->smoothed_q8 / 2) / s->smoothed_q8);
        const uint32_t lost = (int32_t)(by_time - number) > 0 ? by_time - number : 0u;
        number += lost;
        s->next += lost;
        s->lost_count = false;
        anchor(s, number, t_us);
        return lost;
    }
    const int64_t off_us = (int64_t)(elapsed_q8 / Q8) - time_of(s, number);
    const int64_t most_us = s->nominal_q8 / (STRAYS_FROM * Q8);
    if (s->measured && !s->unsure && (off_us > most_us || off_us < -most_us)) {
        s->strays++;
        s->strays_in_a_row++;
        return 0;
    }
    s->strays_in_a_row = 0;
    measure(s, number, t_us);
    anchor(s, number, t_us);
    return 0;
}

uint32_t sampler_take(sampler *s)
{
    uint32_t t_us = s->edge_us + (uint32_t)time_of(s, s->next);
    if (s->told && (int32_t)(t_us - s->last_us) <= 0) {
        t_us = s->last_us + 1u;
    }
    s->last_us = t_us;
    s->told = true;
    s->next++;
    return t_us;
}

uint16_t sampler_period_10us(const sampler *s)
{
    const uint32_t tens = (s->measured_q8 + 5 * Q8) / (10 * Q8);
    return (uint16_t)(tens == 0 ? 1u : tens > 0xFFFFu ? 0xFFFFu : tens);
}
