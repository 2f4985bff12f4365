/* The tables that a data directory leads to (pe_image.h). */
#include "harness/gate/pe_image.h"
#include "transport/kd/kd_bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum kd_status damaged(char why[PE_WHY_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum kd_status damaged(char why[PE_WHY_BYTES], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, PE_WHY_BYTES, format, arguments);
    va_end(arguments);
    return KD_ERR_BAD_MESSAGE;
}

static enum kd_status too_many(char why[PE_WHY_BYTES], const char *what, unsigned room)
{
    (void)damaged(why, "more than %u %s", room, what);
    return KD_ERR_TOO_BIG;
}

/* A name of printable characters; NULL: it does not end where it must. */
static const char *name_at(const struct pe_image *image, uint32_t rva)
{
    for (uint32_t len = 0; len < PE_NAME_BYTES_MAX; len++) {
        const uint8_t *name = pe_image_at(image, rva, len + 1);
        if (name == NULL)
            return NULL;
        if (name[len] == 0)
            return len > 0 ? (const char *)name : NULL;
        if (name[len] <= ' ' || name[len] >= 0x7F)
            return NULL;
    }
    return NULL;
}

/* ---- exports ------------------------------------------------------------------------------------------- */

enum {
    EXPORT_BYTES = 40,
    EXPORT_ADDRESS_COUNT = 20,
    EXPORT_NAME_COUNT = 24,
    EXPORT_ADDRESSES = 28,
    EXPORT_NAMES = 32,
    EXPORT_ORDINALS = 36,
};

enum kd_status pe_exports_read(const struct pe_image *image, struct pe_exports *exports,
                               char why[PE_WHY_BYTES])
{
    const struct pe_directory *directory = &image->directories[PE_EXPORTS];
    exports->count = 0;
    if (directory->rva == 0)
        return KD_OK;
    const uint8_t *table = pe_image_at(image, directory->rva, EXPORT_BYTES);
    if (table == NULL)
        return damaged(why, "the export table at 0x%x is not in the file", directory->rva);
    uint32_t addresses = kd_load_u32(table + EXPORT_ADDRESS_COUNT),
             names = kd_load_u32(table + EXPORT_NAME_COUNT);
    if (addresses > PE_NAMES_MAX || names > PE_NAMES_MAX)
        return too_many(why, "exports", PE_NAMES_MAX);
    const uint8_t *address = pe_image_at(image, kd_load_u32(table + EXPORT_ADDRESSES), addresses * 4);
    const uint8_t *name = pe_image_at(image, kd_load_u32(table + EXPORT_NAMES), names * 4);
    const uint8_t *ordinal = pe_image_at(image, kd_load_u32(table + EXPORT_ORDINALS), names * 2);
    if (names > 0 && (address == NULL || name == NULL || ordinal == NULL))
        return damaged(why, "the export table's lists are not in the file");
    for (uint32_t i = 0; i < names; i++) {
        uint16_t place = kd_load_u16(ordinal + i * 2);
        struct pe_export *item = &exports->items[i];
        item->name = name_at(image, kd_load_u32(name + i * 4));
        if (item->name == NULL || place >= addresses)
            return damaged(why, "export %u of %u has no name or no address", i, names);
        item->rva = kd_load_u32(address + place * 4u);
        item->is_forwarder = item->rva >= directory->rva && item->rva - directory->rva < directory->len_bytes;
        exports->count = i + 1;
    }
    return KD_OK;
}

/* ---- imports ------------------------------------------------------------------------------------------- */

enum {
    IMPORT_BYTES = 20,
    IMPORT_LOOKUPS = 0,
    IMPORT_LIBRARY = 12,
    IMPORT_SLOTS = 16,
    IMPORT_HINT_BYTES = 2,
};

static enum kd_status add_import(struct pe_imports *imports, struct pe_import import, char why[PE_WHY_BYTES])
{
    if (imports->count == PE_NAMES_MAX)
        return too_many(why, "imports", PE_NAMES_MAX);
    imports->items[imports->count++] = import;
    return KD_OK;
}

static enum kd_status read_library(const struct pe_image *image, struct pe_imports *imports,
                                   const uint8_t *descriptor, char why[PE_WHY_BYTES])
{
    const uint32_t step = image->is_64 ? 8 : 4;
    const char *library = name_at(image, kd_load_u32(descriptor + IMPORT_LIBRARY));
    uint32_t slots = kd_load_u32(descriptor + IMPORT_SLOTS),
             lookups = kd_load_u32(descriptor + IMPORT_LOOKUPS);
    if (library == NULL)
        return damaged(why, "an imported library has no name");
    if (lookups == 0)
        lookups = slots;
    for (uint32_t i = 0;; i++) {
        const uint8_t *lookup = pe_image_at(image, lookups + i * step, step);
        if (lookup == NULL || pe_image_at(image, slots + i * step, step) == NULL)
            return damaged(why, "the imports from %s do not end", library);
        uint64_t value = image->is_64 ? kd_load_u64(lookup) : kd_load_u32(lookup);
        if (value == 0)
            return KD_OK;
        bool by_ordinal = value >> (step * 8 - 1) != 0;
        struct pe_import import = {.library = library, .slot_rva = slots + i * step};
        if (!by_ordinal && (import.name = name_at(image, (uint32_t)value + IMPORT_HINT_BYTES)) == NULL)
            return damaged(why, "an import from %s has no name", library);
        enum kd_status status = add_import(imports, import, why);
        if (status != KD_OK)
            return status;
    }
}

enum kd_status pe_imports_read(const struct pe_image *image, struct pe_imports *imports,
                               char why[PE_WHY_BYTES])
{
    uint32_t rva = image->directories[PE_IMPORTS].rva;
    imports->count = 0;
    if (rva == 0)
        return KD_OK;
    for (;; rva += IMPORT_BYTES) {
        const uint8_t *descriptor = pe_image_at(image, rva, IMPORT_BYTES);
        if (descriptor == NULL)
            return damaged(why, "the import table does not end");
        if (kd_load_u32(descriptor + IMPORT_LIBRARY) == 0 && kd_load_u32(descriptor + IMPORT_SLOTS) == 0)
            return KD_OK;
        enum kd_status status = read_library(image, imports, descriptor, why);
        if (status != KD_OK)
            return status;
    }
}

/* ---- relocations --------------------------------------------------------------------------------------- */

enum { BLOCK_HEADER_BYTES = 8, BLOCK_ENTRY_BYTES = 2, PAGE_MASK = 0xFFF };

static enum kd_status read_block(struct pe_relocations *relocations, const uint8_t *block, uint32_t len_bytes,
                                 char why[PE_WHY_BYTES])
{
    uint32_t page = kd_load_u32(block);
    for (uint32_t at = BLOCK_HEADER_BYTES; at + BLOCK_ENTRY_BYTES <= len_bytes; at += BLOCK_ENTRY_BYTES) {
        uint16_t entry = kd_load_u16(block + at);
        if (entry >> 12 == PE_RELOCATION_NONE)
            continue;
        if (relocations->count == PE_RELOCATIONS_MAX)
            return too_many(why, "relocations", PE_RELOCATIONS_MAX);
        relocations->items[relocations->count].rva = page + (entry & PAGE_MASK);
        relocations->items[relocations->count++].type = (uint8_t)(entry >> 12);
    }
    return KD_OK;
}

enum kd_status pe_relocations_read(const struct pe_image *image, struct pe_relocations *relocations,
                                   char why[PE_WHY_BYTES])
{
    struct pe_directory directory = image->directories[PE_RELOCATIONS];
    relocations->count = 0;
    const uint8_t *table = pe_image_at(image, directory.rva, directory.len_bytes);
    if (directory.len_bytes > 0 && table == NULL)
        return damaged(why, "the relocations, 0x%x bytes at 0x%x, are not in the file", directory.len_bytes,
                       directory.rva);
    for (uint32_t at = 0; at < directory.len_bytes;) {
        uint32_t left = directory.len_bytes - at;
        uint32_t len_bytes = left < BLOCK_HEADER_BYTES ? 0 : kd_load_u32(table + at + 4);
        if (len_bytes < BLOCK_HEADER_BYTES || len_bytes > left)
            return damaged(why, "the block of relocations at +0x%x has an impossible length", at);
        enum kd_status status = read_block(relocations, table + at, len_bytes, why);
        if (status != KD_OK)
            return status;
        at += len_bytes;
    }
    return KD_OK;
}

/* ---- version ------------------------------------------------------------------------------------------- */

enum {
    RESOURCE_BYTES = 16,
    RESOURCE_NAMED_COUNT = 12,
    RESOURCE_ID_COUNT = 14,
    RESOURCE_ENTRY_BYTES = 8,
    RESOURCE_TYPE_VERSION = 16,
    VERSION_KEY = 6,
    VERSION_FIXED = 40,
    FIXED_BYTES = 52,
    FIXED_FILE_VERSION = 8,
    FIXED_TYPE = 36,
};

#define RESOURCE_IS_FOLDER 0x80000000u
#define FIXED_SIGNATURE    0xFEEF04BDu

/* The entry of a resource folder with that id, or the first one when id is 0. 0: there is none. */
static uint32_t resource_entry(const struct pe_image *image, uint32_t folder, uint32_t id)
{
    uint32_t root = image->directories[PE_RESOURCES].rva;
    const uint8_t *table = pe_image_at(image, root + folder, RESOURCE_BYTES);
    if (table == NULL)
        return 0;
    uint32_t count =
        kd_load_u16(table + RESOURCE_NAMED_COUNT) + (uint32_t)kd_load_u16(table + RESOURCE_ID_COUNT);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = pe_image_at(image, root + folder + RESOURCE_BYTES + i * RESOURCE_ENTRY_BYTES,
                                           RESOURCE_ENTRY_BYTES);
        if (entry == NULL)
            return 0;
        if (id == 0 || kd_load_u32(entry) == id)
            return kd_load_u32(entry + 4);
    }
    return 0;
}

/* The version resource's bytes: type, then its first name, then its first language. NULL: none. */
static const uint8_t *version_bytes(const struct pe_image *image)
{
    uint32_t root = image->directories[PE_RESOURCES].rva;
    if (root == 0)
        return NULL;
    uint32_t type = resource_entry(image, 0, RESOURCE_TYPE_VERSION);
    if ((type & RESOURCE_IS_FOLDER) == 0)
        return NULL;
    uint32_t name = resource_entry(image, type & ~RESOURCE_IS_FOLDER, 0);
    if ((name & RESOURCE_IS_FOLDER) == 0)
        return NULL;
    uint32_t leaf = resource_entry(image, name & ~RESOURCE_IS_FOLDER, 0);
    const uint8_t *data = leaf == 0 ? NULL : pe_image_at(image, root + leaf, RESOURCE_BYTES);
    if (data == NULL || kd_load_u32(data + 4) < VERSION_FIXED + FIXED_BYTES)
        return NULL;
    return pe_image_at(image, kd_load_u32(data), VERSION_FIXED + FIXED_BYTES);
}

enum kd_status pe_version_read(const struct pe_image *image, struct pe_version *version,
                               char why[PE_WHY_BYTES])
{
    static const char key[] = "VS_VERSION_INFO";
    const uint8_t *bytes = version_bytes(image);
    if (bytes == NULL)
        return damaged(why, "no version resource");
    for (size_t i = 0; i < sizeof key; i++)
        if (kd_load_u16(bytes + VERSION_KEY + i * 2) != (uint16_t)key[i])
            return damaged(why, "the version resource has another key than %s", key);
    const uint8_t *fixed = bytes + VERSION_FIXED;
    if (kd_load_u32(fixed) != FIXED_SIGNATURE)
        return damaged(why, "the version resource has no fixed part");
    uint32_t high = kd_load_u32(fixed + FIXED_FILE_VERSION),
             low = kd_load_u32(fixed + FIXED_FILE_VERSION + 4);
    *version = (struct pe_version){
        .file = {(uint16_t)(high >> 16), (uint16_t)high, (uint16_t)(low >> 16), (uint16_t)low},
        .type = kd_load_u32(fixed + FIXED_TYPE),
    };
    return KD_OK;
}
