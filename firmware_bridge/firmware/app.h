/* The reference application: sensor to ring to link. Everything it knows of hardware is hal.h. */
#ifndef APP_H
#define APP_H

#include <stdbool.h>
#include <stdint.h>

#include "ogi_packet.h"
#include "ring.h"
#include "sensing.h"

typedef enum {
    APP_IDLE,       /* neither subscribed nor sampling */
    APP_SUBSCRIBED, /* subscribed, not sampling */
    APP_STREAMING,  /* sampling, and packets go out */
    APP_HOLDING     /* sampling into the ring: no link, not subscribed, or not started in this connection */
} app_state;

typedef struct {
    ogi_role role;
    const char *serial;
    const char *model;
    uint8_t version[3];
} app_labels;

typedef struct {
    app_labels labels;
    sensing sensing;
    ring ring;
    uint32_t packets_lost;     /* since power-on: overwritten in the ring before they were sent once */
    uint32_t packets_too_long; /* for the MTU of the link they'd have gone over */

    bool connected;
    bool subscribed;
    bool started;  /* start was written in this connection */
    bool stopping; /* what the ring has goes out, then no more */
    bool resend_pending;
    uint16_t resend_from;
    uint16_t send_next;
    uint16_t never_sent; /* from this one on */
    uint16_t mtu;
    uint64_t parted_us; /* when the link broke */

    uint8_t asks; /* for a shorter interval, in this connection */
    uint64_t asked_us;
    uint16_t interval_1250us;

    uint8_t battery;
    uint64_t battery_us;
} app;

/* After power-on. */
void app_init(app *a, const app_labels *labels);

/* Events, each with what the port knows of it. */
void app_on_connected(app *a, uint16_t mtu);
void app_on_disconnected(app *a);
void app_on_mtu(app *a, uint16_t mtu);
void app_on_interval(app *a, uint16_t interval_1250us);
void app_on_subscribed(app *a, bool subscribed);
/* A write to CTRL; returns what to answer with, OGI_OK or an ATT error. */
uint8_t app_on_command(app *a, const uint8_t *bytes, uint16_t length);
/* The rising edge of INT1, captured by the timer. */
void app_on_watermark(app *a, uint32_t edge_us);

/* Does what is due: after each event, and at least every APP_POLL_MS. */
#define APP_POLL_MS 20
void app_poll(app *a);

app_state app_state_of(const app *a);
void app_read_info(const app *a, uint8_t to[OGI_INFO_BYTES]);

#endif
