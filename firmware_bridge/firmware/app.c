#include "app.h"

#include <stddef.h>
#include <string.h>

#include "hal.h"

#define SECOND_US 1000000u
#define HOLD_WITHOUT_LINK_US (60u * SECOND_US)
#define BATTERY_EVERY_US (60u * SECOND_US)

/* an interval that is too long is asked to change so often, so far apart */
#define ASKS 3
#define ASK_AGAIN_US (5u * SECOND_US)

static const hal_link_wish WISH = {
    .interval_min_1250us = 6,  /* 7.5 ms */
    .interval_max_1250us = 12, /* 15 ms */
    .latency_events = 0,
    .supervision_10ms = 400,
    .mtu = 247, /* with L2CAP's header it fills the 251 bytes that one radio packet carries */
    .data_length = 251,
    .phy_2m = true,
};

/* Whether counter a is b or, going by the shorter way round, comes after it. */
static bool at_or_after(uint16_t a, uint16_t b)
{
    return (uint16_t)(a - b) < 0x8000u;
}

void app_init(app *a, const app_labels *labels)
{
    memset(a, 0, sizeof *a);
    a->labels = *labels;
    sensing_init(&a->sensing, labels->role == OGI_ROLE_PELVIS ? LSM_8G_1000DPS : LSM_16G_2000DPS);
    a->battery_us = hal_now_us();
    a->battery = hal_battery_percent();
    hal_publish_battery(a->battery);
}

app_state app_state_of(const app *a)
{
    if (!a->sensing.on) {
        return a->subscribed ? APP_SUBSCRIBED : APP_IDLE;
    }
    return a->subscribed && a->started ? APP_STREAMING : APP_HOLDING;
}

/* --- link ------------------------------------------------------------------------------------------------------- */

static void ask_link(app *a)
{
    a->asks++;
    a->asked_us = hal_now_us();
    hal_ask_link(&WISH);
}

static void forget_link(app *a)
{
    a->subscribed = false;
    a->started = false;
    a->stopping = false;
    a->resend_pending = false;
    a->interval_1250us = 0;
    a->asks = 0;
}

void app_on_connected(app *a, uint16_t mtu)
{
    forget_link(a);
    a->connected = true;
    app_on_mtu(a, mtu);
    ask_link(a);
}

void app_on_disconnected(app *a)
{
    forget_link(a);
    a->connected = false;
    a->parted_us = hal_now_us();
}

void app_on_mtu(app *a, uint16_t mtu)
{
    a->mtu = mtu;
    /* each connection begins at 23, which says nothing of what it will carry */
    if (ogi_samples_at_mtu(mtu) > 0) {
        sensing_set_most(&a->sensing, ogi_samples_at_mtu(mtu));
    }
}

void app_on_interval(app *a, uint16_t interval_1250us)
{
    a->interval_1250us = interval_1250us;
}

void app_on_subscribed(app *a, bool subscribed)
{
    a->subscribed = subscribed;
}

void app_on_watermark(app *a, uint32_t edge_us)
{
    sensing_on_edge(&a->sensing, edge_us);
}

static void look_after_link(app *a)
{
    const uint64_t now_us = hal_now_us();
    if (!a->connected && now_us - a->parted_us >= HOLD_WITHOUT_LINK_US) {
        sensing_stop(&a->sensing, &a->ring);
    }
    if (a->connected && a->interval_1250us > WISH.interval_max_1250us && a->asks < ASKS &&
        now_us - a->asked_us >= ASK_AGAIN_US) {
        ask_link(a);
    }
}

/* --- commands --------------------------------------------------------------------------------------------------- */

static void resend(app *a, uint16_t packet)
{
    const bool none_missing = packet == a->ring.next;
    a->send_next = none_missing || ring_holds(&a->ring, packet) ? packet : a->ring.oldest;
}

static uint8_t start(app *a, uint32_t rate_mhz)
{
    const lsm_rate rate = rate_mhz == 0 ? LSM_208HZ : lsm_nearest_rate(rate_mhz);
    if (a->mtu < OGI_MIN_MTU) {
        return OGI_MTU_TOO_SMALL;
    }
    if (rate != a->sensing.rate) {
        sensing_stop(&a->sensing, &a->ring);
    }
    /* not when sampling begins: then the ring's next packet is that which begins */
    if (!a->started) {
        a->send_next = a->ring.next;
    }
    if (!a->sensing.on && !sensing_start(&a->sensing, rate)) {
        return OGI_SENSOR_SILENT;
    }
    if (a->resend_pending) {
        resend(a, a->resend_from);
    }
    a->resend_pending = false;
    a->stopping = false;
    a->started = true;
    return OGI_OK;
}

static void stop(app *a)
{
    sensing_stop(&a->sensing, &a->ring);
    a->stopping = a->started;
}

uint8_t app_on_command(app *a, const uint8_t *bytes, uint16_t length)
{
    ogi_command command;
    const uint8_t answer = ogi_read_command(bytes, length, &command);
    if (answer != OGI_OK) {
        return answer;
    }
    if (command.opcode == OGI_START) {
        return start(a, command.rate_mhz);
    }
    if (command.opcode == OGI_STOP) {
        stop(a);
    } else if (a->started && !a->stopping) {
        resend(a, command.packet);
    } else {
        a->resend_pending = true;
        a->resend_from = command.packet;
    }
    return OGI_OK;
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

static void skip_overwritten(app *a)
{
    while (a->send_next != a->ring.next && !ring_holds(&a->ring, a->send_next)) {
        a->packets_lost += at_or_after(a->send_next, a->never_sent) ? 1u : 0u;
        a->send_next++;
    }
}

static void send(app *a)
{
    while (a->connected && a->subscribed && a->started && a->send_next != a->ring.next) {
        uint16_t length = 0;
        const uint8_t *bytes = ring_get(&a->ring, a->send_next, &length);
        if (length + OGI_ATT_HEADER_BYTES > a->mtu) {
            a->packets_too_long++;
        } else if (!hal_notify(bytes, length)) {
            return;
        }
        a->send_next++;
        if (at_or_after(a->send_next, a->never_sent)) {
            a->never_sent = a->send_next;
        }
    }
    if (a->stopping && a->send_next == a->ring.next) {
        a->stopping = false;
        a->started = false;
    }
}

static void look_after_battery(app *a)
{
    const uint64_t now_us = hal_now_us();
    if (now_us - a->battery_us < BATTERY_EVERY_US) {
        return;
    }
    a->battery_us = now_us;
    const uint8_t percent = hal_battery_percent();
    if (percent != a->battery) {
        a->battery = percent;
        hal_publish_battery(percent);
    }
}

void app_poll(app *a)
{
    send(a); /* what a resend asked for, before new samples overwrite it */
    sensing_poll(&a->sensing, &a->ring);
    look_after_link(a);
    skip_overwritten(a);
    send(a);
    look_after_battery(a);
}

void app_read_info(const app *a, uint8_t to[OGI_INFO_BYTES])
{
    const lsm_scale scale = lsm_scale_of(a->sensing.range);
    const ogi_info info = {
        .role = a->labels.role,
        .version = {a->labels.version[0], a->labels.version[1], a->labels.version[2]},
        .acc_range_g = scale.acc_range_g,
        .gyr_range_dps = scale.gyr_range_dps,
        .ring_packets = RING_HOLDS_AT_LEAST,
        .acc_count_ng = scale.acc_count_ng,
        .gyr_count_ndps = scale.gyr_count_ndps,
        .rate_mhz = lsm_rate_mhz(a->sensing.on ? a->sensing.rate : LSM_208HZ),
        .serial = a->labels.serial,
        .model = a->labels.model,
    };
    ogi_write_info(&info, to);
}
