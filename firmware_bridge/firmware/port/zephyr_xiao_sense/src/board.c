/* Needs the nRF Connect SDK (v3.0, with nrfx 3.x); never built by this project's tests, and never run on a board.

   Clock, sensor bus and battery of the Seeed XIAO nRF52840 Sense. The clock is TIMER2 at 1 MHz. INT1 of the sensor
   (P0.11) captures it through GPIOTE and PPI, so that no interrupt latency is in the timestamp. */
#include "board.h"

#include <helpers/nrfx_gppi.h>
#include <nrfx_gpiote.h>
#include <nrfx_timer.h>
#include <zephyr/devicetree.h>
#include <zephyr/drivers/adc.h>
#include <zephyr/drivers/clock_control.h>
#include <zephyr/drivers/clock_control/nrf_clock_control.h>
#include <zephyr/drivers/gpio.h>
#include <zephyr/drivers/i2c.h>
#include <zephyr/kernel.h>

#include "hal.h"

#define SENSOR DT_NODELABEL(lsm6ds3tr_c)
#define INT1_PIN NRF_DT_GPIOS_TO_PSEL(SENSOR, irq_gpios)
#define EDGE_CHANNEL NRF_TIMER_CC_CHANNEL0
#define READ_CHANNEL NRF_TIMER_CC_CHANNEL1

static const struct i2c_dt_spec sensor_bus = I2C_DT_SPEC_GET(SENSOR);
static const struct adc_dt_spec battery_adc = ADC_DT_SPEC_GET(DT_PATH(zephyr_user));
/* on for good: while it is off, a full cell lifts the ADC's pin beyond its limit */
static const struct gpio_dt_spec battery_switch = GPIO_DT_SPEC_GET(DT_PATH(zephyr_user), battery_gpios);
static const nrfx_timer_t timer = NRFX_TIMER_INSTANCE(2);
static const nrfx_gpiote_t gpiote = NRFX_GPIOTE_INSTANCE(0);

static void (*tell_edge)(uint32_t edge_us);

static void on_int1(nrfx_gpiote_pin_t pin, nrfx_gpiote_trigger_t trigger, void *context)
{
    ARG_UNUSED(pin);
    ARG_UNUSED(trigger);
    ARG_UNUSED(context);
    tell_edge(nrfx_timer_capture_get(&timer, EDGE_CHANNEL));
}

static void on_timer(nrf_timer_event_t event, void *context)
{
    ARG_UNUSED(event);
    ARG_UNUSED(context);
}

static bool start_crystal(void)
{
    /* without it the timer runs from an RC oscillator, off by up to a few per cent */
    static struct onoff_client client;
    sys_notify_init_spinwait(&client.notify);
    return onoff_request(z_nrf_clock_control_get_onoff(CLOCK_CONTROL_NRF_SUBSYS_HF), &client) >= 0;
}

static bool start_timer(void)
{
    nrfx_timer_config_t config = NRFX_TIMER_DEFAULT_CONFIG(NRFX_MHZ_TO_HZ(1));
    config.bit_width = NRF_TIMER_BIT_WIDTH_32;
    if (nrfx_timer_init(&timer, &config, on_timer) != NRFX_SUCCESS) {
        return false;
    }
    nrfx_timer_enable(&timer);
    return true;
}

static bool capture_int1(void)
{
    uint8_t event_channel;
    uint8_t ppi_channel;
    if (nrfx_gpiote_channel_alloc(&gpiote, &event_channel) != NRFX_SUCCESS) {
        return false;
    }
    const nrf_gpio_pin_pull_t pull = NRF_GPIO_PIN_NOPULL;
    const nrfx_gpiote_trigger_config_t trigger = {.trigger = NRFX_GPIOTE_TRIGGER_LOTOHI,
                                                  .p_in_channel = &event_channel};
    const nrfx_gpiote_handler_config_t handler = {.handler = on_int1};
    const nrfx_gpiote_input_pin_config_t input = {
        .p_pull_config = &pull, .p_trigger_config = &trigger, .p_handler_config = &handler};
    if (nrfx_gpiote_input_configure(&gpiote, INT1_PIN, &input) != NRFX_SUCCESS ||
        nrfx_gppi_channel_alloc(&ppi_channel) != NRFX_SUCCESS) {
        return false;
    }
    nrfx_gppi_channel_endpoints_setup(ppi_channel, nrfx_gpiote_in_event_address_get(&gpiote, INT1_PIN),
                                      nrfx_timer_capture_task_address_get(&timer, EDGE_CHANNEL));
    nrfx_gppi_channels_enable(BIT(ppi_channel));
    nrfx_gpiote_trigger_enable(&gpiote, INT1_PIN, true);
    return true;
}

bool board_init(void (*on_edge)(uint32_t edge_us))
{
    tell_edge = on_edge;
    return start_crystal() && start_timer() && i2c_is_ready_dt(&sensor_bus) && adc_is_ready_dt(&battery_adc) &&
           adc_channel_setup_dt(&battery_adc) == 0 &&
           gpio_pin_configure_dt(&battery_switch, GPIO_OUTPUT_ACTIVE) == 0 && capture_int1();
}

uint64_t hal_now_us(void)
{
    /* called every 20 ms by the application: no wrap of 71.6 min is missed */
    static uint64_t last_us;
    const unsigned key = irq_lock();
    const uint32_t low = nrfx_timer_capture(&timer, READ_CHANNEL);
    last_us += (uint32_t)(low - (uint32_t)last_us);
    const uint64_t now_us = last_us;
    irq_unlock(key);
    return now_us;
}

void hal_wait_us(uint32_t us)
{
    k_usleep((int32_t)us);
}

bool hal_sensor_read(uint8_t reg, uint8_t *to, uint16_t length)
{
    return i2c_burst_read_dt(&sensor_bus, reg, to, length) == 0;
}

bool hal_sensor_write(uint8_t reg, const uint8_t *from, uint16_t length)
{
    return i2c_burst_write_dt(&sensor_bus, reg, from, length) == 0;
}

/* A lithium cell's rest voltage against what is left of it: coarse, and a hint only. */
static uint8_t percent_of(int32_t cell_mv)
{
    static const struct {
        int32_t mv;
        int32_t percent;
    } curve[] = {{3300, 0}, {3600, 10}, {3700, 30}, {3800, 55}, {3950, 80}, {4150, 100}};
    if (cell_mv <= curve[0].mv) {
        return 0;
    }
    for (size_t i = 1; i < ARRAY_SIZE(curve); i++) {
        if (cell_mv < curve[i].mv) {
            const int32_t part = cell_mv - curve[i - 1].mv;
            const int32_t whole = curve[i].mv - curve[i - 1].mv;
            return (uint8_t)(curve[i - 1].percent + (curve[i].percent - curve[i - 1].percent) * part / whole);
        }
    }
    return 100;
}

uint8_t hal_battery_percent(void)
{
    int16_t raw = 0;
    struct adc_sequence sequence = {.buffer = &raw, .buffer_size = sizeof raw};
    (void)adc_sequence_init_dt(&battery_adc, &sequence);
    const int err = adc_read_dt(&battery_adc, &sequence);
    int32_t mv = raw;
    if (err != 0 || adc_raw_to_millivolts_dt(&battery_adc, &mv) != 0) {
        return 0;
    }
    return percent_of(mv * (1000 + 510) / 510);
}
