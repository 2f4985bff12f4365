/* kd_seal IMAGE: the last step of building the DLL: what the linker cannot be told.
 *
 * Every section is marked not pageable and none discardable: the kernel calls the module when the pager
 * cannot run, and again long after boot (kd-protocol.md 3.4). The resources are marked read-only. Then the
 * checksum is set, which boot loaders check. Build tool: the input is the linker's, so a misfit is an error,
 * never a guess. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    DOS_NEW_HEADER = 0x3C, /* u32: where the PE signature lies */
    PE_SECTIONS = 6,       /* u16, from the signature */
    PE_OPTIONAL_BYTES = 20,
    PE_OPTIONAL = 24,
    OPTIONAL_CHECKSUM = 64,
    OPTIONAL_BYTES_MIN = 68,
    SECTION_BYTES = 40,
    SECTION_FLAGS = 36,
    IMAGE_BYTES_MAX = 1 << 20,
};

#define FLAG_DISCARDABLE 0x02000000u
#define FLAG_NOT_PAGED   0x08000000u
#define FLAG_WRITE       0x80000000u
#define PE_SIGNATURE     0x00004550u

static uint8_t image[IMAGE_BYTES_MAX];

static uint32_t load_u16(size_t at)
{
    return (uint32_t)(image[at] | image[at + 1] << 8);
}

static uint32_t load_u32(size_t at)
{
    return load_u16(at) | load_u16(at + 2) << 16;
}

static void store_u32(size_t at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        image[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

static bool seal_sections(size_t len_bytes, size_t pe)
{
    size_t section = pe + PE_OPTIONAL + load_u16(pe + PE_OPTIONAL_BYTES);
    size_t count = load_u16(pe + PE_SECTIONS);
    if (section + count * SECTION_BYTES > len_bytes)
        return false;
    for (; count > 0; count--, section += SECTION_BYTES) {
        uint32_t flags = (load_u32(section + SECTION_FLAGS) & ~FLAG_DISCARDABLE) | FLAG_NOT_PAGED;
        if (memcmp(&image[section], ".rsrc", sizeof ".rsrc") == 0)
            flags &= ~FLAG_WRITE;
        store_u32(section + SECTION_FLAGS, flags);
    }
    return true;
}

/* The sum of 16-bit words with end-around carry, the field itself taken as zero, plus the length. */
static void seal_checksum(size_t len_bytes, size_t pe)
{
    size_t field = pe + PE_OPTIONAL + OPTIONAL_CHECKSUM;
    store_u32(field, 0);
    uint32_t sum = 0;
    for (size_t at = 0; at < len_bytes; at += 2) {
        sum += load_u16(at);
        sum = (sum & 0xFFFFu) + (sum >> 16);
    }
    store_u32(field, sum + (uint32_t)len_bytes);
}

/* The buffer is larger than the file by at least one zero byte, so that an odd last byte makes a word. */
static bool seal(size_t len_bytes)
{
    if (len_bytes < DOS_NEW_HEADER + 4)
        return false;
    size_t pe = load_u32(DOS_NEW_HEADER);
    if (pe > len_bytes || len_bytes - pe < PE_OPTIONAL + OPTIONAL_BYTES_MIN || load_u32(pe) != PE_SIGNATURE)
        return false;
    if (!seal_sections(len_bytes, pe))
        return false;
    seal_checksum(len_bytes, pe);
    return true;
}

static int refuse(const char *path, const char *why)
{
    fprintf(stderr, "kd_seal: %s: %s\n", path, why);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return refuse("usage", "kd_seal IMAGE");
    FILE *file = fopen(argv[1], "r+b");
    if (file == NULL)
        return refuse(argv[1], "cannot be opened for writing");
    size_t len_bytes = fread(image, 1, sizeof image - 1, file);
    if (len_bytes == sizeof image - 1 || !seal(len_bytes))
        return refuse(argv[1], "no PE image under 1 MiB");
    rewind(file);
    if (fwrite(image, 1, len_bytes, file) != len_bytes || fclose(file) != 0)
        return refuse(argv[1], "cannot be written");
    return 0;
}
