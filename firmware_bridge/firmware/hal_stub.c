#include "hal_stub.h"

#include <string.h>

#include "stub_sensor.h"

/* 9 bits a byte at 400 kHz, and the address twice */
#define BUS_US(bytes) (((bytes) + 3u) * 9u * 10u / 4u)
#define TICK_US 500u
#define STACK_QUEUE 8u /* notifications that the stack takes in advance */
#define PACKETS_PER_EVENT 4u
#define AIR 8192u

typedef struct {
    uint16_t length;
    uint64_t arrived_us;
    uint8_t bytes[OGI_MAX_BYTES];
} notification;

static struct {
    app app;
    uint64_t now_us;
    uint64_t polled_us;

    bool connected, deaf;
    uint16_t interval_1250us;
    uint64_t next_event_us;
    notification queue[STACK_QUEUE];
    uint32_t queued;
    notification air[AIR];
    uint32_t air_first, air_count;

    hal_link_wish wish;
    uint32_t asks, publications;
    uint8_t battery, published;
} board;

/* --- time ------------------------------------------------------------------------------------------------------- */

static void deliver(void)
{
    uint32_t carried = 0;
    while (!board.deaf && carried < board.queued && carried < PACKETS_PER_EVENT && board.air_count < AIR) {
        notification *arrived = &board.air[(board.air_first + board.air_count++) % AIR];
        *arrived = board.queue[carried++];
        arrived->arrived_us = board.now_us;
    }
    board.queued -= carried;
    memmove(board.queue, board.queue + carried, board.queued * sizeof board.queue[0]);
}

static void advance(uint32_t us)
{
    const uint64_t end_us = board.now_us + us;
    for (;;) {
        const uint64_t sample_us = sensor_due_us();
        const uint64_t event_us = board.connected ? board.next_event_us : UINT64_MAX;
        const uint64_t next_us = sample_us < event_us ? sample_us : event_us;
        if (next_us > end_us) {
            break;
        }
        board.now_us = next_us > board.now_us ? next_us : board.now_us;
        if (sample_us <= event_us) {
            sensor_sample(board.now_us);
        } else {
            board.next_event_us += board.interval_1250us * 1250u;
            deliver();
        }
    }
    board.now_us = end_us;
}

void stub_run(uint32_t us)
{
    const uint64_t end_us = board.now_us + us;
    while (board.now_us < end_us) {
        advance(TICK_US);
        uint32_t edges_us[SENSOR_EDGES];
        const uint32_t edges = sensor_take_edges(edges_us);
        for (uint32_t i = 0; i < edges; i++) {
            app_on_watermark(&board.app, edges_us[i]);
        }
        if (edges > 0 || board.now_us - board.polled_us >= APP_POLL_MS * 1000u) {
            board.polled_us = board.now_us;
            app_poll(&board.app);
        }
    }
}

void stub_stall(uint32_t us)
{
    advance(us);
}

uint64_t stub_now_us(void)
{
    return board.now_us;
}

/* --- hal.h ------------------------------------------------------------------------------------------------------ */

uint64_t hal_now_us(void)
{
    return board.now_us;
}

void hal_wait_us(uint32_t us)
{
    advance(us);
}

bool hal_sensor_read(uint8_t reg, uint8_t *to, uint16_t length)
{
    advance(BUS_US(length));
    return sensor_read(reg, to, length, board.now_us);
}

bool hal_sensor_write(uint8_t reg, const uint8_t *from, uint16_t length)
{
    advance(BUS_US(length));
    return sensor_write(reg, from, length, board.now_us);
}

void hal_ask_link(const hal_link_wish *wish)
{
    board.wish = *wish;
    board.asks++;
}

bool hal_notify(const uint8_t *bytes, uint16_t length)
{
    if (board.queued == STACK_QUEUE) {
        return false;
    }
    board.queue[board.queued].length = length;
    memcpy(board.queue[board.queued].bytes, bytes, length);
    board.queued++;
    return true;
}

uint8_t hal_battery_percent(void)
{
    return board.battery;
}

void hal_publish_battery(uint8_t percent)
{
    board.published = percent;
    board.publications++;
}

/* --- what tests do ---------------------------------------------------------------------------------------------- */

void stub_boot(uint8_t role, uint64_t clock_us)
{
    memset(&board, 0, sizeof board);
    board.now_us = clock_us;
    board.polled_us = clock_us;
    board.battery = 100;
    sensor_power_on();
    const app_labels labels = {
        .role = (ogi_role)role, .serial = "STUB0001", .model = "Retrogait stub", .version = {0, 1, 0}};
    app_init(&board.app, &labels);
}

void stub_connect(uint16_t mtu, uint16_t interval_1250us)
{
    board.connected = true;
    board.deaf = false;
    board.queued = 0;
    board.interval_1250us = interval_1250us;
    board.next_event_us = board.now_us + interval_1250us * 1250u;
    app_on_connected(&board.app, mtu);
    app_on_interval(&board.app, interval_1250us);
}

void stub_disconnect(void)
{
    board.connected = false;
    board.queued = 0;
    app_on_disconnected(&board.app);
}

void stub_set_mtu(uint16_t mtu)
{
    app_on_mtu(&board.app, mtu);
}

void stub_set_interval(uint16_t interval_1250us)
{
    board.interval_1250us = interval_1250us;
    app_on_interval(&board.app, interval_1250us);
}

void stub_subscribe(bool on)
{
    app_on_subscribed(&board.app, on);
}

uint8_t stub_command(const uint8_t *bytes, uint16_t length)
{
    return app_on_command(&board.app, bytes, length);
}

void stub_deafen(bool deaf)
{
    board.deaf = deaf;
}

uint16_t stub_receive(uint8_t *to, uint64_t *arrived_us)
{
    if (board.air_count == 0) {
        return 0;
    }
    const notification *arrived = &board.air[board.air_first];
    board.air_first = (board.air_first + 1u) % AIR;
    board.air_count--;
    memcpy(to, arrived->bytes, arrived->length);
    *arrived_us = arrived->arrived_us;
    return arrived->length;
}

void stub_fake_edge(void)
{
    sensor_fake_edge(board.now_us);
}

uint32_t stub_asks(hal_link_wish *wish)
{
    *wish = board.wish;
    return board.asks;
}

uint32_t stub_published(uint8_t *percent)
{
    *percent = board.published;
    return board.publications;
}

void stub_set_battery(uint8_t percent)
{
    board.battery = percent;
}

app_state stub_state(void)
{
    return app_state_of(&board.app);
}

void stub_info(uint8_t to[OGI_INFO_BYTES])
{
    app_read_info(&board.app, to);
}

uint32_t stub_held(uint16_t *oldest, uint16_t *next)
{
    *oldest = board.app.ring.oldest;
    *next = board.app.ring.next;
    return ring_held(&board.app.ring);
}

stub_counts stub_count(void)
{
    const sensing *s = &board.app.sensing;
    const stub_counts counts = {
        .samples = s->counts.samples,
        .samples_lost = s->counts.samples_lost,
        .overruns = s->counts.overruns,
        .sensor_errors = s->counts.sensor_errors,
        .glitches = s->counts.glitches,
        .packets_lost = board.app.packets_lost,
        .packets_too_long = board.app.packets_too_long,
        .strays = s->sampler.strays,
    };
    return counts;
}
