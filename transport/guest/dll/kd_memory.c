/* What a compiler may call although the source does not: it has these from nobody else here. */
#include "transport/kd/kd_bytes.h"

void *memcpy(void *to, const void *from, size_t len_bytes);
void *memset(void *to, int value, size_t len_bytes);

void *memcpy(void *to, const void *from, size_t len_bytes)
{
    kd_copy(to, from, len_bytes);
    return to;
}

void *memset(void *to, int value, size_t len_bytes)
{
    kd_fill(to, (uint8_t)value, len_bytes);
    return to;
}
