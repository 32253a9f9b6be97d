/* ST LSM6DS3TR-C over hal_sensor_read/write: acceleration and angular rate through its FIFO, watermark on INT1.

   Register names are the datasheet's. Never run on a sensor yet: README.md says what to check on the first one. */
#ifndef LSM6DS3TR_C_H
#define LSM6DS3TR_C_H

#include <stdbool.h>
#include <stdint.h>

#define LSM_AXES 6u
/* 4 kbyte of 16-bit words, 6 a sample */
#define LSM_FIFO_SAMPLES 341u
/* what the gyroscope is given to settle from power-down */
#define LSM_SETTLING_US 80000u

typedef enum { LSM_8G_1000DPS, LSM_16G_2000DPS } lsm_range;
typedef enum { LSM_104HZ, LSM_208HZ } lsm_rate;

typedef struct {
    uint16_t acc_range_g;
    uint16_t gyr_range_dps;
    uint32_t acc_count_ng; /* one count in 1e-9 g */
    uint32_t gyr_count_ndps;
} lsm_scale;

typedef struct {
    uint16_t samples;    /* whole ones, unread */
    bool torn;           /* a part of the oldest one was read */
    bool overrun;        /* at least one sample was overwritten */
} lsm_fifo;

lsm_scale lsm_scale_of(lsm_range range);
uint32_t lsm_rate_mhz(lsm_rate rate);
/* The nearest that there is. */
lsm_rate lsm_nearest_rate(uint32_t rate_mhz);

/* Is it there? Resets it and leaves it powered down. */
bool lsm_reset(void);

/* Switches it on; INT1 rises when `watermark` samples are unread. */
bool lsm_start(lsm_range range, lsm_rate rate, uint16_t watermark);
bool lsm_stop(void);

bool lsm_set_watermark(uint16_t watermark);
bool lsm_fifo_status(lsm_fifo *status);
/* Forgets all that is unread. */
bool lsm_empty_fifo(lsm_rate rate);
/* Oldest first: acc x y z, gyr x y z. At most LSM_READ_SAMPLES at once. */
#define LSM_READ_SAMPLES 16u
bool lsm_read(int16_t samples[][LSM_AXES], uint16_t count);

#endif
