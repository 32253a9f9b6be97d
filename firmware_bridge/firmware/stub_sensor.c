#include "stub_sensor.h"

#include <string.h>

#include "hal_stub.h"

#define HISTORY 65536u

#define FIFO_WORDS (LSM_FIFO_SAMPLES * LSM_AXES)
#define REGISTERS 0x80u
#define FIFO_CTRL1 0x06u
#define FIFO_CTRL2 0x07u
#define FIFO_CTRL3 0x08u
#define FIFO_CTRL5 0x0Au
#define INT1_CTRL 0x0Du
#define WHO_AM_I 0x0Fu
#define CTRL1_XL 0x10u
#define CTRL2_G 0x11u
#define CTRL3_C 0x12u
#define FIFO_STATUS1 0x3Au
#define FIFO_DATA_OUT_L 0x3Eu

static struct {
    uint8_t registers[REGISTERS];
    uint16_t words[FIFO_WORDS];
    uint32_t word_first, word_count, words_read;
    bool overrun, line, removed;
    uint32_t failing, losing, samples;
    double next_sample_us, rate_error;
    uint64_t sample_us[HISTORY];
    uint32_t saturated;
    uint8_t saturated_axis;
    bool saturated_low, saturating;
    uint32_t edges[SENSOR_EDGES], edge_count;
} sensor;

static void reset_registers(void)
{
    memset(sensor.registers, 0, sizeof sensor.registers);
    sensor.registers[WHO_AM_I] = 0x6A;
    sensor.registers[CTRL3_C] = 0x04;
    sensor.word_count = 0;
    sensor.words_read = 0;
    sensor.overrun = false;
    sensor.line = false;
}

void sensor_power_on(void)
{
    memset(&sensor, 0, sizeof sensor);
    reset_registers();
}

static double period_us(void)
{
    const unsigned acc = sensor.registers[CTRL1_XL] >> 4;
    const unsigned gyr = sensor.registers[CTRL2_G] >> 4;
    const unsigned fifo = sensor.registers[FIFO_CTRL5] >> 3 & 0xFu;
    if (acc != gyr || acc != fifo || (acc != 5 && acc != 4) || sensor.registers[FIFO_CTRL3] != 0x09) {
        return 0.0;
    }
    return 1e6 / (acc == 5 ? 208.0 : 104.0) * (1.0 + sensor.rate_error);
}

void sensor_fake_edge(uint64_t now_us)
{
    if (sensor.edge_count < SENSOR_EDGES) {
        sensor.edges[sensor.edge_count++] = (uint32_t)now_us;
    }
}

uint32_t sensor_take_edges(uint32_t edges_us[SENSOR_EDGES])
{
    const uint32_t count = sensor.edge_count;
    memcpy(edges_us, sensor.edges, sizeof sensor.edges);
    sensor.edge_count = 0;
    return count;
}

static void update_line(uint64_t now_us)
{
    const unsigned words = sensor.registers[FIFO_CTRL1] | (sensor.registers[FIFO_CTRL2] & 0x7u) << 8;
    const bool level = words > 0 && sensor.word_count >= words && (sensor.registers[INT1_CTRL] & 0x08u) != 0;
    if (level && !sensor.line) {
        if (sensor.losing > 0) {
            sensor.losing--;
        } else {
            sensor_fake_edge(now_us);
        }
    }
    sensor.line = level;
}

void stub_sample(uint32_t number, int16_t sample[OGI_AXES])
{
    for (unsigned axis = 0; axis < OGI_AXES; axis++) {
        sample[axis] = (int16_t)((int32_t)((number * (axis + 1u) * 2654435761u) >> 16) % 20000 - 10000);
    }
    sample[0] = (int16_t)(number % 30000u);
    sample[1] = (int16_t)(number / 30000u);
    if (sensor.saturating && number == sensor.saturated) {
        sample[sensor.saturated_axis] = sensor.saturated_low ? INT16_MIN : INT16_MAX;
    }
}

uint64_t sensor_due_us(void)
{
    return period_us() > 0.0 ? (uint64_t)sensor.next_sample_us : UINT64_MAX;
}

void sensor_sample(uint64_t now_us)
{
    sensor.next_sample_us += period_us();
    int16_t sample[OGI_AXES];
    stub_sample(sensor.samples, sample);
    sensor.sample_us[sensor.samples % HISTORY] = now_us;
    sensor.samples++;
    if ((sensor.registers[FIFO_CTRL5] & 0x7u) != 0x6u) {
        return;
    }
    for (unsigned word = 0; word < OGI_AXES; word++) {
        if (sensor.word_count == FIFO_WORDS) {
            sensor.overrun = true;
            sensor.word_first = (sensor.word_first + 1u) % FIFO_WORDS;
            sensor.word_count--;
            sensor.words_read++;
        }
        sensor.words[(sensor.word_first + sensor.word_count) % FIFO_WORDS] = (uint16_t)sample[(word + 3u) % OGI_AXES];
        sensor.word_count++;
    }
    update_line(now_us);
}

static void write_register(uint8_t reg, uint8_t value, uint64_t now_us)
{
    const bool was_on = period_us() > 0.0;
    sensor.registers[reg % REGISTERS] = value;
    if (reg == CTRL3_C && (value & 0x01u) != 0) {
        reset_registers();
    }
    if (reg == FIFO_CTRL5 && (value & 0x7u) == 0) {
        sensor.word_count = 0;
        sensor.words_read = 0;
        sensor.overrun = false;
    }
    if (!was_on && period_us() > 0.0) {
        sensor.next_sample_us = (double)now_us + period_us();
    }
    update_line(now_us);
}

static uint8_t read_register(uint8_t reg)
{
    const uint32_t pattern = sensor.words_read % LSM_AXES;
    switch (reg) {
    case FIFO_STATUS1:
        return (uint8_t)(sensor.word_count & 0xFFu);
    case FIFO_STATUS1 + 1u:
        return (uint8_t)((sensor.word_count >> 8 & 0x7u) | (sensor.overrun ? 0x40u : 0u));
    case FIFO_STATUS1 + 2u:
        return (uint8_t)pattern;
    case FIFO_STATUS1 + 3u:
        return 0;
    default:
        return sensor.registers[reg % REGISTERS];
    }
}

static uint16_t pop_word(void)
{
    if (sensor.word_count == 0) {
        return 0;
    }
    const uint16_t word = sensor.words[sensor.word_first];
    sensor.word_first = (sensor.word_first + 1u) % FIFO_WORDS;
    sensor.word_count--;
    sensor.words_read++;
    sensor.overrun = false;
    return word;
}

static bool answers(void)
{
    if (sensor.failing > 0) {
        sensor.failing--;
        return false;
    }
    return !sensor.removed;
}

bool sensor_read(uint8_t reg, uint8_t *to, uint16_t length, uint64_t now_us)
{
    if (!answers()) {
        return false;
    }
    for (uint16_t i = 0; i < length; i++) {
        if (reg == FIFO_DATA_OUT_L) {
            const uint16_t word = pop_word();
            to[i++] = (uint8_t)(word & 0xFFu);
            to[i] = (uint8_t)(word >> 8);
        } else {
            to[i] = read_register((uint8_t)(reg + i));
        }
    }
    update_line(now_us);
    return true;
}

bool sensor_write(uint8_t reg, const uint8_t *from, uint16_t length, uint64_t now_us)
{
    if (!answers()) {
        return false;
    }
    for (uint16_t i = 0; i < length; i++) {
        write_register((uint8_t)(reg + i), from[i], now_us);
    }
    return true;
}

uint32_t stub_samples(void)
{
    return sensor.samples;
}

uint64_t stub_sample_us(uint32_t number)
{
    return sensor.sample_us[number % HISTORY];
}

void stub_set_rate_error(int32_t ppm)
{
    sensor.rate_error = ppm * 1e-6;
}

void stub_saturate(uint32_t number, uint8_t axis, bool low)
{
    sensor.saturating = true;
    sensor.saturated = number;
    sensor.saturated_axis = axis % OGI_AXES;
    sensor.saturated_low = low;
}

void stub_fail_bus(uint32_t transactions)
{
    sensor.failing = transactions;
}

void stub_remove_sensor(bool removed)
{
    sensor.removed = removed;
}

void stub_brown_out(void)
{
    reset_registers();
}

void stub_lose_edges(uint32_t edges)
{
    sensor.losing = edges;
}
