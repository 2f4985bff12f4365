/* A module that wants DbgPrint. */
#include <stdint.h>

extern __declspec(dllimport) const uint8_t DbgPrint;
const void *bad_import(void);

const void *bad_import(void)
{
    return &DbgPrint;
}
