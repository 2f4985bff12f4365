/* dbg_bytes.h: little-endian fields of 1 to 8 bytes; the debugger's own, shared with nobody on the target's
 * side. */
#ifndef DBG_BYTES_H
#define DBG_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t dbg_get(const uint8_t *from, size_t field_bytes)
{
    uint64_t value = 0;
    for (size_t i = field_bytes; i > 0; i--)
        value = value << 8 | from[i - 1];
    return value;
}

static inline uint16_t dbg_get16(const uint8_t *from)
{
    return (uint16_t)dbg_get(from, 2);
}

static inline uint32_t dbg_get32(const uint8_t *from)
{
    return (uint32_t)dbg_get(from, 4);
}

static inline void dbg_put(uint8_t *to, size_t field_bytes, uint64_t value)
{
    for (size_t i = 0; i < field_bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

#endif
