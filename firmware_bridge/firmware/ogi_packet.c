#include "ogi_packet.h"

#include <stddef.h>

/* what the sensor gives when its range is exceeded: both ends of int16, the lower one also one count above */
#define END_STOP 32767

static void put16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)(value & 0xFFu);
    to[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, (uint16_t)(value & 0xFFFFu));
    put16(to + 2, (uint16_t)(value >> 16));
}

static uint16_t get16(const uint8_t *from)
{
    return (uint16_t)(from[0] | (unsigned)from[1] << 8);
}

uint16_t ogi_crc16(const uint8_t *bytes, uint16_t length)
{
    uint16_t crc = 0xFFFFu;
    for (uint16_t i = 0; i < length; i++) {
        crc = (uint16_t)(crc ^ ((unsigned)bytes[i] << 8));
        for (int bit = 0; bit < 8; bit++) {
            const unsigned shifted = (unsigned)crc << 1;
            crc = (uint16_t)((crc & 0x8000u) ? shifted ^ 0x1021u : shifted);
        }
    }
    return crc;
}

bool ogi_push(ogi_packer *packer, const int16_t sample[OGI_AXES], uint32_t t_us)
{
    if (packer->n >= OGI_MAX_SAMPLES) {
        return false;
    }
    uint8_t *to = packer->bytes + OGI_HEADER_BYTES + OGI_SAMPLE_BYTES * packer->n;
    for (size_t axis = 0; axis < OGI_AXES; axis++) {
        if (sample[axis] >= END_STOP || sample[axis] <= -END_STOP) {
            packer->flags |= OGI_SATURATED;
        }
        put16(to + 2 * axis, (uint16_t)sample[axis]);
    }
    packer->last_us = t_us;
    packer->n++;
    return true;
}

uint16_t ogi_close(ogi_packer *packer)
{
    if (packer->n == 0) {
        return 0;
    }
    uint8_t *bytes = packer->bytes;
    bytes[0] = (uint8_t)(OGI_VERSION << 4 | (packer->flags & 0x7u));
    bytes[1] = packer->n;
    put16(bytes + 2, packer->packet);
    put32(bytes + 4, packer->last_us);
    put16(bytes + 8, packer->period_10us);
    put16(bytes + 10, packer->first);
    const uint16_t length = (uint16_t)OGI_PACKET_BYTES(packer->n);
    put16(bytes + length - OGI_CRC_BYTES, ogi_crc16(bytes, (uint16_t)(length - OGI_CRC_BYTES)));
    packer->packet++;
    packer->first = (uint16_t)(packer->first + packer->n);
    packer->flags = 0;
    packer->n = 0;
    return length;
}

uint8_t ogi_samples_at_mtu(uint16_t mtu)
{
    if (mtu < OGI_MIN_MTU) {
        return 0;
    }
    const unsigned n = (mtu - OGI_ATT_HEADER_BYTES - OGI_PACKET_BYTES(0u)) / OGI_SAMPLE_BYTES;
    return (uint8_t)(n < OGI_MAX_SAMPLES ? n : OGI_MAX_SAMPLES);
}

static void put_name(uint8_t *to, const char *name)
{
    bool ended = false;
    for (size_t i = 0; i < OGI_NAME_BYTES; i++) {
        ended = ended || name[i] == '\0';
        to[i] = ended ? 0u : (uint8_t)name[i];
    }
}

void ogi_write_info(const ogi_info *info, uint8_t to[OGI_INFO_BYTES])
{
    to[0] = 1u; /* layout */
    to[1] = (uint8_t)info->role;
    for (size_t i = 0; i < 3; i++) {
        to[2 + i] = info->version[i];
    }
    to[5] = 0u;
    put16(to + 6, info->acc_range_g);
    put16(to + 8, info->gyr_range_dps);
    put16(to + 10, info->ring_packets);
    put32(to + 12, info->acc_count_ng);
    put32(to + 16, info->gyr_count_ndps);
    put32(to + 20, info->rate_mhz);
    put_name(to + 24, info->serial);
    put_name(to + 40, info->model);
    put16(to + 56, ogi_crc16(to, 56u));
}

void ogi_write_sync(uint64_t now_us, uint8_t to[OGI_SYNC_BYTES])
{
    put32(to, (uint32_t)(now_us & 0xFFFFFFFFu));
    put32(to + 4, (uint32_t)(now_us >> 32));
}

uint8_t ogi_read_command(const uint8_t *bytes, uint16_t length, ogi_command *command)
{
    if (length == 0) {
        return OGI_WRONG_LENGTH;
    }
    const ogi_command of_opcode = {.opcode = bytes[0]};
    uint16_t wanted;
    switch (bytes[0]) {
    case OGI_START:
        wanted = 5;
        break;
    case OGI_STOP:
        wanted = 1;
        break;
    case OGI_RESEND:
        wanted = 3;
        break;
    default:
        return OGI_NO_SUCH_COMMAND;
    }
    if (length != wanted) {
        return OGI_WRONG_LENGTH;
    }
    *command = of_opcode;
    if (bytes[0] == OGI_START) {
        command->rate_mhz = (uint32_t)get16(bytes + 1) | (uint32_t)get16(bytes + 3) << 16;
    } else if (bytes[0] == OGI_RESEND) {
        command->packet = get16(bytes + 1);
    }
    return OGI_OK;
}
