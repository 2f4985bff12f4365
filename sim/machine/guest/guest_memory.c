/* What the compiler calls although no source does: it makes these of the image's loops that copy and fill bytes. A word at a
 * time, because an emulated store costs the same whatever its width. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t len_bytes);
void *memset(void *to, int value, size_t len_bytes);

void *memcpy(void *to, const void *from, size_t len_bytes)
{
    void *at = to;
    size_t words = len_bytes / sizeof(size_t), rest = len_bytes % sizeof(size_t);
#if defined(__x86_64__)
    __asm__ volatile("rep movsq" : "+D"(at), "+S"(from), "+c"(words) : : "memory");
#else
    __asm__ volatile("rep movsl" : "+D"(at), "+S"(from), "+c"(words) : : "memory");
#endif
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(rest) : : "memory");
    return to;
}

void *memset(void *to, int value, size_t len_bytes)
{
    void *at = to;
    size_t words = len_bytes / sizeof(size_t), rest = len_bytes % sizeof(size_t);
    size_t pattern = (uint8_t)value * (SIZE_MAX / UINT8_MAX);
#if defined(__x86_64__)
    __asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(pattern) : "memory");
#else
    __asm__ volatile("rep stosl" : "+D"(at), "+c"(words) : "a"(pattern) : "memory");
#endif
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(rest) : "a"(pattern) : "memory");
    return to;
}
