/* kd_bytes.h: little-endian loads and stores, copy, fill and compare without a libc.
 *
 * Wire bytes are read and written with these, never by casting a pointer: no alignment, no padding and no
 * byte order of the machine can reach the wire. Context: any; nothing here can fault on valid arguments. */
#ifndef KD_BYTES_H
#define KD_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t kd_load_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}

static inline uint32_t kd_load_u32(const uint8_t *from)
{
    return (uint32_t)kd_load_u16(from) | (uint32_t)kd_load_u16(from + 2) << 16;
}

static inline uint64_t kd_load_u64(const uint8_t *from)
{
    return (uint64_t)kd_load_u32(from) | (uint64_t)kd_load_u32(from + 4) << 32;
}

static inline void kd_store_u16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void kd_store_u32(uint8_t *to, uint32_t value)
{
    kd_store_u16(to, (uint16_t)value);
    kd_store_u16(to + 2, (uint16_t)(value >> 16));
}

static inline void kd_store_u64(uint8_t *to, uint64_t value)
{
    kd_store_u32(to, (uint32_t)value);
    kd_store_u32(to + 4, (uint32_t)(value >> 32));
}

/* Eight bytes at any address, whatever they are: for copying only, which asks no byte order. Loads and stores made of
 * single bytes are not always merged again (mingw's gcc leaves eight stores). */
typedef uint64_t kd_any_word __attribute__((may_alias, aligned(1)));

/* Copies len_bytes from one buffer to another, eight at a time, in general registers; the two must not overlap. */
static inline void kd_copy(void *to, const void *from, size_t len_bytes)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    size_t done = 0;
    for (; len_bytes - done >= 8; done += 8)
        *(kd_any_word *)(target + done) = *(const kd_any_word *)(source + done);
    for (; done < len_bytes; done++)
        target[done] = source[done];
}

static inline void kd_fill(void *to, uint8_t value, size_t len_bytes)
{
    uint8_t *target = to;
    for (size_t i = 0; i < len_bytes; i++)
        target[i] = value;
}

static inline bool kd_equal(const void *left, const void *right, size_t len_bytes)
{
    const uint8_t *a = left, *b = right;
    for (size_t i = 0; i < len_bytes; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

#endif
