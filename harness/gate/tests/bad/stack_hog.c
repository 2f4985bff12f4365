/* KdPower with a buffer on the stack, as large as the packets it might hold. */
#include "transport/guest/kd_module.h"

enum { BUFFER_BYTES = 3072 };
uint32_t KD_API bad_power(void *first, void *second);

uint32_t KD_API bad_power(void *first, void *second)
{
    volatile uint8_t buffer[BUFFER_BYTES];
    buffer[(uintptr_t)first % BUFFER_BYTES] = 1;
    return buffer[(uintptr_t)second % BUFFER_BYTES];
}
