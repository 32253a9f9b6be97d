/* All that the application asks of a board and its radio. A port implements these; hal_stub.c does so on a computer.

   The application is one thread's: a port calls it under one lock, from wherever its events come, and gives it no
   event from within a hal_ function. */
#ifndef HAL_H
#define HAL_H

#include <stdbool.h>
#include <stdint.h>

/* Microseconds since power-on, never set back; the low 32 bits are the timer that captures the sensor's interrupt. */
uint64_t hal_now_us(void);
void hal_wait_us(uint32_t us);

/* The sensor's registers, over I2C or SPI. False: it did not answer. */
bool hal_sensor_read(uint8_t reg, uint8_t *to, uint16_t length);
bool hal_sensor_write(uint8_t reg, const uint8_t *from, uint16_t length);

/* What a peripheral may ask for; a central is free to refuse any of it. */
typedef struct {
    uint16_t interval_min_1250us;
    uint16_t interval_max_1250us;
    uint16_t latency_events;
    uint16_t supervision_10ms;
    uint16_t mtu;
    uint16_t data_length;
    bool phy_2m;
} hal_link_wish;

void hal_ask_link(const hal_link_wish *wish);

/* Hands one notification of DATA to the stack, which copies it. False: its queue is full, nothing was taken. */
bool hal_notify(const uint8_t *bytes, uint16_t length);

/* 0 to 100, as the battery service tells it. */
uint8_t hal_battery_percent(void);
void hal_publish_battery(uint8_t percent);

#endif
