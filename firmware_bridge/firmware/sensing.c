#include "sensing.h"

#include <string.h>

#include "hal.h"

/* 48 ms a packet at 208 Hz: 21 packets a second */
#define USUAL_SAMPLES 10u
#define DITHER 1u

/* the edge of a watermark may be lost in a glitch of the line; then the FIFO is looked at all the same */
#define SILENT_WATERMARKS 3u
/* samples that may come between a look at the FIFO and the end of the first read, which makes room */
#define FIFO_MARGIN 3u
/* 1.2 s at 208 Hz if the sensor answers */
#define BARREN_LOOKS 8u

static uint32_t period_q8(lsm_rate rate)
{
    return (uint32_t)((uint64_t)1000000u * 1000u * 256u / lsm_rate_mhz(rate));
}

/* Were the packets' period near the connection interval or a multiple of it, their delay would drift through the whole
   interval in minutes, and a host could not tell it from the clock's own drift. Pseudo-random, as any fixed order could
   itself fall into step. */
static uint8_t choose_target(sensing *s)
{
    const unsigned low_bit = s->dither & 1u;
    s->dither = (uint16_t)(s->dither >> 1 ^ (low_bit ? 0xB400u : 0u)); /* maximal 16-bit Galois register */
    const unsigned most = s->most < USUAL_SAMPLES + DITHER ? s->most : USUAL_SAMPLES + DITHER;
    /* with less room there is nothing to vary */
    return (uint8_t)(most > 2u * DITHER ? most - s->dither % (2u * DITHER + 1u) : most);
}

void sensing_init(sensing *s, lsm_range range)
{
    memset(s, 0, sizeof *s);
    s->range = range;
    s->rate = LSM_208HZ;
    s->dither = 1;
    s->most = 1;
    s->packer.flags = OGI_CLOCK_RESET;
    s->sensor_found = lsm_reset();
}

void sensing_set_most(sensing *s, uint8_t samples)
{
    s->most = samples;
}

static void close_packet(sensing *s, ring *to)
{
    s->packer.period_10us = sampler_period_10us(&s->sampler);
    const uint16_t length = ogi_close(&s->packer);
    if (length > 0) {
        ring_put(to, s->packer.bytes, length);
        s->target = choose_target(s);
    }
}

static void check(sensing *s, bool answered)
{
    s->counts.sensor_errors += answered ? 0u : 1u;
}

/* The next edge shall be the last sample of the packet being filled: then its time is measured, not computed. */
static void arm(sensing *s)
{
    s->watermark = (uint16_t)(s->target - s->packer.n);
    check(s, lsm_set_watermark(s->watermark));
}

static void forget_edges(sensing *s)
{
    s->edge_seen = false;
    s->edges_since_us = (uint32_t)hal_now_us();
}

static bool switch_on(sensing *s)
{
    forget_edges(s);
    s->sensor_found = s->sensor_found || lsm_reset();
    if (!s->sensor_found || !lsm_start(s->range, s->rate, s->watermark)) {
        s->counts.sensor_errors++;
        s->sensor_found = false; /* looked for anew the next time */
    }
    return s->sensor_found;
}

bool sensing_start(sensing *s, lsm_rate rate)
{
    s->rate = rate;
    s->target = choose_target(s);
    s->watermark = s->target;
    sampler_start(&s->sampler, period_q8(rate));
    s->started_us = hal_now_us();
    s->looked_us = s->started_us;
    s->barren = 0;
    s->on = switch_on(s);
    return s->on;
}

void sensing_on_edge(sensing *s, uint32_t edge_us)
{
    if (s->on && (int32_t)(edge_us - s->edges_since_us) >= 0) {
        s->edge_seen = true;
        s->edge_us = edge_us;
        s->edges_since_us = edge_us; /* goes along, as "earlier" is known for half a turn of the clock only */
    }
}

/* Before, filters settle and the true rate is not known: such samples are as if not taken. */
static bool settled(const sensing *s)
{
    return s->sampler.measured && s->looked_us - s->started_us >= LSM_SETTLING_US;
}

/* What is in the FIFO can't be counted: begin anew with it, and let the time of the next edge tell how much it was. */
static void begin_anew(sensing *s, ring *to)
{
    close_packet(s, to);
    sampler_emptied(&s->sampler);
    forget_edges(s);
    check(s, lsm_empty_fifo(s->rate));
    arm(s);
}

static void use_edge(sensing *s, unsigned samples)
{
    if (!s->edge_seen) {
        return;
    }
    s->edge_seen = false;
    if (samples < s->watermark) {
        s->counts.glitches++; /* of the line: the sensor has no reason yet to raise it */
        return;
    }
    const uint32_t lost = sampler_edge(&s->sampler, s->watermark, s->edge_us);
    if (lost > 0 && settled(s)) {
        s->packer.first = (uint16_t)(s->packer.first + lost);
        s->packer.flags |= OGI_OVERRUN;
        s->counts.samples_lost += lost;
        s->counts.overruns++;
    }
}

static void take(sensing *s, ring *to, const int16_t sample[LSM_AXES])
{
    const uint32_t t_us = sampler_take(&s->sampler);
    if (!settled(s)) {
        return;
    }
    (void)ogi_push(&s->packer, sample, t_us); /* has room: it is closed at target, at the latest */
    s->counts.samples++;
    if (s->packer.n >= s->target) {
        close_packet(s, to);
    }
}

static bool take_all(sensing *s, ring *to, unsigned count)
{
    while (count > 0) {
        int16_t samples[LSM_READ_SAMPLES][LSM_AXES];
        const unsigned now = count < LSM_READ_SAMPLES ? count : LSM_READ_SAMPLES;
        if (!lsm_read(samples, (uint16_t)now)) {
            s->counts.sensor_errors++;
            return false;
        }
        for (unsigned i = 0; i < now; i++) {
            take(s, to, samples[i]);
        }
        count -= now;
    }
    return true;
}

/* False: what is in the FIFO can't be used now. */
static bool look(sensing *s, ring *to, lsm_fifo *fifo)
{
    if (!lsm_fifo_status(fifo)) {
        s->counts.sensor_errors++;
        return false;
    }
    if (fifo->samples > 0) {
        s->barren = 0;
    }
    const bool overruns = fifo->overrun || fifo->samples + FIFO_MARGIN >= LSM_FIFO_SAMPLES;
    if (overruns || fifo->torn || s->sampler.strays_in_a_row >= SAMPLER_STRAYS_BELIEVED) {
        begin_anew(s, to);
        return false;
    }
    return true;
}

static void read_fifo(sensing *s, ring *to)
{
    lsm_fifo fifo;
    bool usable = look(s, to, &fifo);
    while (usable) {
        use_edge(s, fifo.samples);
        if (s->sampler.lost_count || !take_all(s, to, fifo.samples)) {
            begin_anew(s, to);
            return;
        }
        if (fifo.samples > 0) {
            arm(s);
        }
        /* is the next packet complete as well, the line stayed high, and no edge will come */
        usable = look(s, to, &fifo) && fifo.samples >= s->watermark;
    }
}

void sensing_stop(sensing *s, ring *to)
{
    if (s->on) {
        s->looked_us = hal_now_us();
        read_fifo(s, to);
        s->on = false;
        close_packet(s, to);
        check(s, lsm_stop());
    }
}

void sensing_poll(sensing *s, ring *to)
{
    if (!s->on) {
        return;
    }
    const uint64_t now_us = hal_now_us();
    const uint64_t silence_us = (uint64_t)SILENT_WATERMARKS * s->watermark * period_q8(s->rate) / 256u;
    if (!s->edge_seen && now_us - s->looked_us < silence_us) {
        return;
    }
    s->looked_us = now_us;
    s->barren++; /* until it is found to be otherwise */
    read_fifo(s, to);
    if (s->barren >= BARREN_LOOKS) {
        /* a dip of its supply resets its registers */
        s->barren = 0;
        s->sensor_found = false;
        close_packet(s, to);
        sampler_emptied(&s->sampler);
        s->watermark = s->target;
        (void)switch_on(s);
    }
}
