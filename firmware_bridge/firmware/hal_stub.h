/* A board on a computer: a model of the sensor's registers and FIFO, of a link with connection events, and a clock.

   Tests drive it, from C or through ctypes. All times are microseconds of the device's clock. */
#ifndef HAL_STUB_H
#define HAL_STUB_H

#include <stdbool.h>
#include <stdint.h>

#include "app.h"
#include "hal.h"

/* Power-on: nothing is left of what was. */
void stub_boot(uint8_t role, uint64_t clock_us);

/* Time passes and the application runs; in stub_stall the radio and the sensor go on, the application does not. */
void stub_run(uint32_t us);
void stub_stall(uint32_t us);
uint64_t stub_now_us(void);

/* The central. */
void stub_connect(uint16_t mtu, uint16_t interval_1250us);
void stub_disconnect(void); /* what the controller had not yet delivered is gone */
void stub_set_mtu(uint16_t mtu);
void stub_set_interval(uint16_t interval_1250us);
void stub_subscribe(bool on);
uint8_t stub_command(const uint8_t *bytes, uint16_t length);
void stub_deafen(bool deaf); /* each connection event is lost */
/* The next notification that arrived: its length, 0 = none. `to` holds OGI_MAX_BYTES. */
uint16_t stub_receive(uint8_t *to, uint64_t *arrived_us);

/* The sensor. Its samples are numbered since power-on, and tell their number: see stub_sample. */
void stub_sample(uint32_t number, int16_t sample[OGI_AXES]);
uint32_t stub_samples(void);                  /* taken so far */
uint64_t stub_sample_us(uint32_t number);     /* when; of the last 65536 */
void stub_set_rate_error(int32_t ppm);        /* of its oscillator */
void stub_saturate(uint32_t number, uint8_t axis, bool low);
void stub_fail_bus(uint32_t transactions);    /* the next ones */
void stub_remove_sensor(bool removed);
void stub_brown_out(void);                    /* its registers are as after power-on */
void stub_lose_edges(uint32_t edges);         /* the next ones */
void stub_fake_edge(void);                    /* a glitch of INT1 */

/* What the application asked of the board. */
uint32_t stub_asks(hal_link_wish *wish);
uint32_t stub_published(uint8_t *percent);
void stub_set_battery(uint8_t percent);

app_state stub_state(void);
void stub_info(uint8_t to[OGI_INFO_BYTES]);
uint32_t stub_held(uint16_t *oldest, uint16_t *next);
typedef struct {
    uint32_t samples, samples_lost, overruns, sensor_errors, glitches, strays, packets_lost, packets_too_long;
} stub_counts;
stub_counts stub_count(void);

#endif
