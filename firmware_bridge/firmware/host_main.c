/* Drives the application over the stub board by the bytes of standard input, each a deed and its measure; built with
   the address and undefined-behaviour sanitizers. Prints what was counted. */
#include <stdio.h>

#include "hal_stub.h"

static uint32_t next_byte(void)
{
    const int byte = getchar();
    return byte == EOF ? 0u : (uint32_t)byte;
}

static void command_by(uint32_t measure)
{
    const uint8_t bytes[] = {(uint8_t)(measure % 5u), (uint8_t)(measure * 7u), (uint8_t)(measure / 8u), 0u, 0u, 0u};
    static const uint8_t fitting[] = {0, 5, 1, 3, 6};
    (void)stub_command(bytes, fitting[measure % 5u]);
}

static void do_deed(uint32_t deed, uint32_t measure)
{
    static const uint8_t start[] = {OGI_START, 0, 0, 0, 0};
    switch (deed % 16u) {
    case 0:
        stub_connect((uint16_t)(measure < 128u ? 247u : 23u + measure % 64u), (uint16_t)(6u + measure % 32u));
        break;
    case 1:
        stub_disconnect();
        break;
    case 2:
        stub_subscribe(measure < 224u);
        break;
    case 3:
        (void)stub_command(start, sizeof start);
        break;
    case 4:
        command_by(measure);
        break;
    case 5:
        stub_stall(measure * 10000u);
        break;
    case 6:
        stub_fail_bus(measure % 8u);
        break;
    case 7:
        stub_set_rate_error(((int32_t)measure - 128) * 300);
        break;
    case 8:
        stub_lose_edges(measure % 16u);
        break;
    case 9:
        stub_fake_edge();
        break;
    case 10:
        stub_brown_out();
        break;
    case 11:
        stub_remove_sensor(measure < 64u);
        break;
    case 12:
        stub_deafen(measure < 128u);
        break;
    case 13:
        stub_set_mtu((uint16_t)(23u + measure));
        break;
    default:
        stub_run(measure * 20000u);
        break;
    }
}

int main(void)
{
    uint8_t bytes[OGI_MAX_BYTES];
    uint64_t arrived_us;
    unsigned received = 0;
    stub_boot((uint8_t)(next_byte() % 4u), (uint64_t)next_byte() << 24);
    for (uint32_t deed = next_byte(); !feof(stdin); deed = next_byte()) {
        do_deed(deed, next_byte());
        while (stub_receive(bytes, &arrived_us) > 0) {
            received++;
        }
    }
    const stub_counts counts = stub_count();
    printf("%u packets received; %u samples, %u lost in %u overruns\n", received, counts.samples, counts.samples_lost,
           counts.overruns);
    printf("%u sensor errors, %u glitches, %u strays\n", counts.sensor_errors, counts.glitches, counts.strays);
    return 0;
}
