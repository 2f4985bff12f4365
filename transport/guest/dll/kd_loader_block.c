#include "transport/guest/dll/kd_loader_block.h"

#include "transport/kd/kd_bytes.h"

enum {
    MAJOR_VERSION = 0, /* u32; before Windows 7 the first list's pointer lies here */
    MINOR_VERSION = 4, /* u32 */
    VERSION_MAX = 0xFF /* above this it is no version but a pointer */
};

struct layout {
    uint32_t major, minor; /* of the block; 0: it has no version */
    uint16_t options_x86, options_x64;
};

/* LoadOptions, by version of the block. */
static const struct layout layouts[] = {
    {0, 0, 0x44, 0x88},  /* XP, 2003, Vista, 2008 */
    {6, 1, 0x54, 0x98},  /* 7, 2008 R2 */
    {10, 0, 0x78, 0xD8}, /* 10, 11 */
};

static const struct layout *layout_of(const uint8_t *block)
{
    uint32_t major = kd_load_u32(block + MAJOR_VERSION);
    uint32_t minor = kd_load_u32(block + MINOR_VERSION);
    if (major > VERSION_MAX || minor > VERSION_MAX)
        return &layouts[0];
    for (unsigned i = 1; i < sizeof layouts / sizeof layouts[0]; i++)
        if (layouts[i].major == major && layouts[i].minor == minor)
            return &layouts[i];
    return NULL;
}

uintptr_t kd_loader_block_options(const void *block, unsigned pointer_bytes)
{
    if (block == NULL)
        return 0;
    const struct layout *layout = layout_of(block);
    if (layout == NULL)
        return 0;
    const uint8_t *bytes = block;
    if (pointer_bytes == 4) {
        uint32_t address = kd_load_u32(bytes + layout->options_x86);
        return address < 0x80000000u ? 0 : address;
    }
    uint64_t address = kd_load_u64(bytes + layout->options_x64);
    return address < 0xFFFF800000000000u ? 0 : (uintptr_t)address;
}
