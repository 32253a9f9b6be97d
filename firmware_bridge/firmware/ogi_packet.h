/* The bytes of the open profile (docs/devices.md): packets, INFO, CTRL. Needs nothing but stdint. */
#ifndef OGI_PACKET_H
#define OGI_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#define OGI_VERSION 1u
#define OGI_AXES 6u
#define OGI_HEADER_BYTES 12u
#define OGI_SAMPLE_BYTES 12u
#define OGI_CRC_BYTES 2u
#define OGI_MAX_SAMPLES 19u
#define OGI_PACKET_BYTES(n) (OGI_HEADER_BYTES + OGI_SAMPLE_BYTES * (n) + OGI_CRC_BYTES)
#define OGI_MAX_BYTES OGI_PACKET_BYTES(OGI_MAX_SAMPLES)
#define OGI_ATT_HEADER_BYTES 3u
#define OGI_MIN_MTU (OGI_ATT_HEADER_BYTES + OGI_PACKET_BYTES(1u))

#define OGI_OVERRUN 0x1u
#define OGI_SATURATED 0x2u
#define OGI_CLOCK_RESET 0x4u

#define OGI_START 0x01u
#define OGI_STOP 0x02u
#define OGI_RESEND 0x03u

/* ATT errors of application */
#define OGI_OK 0x00u
#define OGI_NO_SUCH_COMMAND 0x80u
#define OGI_WRONG_LENGTH 0x81u
#define OGI_MTU_TOO_SMALL 0x82u
#define OGI_SENSOR_SILENT 0x83u

#define OGI_SYNC_BYTES 8u
#define OGI_INFO_BYTES 58u
#define OGI_NAME_BYTES 16u

/* A packet being filled. Between packets n is 0 and both counters are those of the next one. */
typedef struct {
    uint16_t packet;
    uint16_t first;
    uint16_t period_10us;
    uint8_t flags;
    uint8_t n;
    uint32_t last_us;
    uint8_t bytes[OGI_MAX_BYTES];
} ogi_packer;

/* From axes in counts, acc x y z, gyr x y z. False, and nothing done, if the packet is full. */
bool ogi_push(ogi_packer *packer, const int16_t sample[OGI_AXES], uint32_t t_us);

/* Finishes bytes[] and goes on to the next packet; returns its length, 0 if it held no sample. */
uint16_t ogi_close(ogi_packer *packer);

/* Samples that fit a notification at this ATT MTU: 0 (none) to OGI_MAX_SAMPLES. */
uint8_t ogi_samples_at_mtu(uint16_t mtu);

typedef enum { OGI_ROLE_NONE, OGI_ROLE_LEFT_FOOT, OGI_ROLE_RIGHT_FOOT, OGI_ROLE_PELVIS } ogi_role;

typedef struct {
    ogi_role role;
    uint8_t version[3];
    uint16_t acc_range_g;
    uint16_t gyr_range_dps;
    uint16_t ring_packets;
    uint32_t acc_count_ng;
    uint32_t gyr_count_ndps;
    uint32_t rate_mhz;
    const char *serial; /* both: at most OGI_NAME_BYTES are sent */
    const char *model;
} ogi_info;

void ogi_write_info(const ogi_info *info, uint8_t to[OGI_INFO_BYTES]);
void ogi_write_sync(uint64_t now_us, uint8_t to[OGI_SYNC_BYTES]);

typedef struct {
    uint8_t opcode;
    uint32_t rate_mhz; /* of start */
    uint16_t packet;   /* of resend */
} ogi_command;

/* OGI_OK or the ATT error to answer with; the command is set only if OGI_OK. */
uint8_t ogi_read_command(const uint8_t *bytes, uint16_t length, ogi_command *command);

/* CRC-16/CCITT-FALSE: polynomial 0x1021 from 0xFFFF, nothing reflected. */
uint16_t ogi_crc16(const uint8_t *bytes, uint16_t length);

#endif
