/* A copy loop that a compiler left to itself makes: sixteen bytes at a time, through a vector register. */
#include <stddef.h>
#include <stdint.h>

typedef uint8_t sixteen __attribute__((vector_size(16), aligned(1)));
void bad_copy(uint8_t *to, const uint8_t *from, size_t len_bytes);

__attribute__((target("sse2"))) void bad_copy(uint8_t *to, const uint8_t *from, size_t len_bytes)
{
    for (size_t i = 0; i + sizeof(sixteen) <= len_bytes; i += sizeof(sixteen))
        *(sixteen *)(to + i) = *(const sixteen *)(from + i);
}
