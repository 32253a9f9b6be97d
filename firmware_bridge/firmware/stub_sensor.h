/* A model of the LSM6DS3TR-C as far as the driver uses it: registers, FIFO, watermark line. It sees what the datasheet
   says, so it can't find what the datasheet does not say. */
#ifndef STUB_SENSOR_H
#define STUB_SENSOR_H

#include <stdbool.h>
#include <stdint.h>

#define SENSOR_EDGES 8u

void sensor_power_on(void);

/* When it takes its next sample; UINT64_MAX if it is off. */
uint64_t sensor_due_us(void);
void sensor_sample(uint64_t now_us);

/* False: it did not answer. */
bool sensor_read(uint8_t reg, uint8_t *to, uint16_t length, uint64_t now_us);
bool sensor_write(uint8_t reg, const uint8_t *from, uint16_t length, uint64_t now_us);

/* Rising edges of INT1 since the last call; returns how many. */
uint32_t sensor_take_edges(uint32_t edges_us[SENSOR_EDGES]);
void sensor_fake_edge(uint64_t now_us);

#endif
