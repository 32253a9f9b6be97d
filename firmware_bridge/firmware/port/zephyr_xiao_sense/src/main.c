/* Needs the nRF Connect SDK (v3.0); never built by this project's tests, and never run on a board.

   The GATT server of the open profile and the thread in which the application lives. All calls into it are under one
   lock. Notifications are handed over only while the stack has room, so that none of them waits while it is held. */
#include <stdio.h>
#include <string.h>
#include <zephyr/bluetooth/bluetooth.h>
#include <zephyr/bluetooth/conn.h>
#include <zephyr/bluetooth/gatt.h>
#include <zephyr/bluetooth/services/bas.h>
#include <zephyr/bluetooth/uuid.h>
#include <zephyr/drivers/hwinfo.h>
#include <zephyr/kernel.h>

#include "app.h"
#include "board.h"
#include "hal.h"

#define OGI_UUID(part) BT_UUID_128_ENCODE(part, 0x5c4b, 0x4f6e, 0x9d2a, 0x6f67692d6761)
#define OGI_UUID_DECLARE(part) BT_UUID_DECLARE_128(OGI_UUID(part))
#define NAME_PREFIX "OGI-"

/* fewer than the stack's buffers, so that a battery level or an answer still finds one */
#define NOTIFICATIONS_IN_FLIGHT (CONFIG_BT_ATT_TX_COUNT - 2)

static app application;
static K_MUTEX_DEFINE(lock);
static K_SEM_DEFINE(wake, 0, 1);
static K_SEM_DEFINE(room, NOTIFICATIONS_IN_FLIGHT, NOTIFICATIONS_IN_FLIGHT);
K_MSGQ_DEFINE(edges, sizeof(uint32_t), 8, 4);

static struct bt_conn *link;
static char serial[OGI_NAME_BYTES + 1];
static char device_name[sizeof NAME_PREFIX + OGI_NAME_BYTES];

static void on_edge(uint32_t edge_us)
{
    (void)k_msgq_put(&edges, &edge_us, K_NO_WAIT);
    k_sem_give(&wake);
}

/* --- GATT ------------------------------------------------------------------------------------------------------- */

static ssize_t write_ctrl(struct bt_conn *conn, const struct bt_gatt_attr *attr, const void *bytes, uint16_t length,
                          uint16_t offset, uint8_t flags)
{
    ARG_UNUSED(conn);
    ARG_UNUSED(attr);
    ARG_UNUSED(flags);
    if (offset != 0) {
        return BT_GATT_ERR(OGI_WRONG_LENGTH);
    }
    k_mutex_lock(&lock, K_FOREVER);
    const uint8_t answer = app_on_command(&application, bytes, length);
    k_mutex_unlock(&lock);
    k_sem_give(&wake);
    return answer == OGI_OK ? (ssize_t)length : BT_GATT_ERR(answer);
}

static ssize_t read_sync(struct bt_conn *conn, const struct bt_gatt_attr *attr, void *to, uint16_t length,
                         uint16_t offset)
{
    uint8_t bytes[OGI_SYNC_BYTES];
    ogi_write_sync(hal_now_us(), bytes);
    return bt_gatt_attr_read(conn, attr, to, length, offset, bytes, sizeof bytes);
}

static ssize_t read_info(struct bt_conn *conn, const struct bt_gatt_attr *attr, void *to, uint16_t length,
                         uint16_t offset)
{
    uint8_t bytes[OGI_INFO_BYTES];
    k_mutex_lock(&lock, K_FOREVER);
    app_read_info(&application, bytes);
    k_mutex_unlock(&lock);
    return bt_gatt_attr_read(conn, attr, to, length, offset, bytes, sizeof bytes);
}

static void on_subscription(const struct bt_gatt_attr *attr, uint16_t value)
{
    ARG_UNUSED(attr);
    k_mutex_lock(&lock, K_FOREVER);
    app_on_subscribed(&application, value == BT_GATT_CCC_NOTIFY);
    k_mutex_unlock(&lock);
    k_sem_give(&wake);
}

BT_GATT_SERVICE_DEFINE(service, BT_GATT_PRIMARY_SERVICE(OGI_UUID_DECLARE(0x7a1e0001)),
    BT_GATT_CHARACTERISTIC(OGI_UUID_DECLARE(0x7a1e0002), BT_GATT_CHRC_NOTIFY, BT_GATT_PERM_NONE, NULL, NULL, NULL),
    BT_GATT_CCC(on_subscription, BT_GATT_PERM_READ | BT_GATT_PERM_WRITE),
    BT_GATT_CHARACTERISTIC(OGI_UUID_DECLARE(0x7a1e0003), BT_GATT_CHRC_WRITE, BT_GATT_PERM_WRITE, NULL, write_ctrl,
                           NULL),
    BT_GATT_CHARACTERISTIC(OGI_UUID_DECLARE(0x7a1e0004), BT_GATT_CHRC_READ, BT_GATT_PERM_READ, read_sync, NULL, NULL),
    BT_GATT_CHARACTERISTIC(OGI_UUID_DECLARE(0x7a1e0005), BT_GATT_CHRC_READ, BT_GATT_PERM_READ, read_info, NULL,
                           NULL));

static void on_sent(struct bt_conn *conn, void *user_data)
{
    ARG_UNUSED(conn);
    ARG_UNUSED(user_data);
    k_sem_give(&room);
    k_sem_give(&wake);
}

bool hal_notify(const uint8_t *bytes, uint16_t length)
{
    if (link == NULL || k_sem_take(&room, K_NO_WAIT) != 0) {
        return false;
    }
    struct bt_gatt_notify_params notification = {
        .attr = &service.attrs[2], .data = bytes, .len = length, .func = on_sent};
    if (bt_gatt_notify_cb(link, &notification) != 0) {
        k_sem_give(&room);
        return false;
    }
    return true;
}

void hal_publish_battery(uint8_t percent)
{
    (void)bt_bas_set_battery_level(percent);
}

/* --- link ------------------------------------------------------------------------------------------------------- */

static void on_mtu_exchanged(struct bt_conn *conn, uint8_t err, struct bt_gatt_exchange_params *params)
{
    ARG_UNUSED(conn);
    ARG_UNUSED(err);
    ARG_UNUSED(params);
}

static hal_link_wish wished;

/* Not in the callback that led to it: these wait for the controller. Any of them may be refused. */
static void ask_link(struct k_work *work)
{
    static struct bt_gatt_exchange_params exchange = {.func = on_mtu_exchanged};
    ARG_UNUSED(work);
    k_mutex_lock(&lock, K_FOREVER);
    const hal_link_wish wish = wished;
    struct bt_conn *conn = link == NULL ? NULL : bt_conn_ref(link);
    k_mutex_unlock(&lock);
    if (conn == NULL) {
        return;
    }
    const struct bt_le_conn_param interval = {.interval_min = wish.interval_min_1250us,
                                              .interval_max = wish.interval_max_1250us,
                                              .latency = wish.latency_events,
                                              .timeout = wish.supervision_10ms};
    const struct bt_conn_le_data_len_param data_length = {.tx_max_len = wish.data_length, .tx_max_time = 2120};
    (void)bt_gatt_exchange_mtu(conn, &exchange);
    (void)bt_conn_le_data_len_update(conn, &data_length);
    if (wish.phy_2m) {
        (void)bt_conn_le_phy_update(conn, BT_CONN_LE_PHY_PARAM_2M);
    }
    (void)bt_conn_le_param_update(conn, &interval);
    bt_conn_unref(conn);
}

static K_WORK_DEFINE(asking, ask_link);

void hal_ask_link(const hal_link_wish *wish)
{
    wished = *wish;
    (void)k_work_submit(&asking);
}

static void advertise(struct k_work *work)
{
    ARG_UNUSED(work);
    static const struct bt_data found_by[] = {
        BT_DATA_BYTES(BT_DATA_FLAGS, BT_LE_AD_GENERAL | BT_LE_AD_NO_BREDR),
        BT_DATA_BYTES(BT_DATA_UUID128_ALL, OGI_UUID(0x7a1e0001)),
    };
    const struct bt_data answer[] = {
        BT_DATA(BT_DATA_NAME_COMPLETE, device_name, strlen(device_name)),
    };
    (void)bt_le_adv_start(BT_LE_ADV_CONN_FAST_1, found_by, ARRAY_SIZE(found_by), answer, ARRAY_SIZE(answer));
}

static K_WORK_DEFINE(advertising, advertise);

static void on_connected(struct bt_conn *conn, uint8_t err)
{
    if (err != 0) {
        (void)k_work_submit(&advertising);
        return;
    }
    struct bt_conn_info info;
    k_mutex_lock(&lock, K_FOREVER);
    link = bt_conn_ref(conn);
    k_sem_init(&room, NOTIFICATIONS_IN_FLIGHT, NOTIFICATIONS_IN_FLIGHT);
    app_on_connected(&application, bt_gatt_get_mtu(conn));
    if (bt_conn_get_info(conn, &info) == 0) {
        app_on_interval(&application, info.le.interval);
    }
    k_mutex_unlock(&lock);
}

static void on_disconnected(struct bt_conn *conn, uint8_t reason)
{
    ARG_UNUSED(reason);
    k_mutex_lock(&lock, K_FOREVER);
    app_on_disconnected(&application);
    link = NULL;
    k_mutex_unlock(&lock);
    bt_conn_unref(conn);
}

static void on_interval(struct bt_conn *conn, uint16_t interval, uint16_t latency, uint16_t timeout)
{
    ARG_UNUSED(conn);
    ARG_UNUSED(latency);
    ARG_UNUSED(timeout);
    k_mutex_lock(&lock, K_FOREVER);
    app_on_interval(&application, interval);
    k_mutex_unlock(&lock);
}

static void on_recycled(void)
{
    /* only now is there a free connection to advertise for */
    (void)k_work_submit(&advertising);
}

BT_CONN_CB_DEFINE(connection_events) = {
    .connected = on_connected,
    .disconnected = on_disconnected,
    .le_param_updated = on_interval,
    .recycled = on_recycled,
};

static void on_mtu(struct bt_conn *conn, uint16_t tx, uint16_t rx)
{
    ARG_UNUSED(tx);
    ARG_UNUSED(rx);
    k_mutex_lock(&lock, K_FOREVER);
    app_on_mtu(&application, bt_gatt_get_mtu(conn));
    k_mutex_unlock(&lock);
}

static struct bt_gatt_cb gatt_events = {.att_mtu_updated = on_mtu};

/* --- all of it -------------------------------------------------------------------------------------------------- */

static void name_it(void)
{
    uint8_t id[8] = {0};
    (void)hwinfo_get_device_id(id, sizeof id);
    for (size_t i = 0; i < sizeof id; i++) {
        snprintf(serial + 2 * i, 3, "%02X", id[i]);
    }
    snprintf(device_name, sizeof device_name, NAME_PREFIX "%s", serial);
}

int main(void)
{
    name_it();
    if (!board_init(on_edge) || bt_enable(NULL) != 0) {
        return -1;
    }
    (void)bt_set_name(device_name);
    bt_gatt_cb_register(&gatt_events);
    const app_labels labels = {
        .role = (ogi_role)CONFIG_OGI_ROLE, .serial = serial, .model = "XIAO52840 Sense", .version = {0, 1, 0}};
    k_mutex_lock(&lock, K_FOREVER);
    app_init(&application, &labels);
    k_mutex_unlock(&lock);
    (void)k_work_submit(&advertising);
    for (;;) {
        (void)k_sem_take(&wake, K_MSEC(APP_POLL_MS));
        uint32_t edge_us;
        k_mutex_lock(&lock, K_FOREVER);
        while (k_msgq_get(&edges, &edge_us, K_NO_WAIT) == 0) {
            app_on_watermark(&application, edge_us);
        }
        app_poll(&application);
        k_mutex_unlock(&lock);
    }
    return 0;
}
