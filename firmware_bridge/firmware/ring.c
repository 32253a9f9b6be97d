#include "ring.h"

#include <stddef.h>
#include <string.h>

void ring_clear(ring *r, uint16_t next)
{
    r->oldest = next;
    r->next = next;
    r->end = 0;
}

uint16_t ring_held(const ring *r)
{
    return (uint16_t)(r->next - r->oldest);
}

bool ring_holds(const ring *r, uint16_t packet)
{
    return (uint16_t)(packet - r->oldest) < ring_held(r);
}

static bool overlaps_oldest(const ring *r, unsigned from, unsigned to)
{
    const unsigned offset = r->entries[r->oldest % RING_PACKETS].offset;
    const unsigned end = offset + r->entries[r->oldest % RING_PACKETS].length;
    return from < end && offset < to;
}

void ring_put(ring *r, const uint8_t *bytes, uint16_t length)
{
    unsigned from = r->end;
    if (from + length > RING_BYTES) {
        /* what lies behind the turn is older than all that lies at the start */
        while (ring_held(r) > 0 && overlaps_oldest(r, from, RING_BYTES)) {
            r->oldest++;
        }
        from = 0;
    }
    while (ring_held(r) > 0 && (ring_held(r) == RING_PACKETS || overlaps_oldest(r, from, from + length))) {
        r->oldest++;
    }
    memcpy(r->bytes + from, bytes, length);
    r->entries[r->next % RING_PACKETS].offset = (uint16_t)from;
    r->entries[r->next % RING_PACKETS].length = length;
    r->next++;
    r->end = (uint16_t)(from + length);
}

const uint8_t *ring_get(const ring *r, uint16_t packet, uint16_t *length)
{
    if (!ring_holds(r, packet)) {
        return NULL;
    }
    *length = r->entries[packet % RING_PACKETS].length;
    return r->bytes + r->entries[packet % RING_PACKETS].offset;
}
