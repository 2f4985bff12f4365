/* Rules about the image's form. Sources: kd-protocol.md 3.1, 3.4, and what boot loaders from Windows XP on
 * accept. */
#include "harness/gate/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SUBSYSTEM_MAX_MAJOR = 5, /* Windows XP is 5.1, and 5.2 on x64: a higher number is not loaded there */
    SUBSYSTEM_MAX_MINOR = 2,
    PAGE_BYTES = 4096,
    FILE_ALIGNMENT_MIN = 512,
    FILE_BUDGET_BYTES = 32 * 1024, /* without a certificate */
    IMAGE_BUDGET_BYTES = 96 * 1024,
    VERSION_TYPE_DRIVER = 3,
};

void gate_machine(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    const struct pe_image *image = &subject->image;
    const uint16_t wanted = PE_IMAGE_EXECUTABLE | PE_IMAGE_DLL;
    if ((image->characteristics & wanted) != wanted)
        gate_fail(verdict, "characteristics 0x%04x: not an executable DLL", image->characteristics);
    else
        gate_pass(verdict, "%s (0x%04x), DLL", gate_subject_arch(subject), image->machine);
}

void gate_subsystem(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    const struct pe_image *image = &subject->image;
    if (image->subsystem != PE_SUBSYSTEM_NATIVE)
        gate_fail(verdict, "subsystem %u: expected 1, native", image->subsystem);
    else if (image->subsystem_major > SUBSYSTEM_MAX_MAJOR || image->subsystem_minor > SUBSYSTEM_MAX_MINOR)
        gate_fail(verdict, "native %u.%u: Windows XP loads up to %d.%d", image->subsystem_major,
                  image->subsystem_minor, SUBSYSTEM_MAX_MAJOR, SUBSYSTEM_MAX_MINOR);
    else
        gate_pass(verdict, "native %u.%u", image->subsystem_major, image->subsystem_minor);
}

void gate_protection(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    char writable[128] = "", executable[128] = "";
    for (unsigned i = 0; i < subject->image.section_count; i++) {
        const struct pe_section *section = &subject->image.sections[i];
        bool writes = (section->flags & PE_FLAG_WRITE) != 0,
             executes = (section->flags & PE_FLAG_EXECUTE) != 0;
        if (writes && executes) {
            gate_fail(verdict, "%s is writable and executable", section->name);
            return;
        }
        if ((section->flags & PE_FLAG_SHARED) != 0) {
            gate_fail(verdict, "%s is shared between processes", section->name);
            return;
        }
        char *list = writes ? writable : executable;
        size_t used = strlen(list);
        if (writes || executes)
            snprintf(list + used, sizeof writable - used, " %s", section->name);
    }
    gate_pass(verdict, "%u sections; executable:%s; writable:%s", subject->image.section_count,
              executable[0] ? executable : " none", writable[0] ? writable : " none");
}

void gate_resident(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    for (unsigned i = 0; i < subject->image.section_count; i++) {
        const struct pe_section *section = &subject->image.sections[i];
        bool named = strncmp(section->name, "PAGE", 4) == 0 || strncmp(section->name, "INIT", 4) == 0;
        if ((section->flags & PE_FLAG_DISCARDABLE) != 0 || (section->flags & PE_FLAG_NOT_PAGED) == 0 ||
            named) {
            gate_fail(verdict, "%s may be %s", section->name,
                      (section->flags & PE_FLAG_DISCARDABLE) != 0 ? "discarded after boot" : "paged out");
            return;
        }
    }
    gate_pass(verdict, "none of %u sections pageable or discardable", subject->image.section_count);
}

static bool relocation_good(const struct pe_image *image, uint32_t rva, uint8_t type)
{
    return type == (image->is_64 ? PE_RELOCATION_64 : PE_RELOCATION_32) &&
           pe_image_at(image, rva, image->is_64 ? 8 : 4) != NULL;
}

static void judge_relocations(const struct pe_image *image, const struct pe_relocations *relocations,
                              struct gate_verdict *verdict)
{
    for (unsigned i = 0; i < relocations->count; i++)
        if (!relocation_good(image, relocations->items[i].rva, relocations->items[i].type)) {
            gate_fail(verdict, "relocation of type %u at 0x%x: not a pointer of this machine in the file",
                      relocations->items[i].type, relocations->items[i].rva);
            return;
        }
    if (relocations->count == 0)
        gate_fail(verdict, "no relocations: the image runs at 0x%llx only", (unsigned long long)image->base);
    else if ((image->dll_characteristics & PE_DLL_DYNAMIC_BASE) == 0)
        gate_fail(verdict, "relocations, but the image forbids another base");
    else
        gate_pass(verdict, "%u, all pointers of the machine's width", relocations->count);
}

void gate_relocatable(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    struct pe_relocations *relocations = calloc(1, sizeof *relocations);
    char why[PE_WHY_BYTES] = "no memory";
    if ((subject->image.characteristics & PE_IMAGE_RELOCS_STRIPPED) != 0)
        gate_fail(verdict, "relocations are stripped");
    else if (relocations == NULL || pe_relocations_read(&subject->image, relocations, why) != KD_OK)
        gate_fail(verdict, "%s", why);
    else
        judge_relocations(&subject->image, relocations, verdict);
    free(relocations);
}

void gate_entry(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    uint32_t entry = subject->image.entry_rva;
    if (entry == 0)
        gate_pass(verdict, "none");
    else if (gate_code_at(&subject->code, entry) == NULL)
        gate_fail(verdict, "0x%x is no instruction of the code", entry);
    else
        gate_pass(verdict, "0x%x, in the code", entry);
}

void gate_checksum(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    uint32_t right = pe_image_checksum(&subject->image);
    if (subject->image.checksum != right)
        gate_fail(verdict, "0x%08x: expected 0x%08x", subject->image.checksum, right);
    else
        gate_pass(verdict, "0x%08x", right);
}

static void judge_absent(const struct gate_subject *subject, enum pe_directory_index index,
                         struct gate_verdict *verdict)
{
    const struct pe_directory *directory = &subject->image.directories[index];
    if (directory->rva != 0 || directory->len_bytes != 0)
        gate_fail(verdict, "0x%x bytes at 0x%x", directory->len_bytes, directory->rva);
    else
        gate_pass(verdict, "none");
}

void gate_tls(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    judge_absent(subject, PE_TLS, verdict);
}

void gate_delay_imports(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    judge_absent(subject, PE_DELAY_IMPORTS, verdict);
}

static bool power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

void gate_alignment(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    const struct pe_image *image = &subject->image;
    if (image->section_alignment != PAGE_BYTES || !power_of_two(image->file_alignment) ||
        image->file_alignment < FILE_ALIGNMENT_MIN || image->file_alignment > PAGE_BYTES) {
        gate_fail(verdict, "sections on %u, in the file on %u: expected %d, and a power of two from %d to %d",
                  image->section_alignment, image->file_alignment, PAGE_BYTES, FILE_ALIGNMENT_MIN,
                  PAGE_BYTES);
        return;
    }
    for (unsigned i = 0; i < image->section_count; i++)
        if (image->sections[i].rva % PAGE_BYTES != 0 ||
            image->sections[i].file_at % image->file_alignment != 0) {
            gate_fail(verdict, "%s at 0x%x, in the file at 0x%x, is not aligned", image->sections[i].name,
                      image->sections[i].rva, image->sections[i].file_at);
            return;
        }
    gate_pass(verdict, "sections on %u, in the file on %u", image->section_alignment, image->file_alignment);
}

void gate_size(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    const struct pe_image *image = &subject->image;
    size_t certificate = image->directories[PE_CERTIFICATE].len_bytes;
    size_t file_bytes =
        certificate < subject->len_bytes ? subject->len_bytes - certificate : subject->len_bytes;
    if (file_bytes > FILE_BUDGET_BYTES || image->image_bytes > IMAGE_BUDGET_BYTES)
        gate_fail(verdict, "file %zu, image %u bytes: the budget is %d and %d", file_bytes,
                  image->image_bytes, FILE_BUDGET_BYTES, IMAGE_BUDGET_BYTES);
    else
        gate_pass(verdict, "file %zu of %d, image %u of %d bytes", file_bytes, FILE_BUDGET_BYTES,
                  image->image_bytes, IMAGE_BUDGET_BYTES);
}

void gate_version(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    struct pe_version version;
    char why[PE_WHY_BYTES];
    if (pe_version_read(&subject->image, &version, why) != KD_OK)
        gate_fail(verdict, "%s", why);
    else if (version.type != VERSION_TYPE_DRIVER)
        gate_fail(verdict, "file type %u: expected %d, a driver", version.type, VERSION_TYPE_DRIVER);
    else
        gate_pass(verdict, "%u.%u.%u.%u, driver", version.file[0], version.file[1], version.file[2],
                  version.file[3]);
}
