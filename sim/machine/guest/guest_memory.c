/* What the compiler calls although no source does: string instructions, one instruction for the whole of it.
 */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t len_bytes);
void *memset(void *to, int value, size_t len_bytes);

void *memcpy(void *to, const void *from, size_t len_bytes)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(len_bytes) : : "memory");
    return to;
}

void *memset(void *to, int value, size_t len_bytes)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(len_bytes) : "a"(value) : "memory");
    return to;
}
