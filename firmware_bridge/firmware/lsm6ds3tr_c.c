#include "lsm6ds3tr_c.h"

#include "hal.h"

#define FIFO_CTRL1 0x06u
#define FIFO_CTRL3 0x08u
#define FIFO_CTRL5 0x0Au
#define INT1_CTRL 0x0Du
#define WHO_AM_I 0x0Fu
#define CTRL1_XL 0x10u
#define CTRL2_G 0x11u
#define CTRL3_C 0x12u
#define CTRL4_C 0x13u
#define FIFO_STATUS1 0x3Au /* to FIFO_STATUS4 at 0x3D */
#define FIFO_DATA_OUT_L 0x3Eu

#define ID 0x6Au
#define CTRL3_SW_RESET 0x01u
#define CTRL3_IF_INC 0x04u
#define CTRL3_BDU 0x40u
#define CTRL4_DRDY_MASK 0x08u /* nothing into the FIFO before the filters settled */
#define INT1_FTH 0x08u
#define FIFO_BOTH_UNDECIMATED 0x09u
#define FIFO_BYPASS 0x00u
#define FIFO_CONTINUOUS 0x06u
#define STATUS2_OVERRUN 0x40u
#define STATUS2_LEVEL 0x07u
#define STATUS4_PATTERN 0x03u
#define WATERMARK_HIGH 0x07u

#define WORDS_PER_SAMPLE 6u
#define BYTES_PER_SAMPLE (2u * WORDS_PER_SAMPLE)

/* the reset lasts 50 us by the datasheet */
#define RESET_POLL_US 50u
#define RESET_POLLS 20

static bool write1(uint8_t reg, uint8_t value)
{
    return hal_sensor_write(reg, &value, 1);
}

/* ODR_XL, ODR_G and ODR_FIFO share their code */
static unsigned rate_code(lsm_rate rate)
{
    return rate == LSM_208HZ ? 0x5u : 0x4u;
}

uint32_t lsm_rate_mhz(lsm_rate rate)
{
    return rate == LSM_208HZ ? 208000u : 104000u;
}

lsm_rate lsm_nearest_rate(uint32_t rate_mhz)
{
    return rate_mhz <= (104000u + 208000u) / 2u ? LSM_104HZ : LSM_208HZ;
}

lsm_scale lsm_scale_of(lsm_range range)
{
    static const lsm_scale narrow = {8, 1000, 244000u, 35000000u};
    static const lsm_scale wide = {16, 2000, 488000u, 70000000u};
    return range == LSM_8G_1000DPS ? narrow : wide;
}

bool lsm_reset(void)
{
    uint8_t value = 0;
    if (!hal_sensor_read(WHO_AM_I, &value, 1) || value != ID || !write1(CTRL3_C, CTRL3_SW_RESET)) {
        return false;
    }
    for (int poll = 0; poll < RESET_POLLS; poll++) {
        hal_wait_us(RESET_POLL_US);
        if (hal_sensor_read(CTRL3_C, &value, 1) && (value & CTRL3_SW_RESET) == 0) {
            return true;
        }
    }
    return false;
}

bool lsm_set_watermark(uint16_t watermark)
{
    const unsigned words = watermark * WORDS_PER_SAMPLE;
    const uint8_t threshold[2] = {(uint8_t)(words & 0xFFu), (uint8_t)(words >> 8 & WATERMARK_HIGH)};
    return hal_sensor_write(FIFO_CTRL1, threshold, 2);
}

static bool set_mode(lsm_rate rate, unsigned mode)
{
    return write1(FIFO_CTRL5, (uint8_t)(rate_code(rate) << 3 | mode));
}

bool lsm_empty_fifo(lsm_rate rate)
{
    return set_mode(rate, FIFO_BYPASS) && set_mode(rate, FIFO_CONTINUOUS);
}

bool lsm_start(lsm_range range, lsm_rate rate, uint16_t watermark)
{
    const unsigned acc_range = range == LSM_8G_1000DPS ? 0x3u : 0x1u; /* FS_XL */
    const unsigned gyr_range = range == LSM_8G_1000DPS ? 0x2u : 0x3u; /* FS_G */
    const uint8_t fifo[2] = {FIFO_BOTH_UNDECIMATED, 0x00};
    return write1(CTRL3_C, CTRL3_BDU | CTRL3_IF_INC) && write1(CTRL4_C, CTRL4_DRDY_MASK) &&
           set_mode(rate, FIFO_BYPASS) && lsm_set_watermark(watermark) && hal_sensor_write(FIFO_CTRL3, fifo, 2) &&
           write1(INT1_CTRL, INT1_FTH) && set_mode(rate, FIFO_CONTINUOUS) &&
           write1(CTRL2_G, (uint8_t)(rate_code(rate) << 4 | gyr_range << 2)) &&
           write1(CTRL1_XL, (uint8_t)(rate_code(rate) << 4 | acc_range << 2));
}

bool lsm_stop(void)
{
    return write1(CTRL1_XL, 0) && write1(CTRL2_G, 0) && write1(INT1_CTRL, 0) && write1(FIFO_CTRL5, FIFO_BYPASS);
}

bool lsm_fifo_status(lsm_fifo *status)
{
    uint8_t bytes[4];
    if (!hal_sensor_read(FIFO_STATUS1, bytes, sizeof bytes)) {
        return false;
    }
    const unsigned words = bytes[0] | (bytes[1] & STATUS2_LEVEL) << 8;
    const unsigned pattern = bytes[2] | (bytes[3] & STATUS4_PATTERN) << 8;
    status->torn = pattern % WORDS_PER_SAMPLE != 0;
    status->samples = (uint16_t)(words / WORDS_PER_SAMPLE);
    status->overrun = (bytes[1] & STATUS2_OVERRUN) != 0;
    return true;
}

static int16_t to_int16(uint8_t low, uint8_t high)
{
    const int32_t value = (int32_t)(low | (unsigned)high << 8);
    return (int16_t)(value < 0x8000 ? value : value - 0x10000);
}

bool lsm_read(int16_t samples[][LSM_AXES], uint16_t count)
{
    uint8_t bytes[LSM_READ_SAMPLES * BYTES_PER_SAMPLE];
    if (count > LSM_READ_SAMPLES ||
        !hal_sensor_read(FIFO_DATA_OUT_L, bytes, (uint16_t)(count * BYTES_PER_SAMPLE))) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        for (unsigned axis = 0; axis < LSM_AXES; axis++) {
            /* the FIFO holds the gyroscope first */
            const uint8_t *word = bytes + i * BYTES_PER_SAMPLE + 2 * ((axis + 3) % LSM_AXES);
            samples[i][axis] = to_int16(word[0], word[1]);
        }
    }
    return true;
}
