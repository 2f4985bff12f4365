/* Goal: the loader maps a PE image as a boot loader does, and refuses every file that is none, without a look
 * outside of it. Method: the loader's source on the host, with the DLLs of this build as good files, and
 * these cut short or with one field changed as bad ones. The file's bytes end at the end of an allocation, so
 * that the sanitizer sees a look behind. */
#define _GNU_SOURCE
#include "sim/machine/guest/guest_pe.h"
#include "transport/kd/kd_bytes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { ROOM = 1024 * 1024, BASE = 0x00A00000, FLAG = 0x00401234 };

static const struct {
    const char *path;
    uint16_t machine;
} dlls[] = {{FASTKD_GUEST "/x64/kdfast.dll", GUEST_PE_X64}, {FASTKD_GUEST "/x86/kdfast.dll", GUEST_PE_X86}};
enum { X64, X86, DLLS };

struct fix {
    uint8_t *image;
    struct guest_pe pe;
};

static uint64_t everything(void *context, const char *library, const char *name)
{
    (void)context;
    return *library != 0 && *name != 0 ? FLAG : 0;
}

static uint8_t *read_dll(int which, uint32_t *bytes)
{
    FILE *file = fopen(dlls[which].path, "rb");
    assert_non_null(file);
    uint8_t *all = malloc(ROOM);
    *bytes = (uint32_t)fread(all, 1, ROOM, file);
    fclose(file);
    assert_in_range(*bytes, 1024, ROOM - 1);
    return realloc(all, *bytes);
}

static int set_up(void **state)
{
    struct fix *fix = calloc(1, sizeof *fix);
    fix->image = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *state = fix;
    return fix->image == MAP_FAILED;
}

static int tear_down(void **state)
{
    struct fix *fix = *state;
    munmap(fix->image, ROOM);
    free(fix);
    return 0;
}

static bool load(struct fix *fix, int which, const uint8_t *file, uint32_t file_bytes)
{
    fix->pe = (struct guest_pe){.file = file,
                                .file_bytes = file_bytes,
                                .image = fix->image,
                                .image_room = ROOM,
                                .base = BASE,
                                .machine = dlls[which].machine,
                                .resolve = everything};
    return guest_pe_load(&fix->pe);
}

/* Where the optional header and the section headers begin. */
static uint32_t optional_of(const uint8_t *file)
{
    return kd_load_u32(file + 60) + 24;
}

static uint32_t directory_of(int which, const uint8_t *file, uint32_t number)
{
    return optional_of(file) + (which == X64 ? 112u : 96u) + number * 8;
}

static uint32_t section_of(const uint8_t *file, uint32_t number)
{
    return optional_of(file) + kd_load_u16(file + kd_load_u32(file + 60) + 20) + number * 40;
}

/* ---- good files ---------------------------------------------------------------------------------------- */

static void both_dlls_are_mapped(void **state)
{
    struct fix *fix = *state;
    for (int which = 0; which < DLLS; which++) {
        uint32_t bytes;
        uint8_t *file = read_dll(which, &bytes);
        assert_true(load(fix, which, file, bytes));
        assert_string_equal(fix->pe.why, "");
        assert_memory_equal(fix->image, file, 64);
        uint32_t text = kd_load_u32(file + section_of(file, 0) + 12);
        assert_memory_equal(fix->image + text, file + kd_load_u32(file + section_of(file, 0) + 20), 16);
        free(file);
    }
}

static void exports_are_found_by_name(void **state)
{
    static const char *const names[] = {"KdD0Transition", "KdDebuggerInitialize0", "KdReceivePacket",
                                        "KdSetHiberRange"};
    struct fix *fix = *state;
    for (int which = 0; which < DLLS; which++) {
        uint32_t bytes;
        uint8_t *file = read_dll(which, &bytes);
        assert_true(load(fix, which, file, bytes));
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            assert_in_range(guest_pe_export(&fix->pe, names[i]), 4096, fix->pe.image_bytes - 1);
        assert_int_equal(guest_pe_export(&fix->pe, "KdReceivePacke"), 0);
        assert_int_equal(guest_pe_export(&fix->pe, "KdReceivePackets"), 0);
        assert_int_equal(guest_pe_export(&fix->pe, ""), 0);
        free(file);
    }
}

/* Every slot of the first library's table holds what resolve said. */
static void imports_are_bound(void **state)
{
    struct fix *fix = *state;
    for (int which = 0; which < DLLS; which++) {
        uint32_t bytes;
        uint8_t *file = read_dll(which, &bytes);
        assert_true(load(fix, which, file, bytes));
        uint32_t imports = kd_load_u32(file + directory_of(which, file, 1));
        uint32_t slots = kd_load_u32(fix->image + imports + 16);
        assert_int_equal(kd_load_u32(fix->image + slots), FLAG);
        free(file);
    }
}

/* The same file at two places differs by the distance in every place that the relocations name, and nowhere
 * else. */
static void relocations_move_it(void **state)
{
    struct fix *fix = *state;
    for (int which = 0; which < DLLS; which++) {
        uint32_t bytes, moved = 0;
        uint8_t *file = read_dll(which, &bytes), *there = malloc(ROOM);
        assert_true(load(fix, which, file, bytes));
        memcpy(there, fix->image, ROOM);
        fix->pe.base = BASE + 0x10000;
        assert_true(guest_pe_load(&fix->pe));
        for (uint32_t at = 0; at < fix->pe.image_bytes; at++) {
            if (there[at] == fix->image[at])
                continue;
            assert_int_equal(fix->image[at], there[at] + 1); /* the third byte of a word */
            moved++;
        }
        assert_in_range(moved, 1, 10000);
        free(there);
        free(file);
    }
}

static void sections_are_told_with_their_rights(void **state)
{
    struct fix *fix = *state;
    uint32_t bytes, executable = 0;
    uint8_t *file = read_dll(X64, &bytes);
    struct guest_pe_section section;
    assert_true(load(fix, X64, file, bytes));
    for (uint32_t i = 0; guest_pe_section(&fix->pe, i, &section); i++) {
        assert_false(section.write && section.execute);
        executable += section.execute;
    }
    assert_in_range(executable, 1, 2);
    free(file);
}

/* ---- bad files ----------------------------------------------------------------------------------------- */

static void a_file_cut_anywhere_is_refused_or_whole(void **state)
{
    struct fix *fix = *state;
    for (int which = 0; which < DLLS; which++) {
        uint32_t bytes, refused = 0;
        uint8_t *file = read_dll(which, &bytes);
        for (uint32_t length = 0; length < bytes; length += length < 1024 ? 1 : 97) {
            uint8_t *cut = malloc(length + 1);
            memcpy(cut, file, length);
            if (!load(fix, which, cut, length)) {
                refused++;
                assert_string_not_equal(fix->pe.why, "");
            }
            free(cut);
        }
        assert_in_range(refused, 1024, bytes);
        free(file);
    }
}

/* No single byte, whatever it is, may lead the loader outside; most are none of its business. */
static void any_changed_byte_is_survived(void **state)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    struct fix *fix = *state;
    for (int which = 0; which < DLLS; which++) {
        uint32_t bytes, refused = 0;
        uint8_t *file = read_dll(which, &bytes);
        uint32_t imports = kd_load_u32(file + directory_of(which, file, 1));
        assert_in_range(imports, 1, ROOM);
        for (uint32_t at = 0; at < bytes; at += at < 1024 ? 1 : 13)
            for (size_t i = 0; i < sizeof values; i++) {
                uint8_t was = file[at];
                file[at] = values[i];
                refused += !load(fix, which, file, bytes);
                (void)guest_pe_export(&fix->pe, "KdSendPacket");
                file[at] = was;
            }
        assert_in_range(refused, 1, 5 * bytes);
        free(file);
    }
}

struct change {
    uint32_t (*where)(int which, const uint8_t *file);
    uint32_t value;
    const char *why;
};

static uint32_t at_signature(int which, const uint8_t *file)
{
    (void)which;
    return kd_load_u32(file + 60);
}

static uint32_t at_new_header(int which, const uint8_t *file)
{
    (void)which, (void)file;
    return 60;
}

static uint32_t at_image_bytes(int which, const uint8_t *file)
{
    (void)which;
    return optional_of(file) + 56;
}

static uint32_t at_alignment(int which, const uint8_t *file)
{
    (void)which;
    return optional_of(file) + 32;
}

static uint32_t at_header_bytes(int which, const uint8_t *file)
{
    (void)which;
    return optional_of(file) + 60;
}

static uint32_t at_directories(int which, const uint8_t *file)
{
    return directory_of(which, file, 0) - 4;
}

static uint32_t at_section_offset(int which, const uint8_t *file)
{
    (void)which;
    return section_of(file, 1) + 12;
}

static uint32_t at_section_raw(int which, const uint8_t *file)
{
    (void)which;
    return section_of(file, 0) + 20;
}

static uint32_t at_imports(int which, const uint8_t *file)
{
    return directory_of(which, file, 1);
}

static uint32_t at_relocations(int which, const uint8_t *file)
{
    return directory_of(which, file, 5);
}

static uint32_t at_flags(int which, const uint8_t *file)
{
    (void)which;
    return kd_load_u32(file + 60) + 22;
}

static uint32_t at_relocation_bytes(int which, const uint8_t *file)
{
    return directory_of(which, file, 5) + 4;
}

static const struct change changes[] = {
    {at_signature, 0x00004551, "no PE signature"},
    {at_new_header, 0xFFFFFFF0, "the file ends before its PE header"},
    {at_image_bytes, ROOM + 1, "the image is larger than the room for it"},
    {at_image_bytes, 0x1000, "the entry point lies outside the image"},
    {at_alignment, 512, "sections are not aligned to pages"},
    {at_header_bytes, 0x10000000, "the size of the headers is wrong"},
    {at_directories, 17, "more data directories than the optional header has room for"},
    {at_section_offset, 0x1000, "a section lies outside the image or over another one"},
    {at_section_offset, 0xFFFFF000, "a section lies outside the image or over another one"},
    {at_section_raw, 0xFFFFFFFF, "the file ends within a section"},
    {at_imports, 0xFFFFFFF0, "the import directory lies outside the image"},
    {at_relocations, 0xFFFFFFF0, "the relocations lie outside the image"},
    {at_flags, 0x2001, "no relocations: it can only lie at its own base"},
    {at_relocation_bytes, 0x7FFFFFFF, "the relocations lie outside the image"},
};

static void a_lie_is_refused_with_its_reason(void **state)
{
    struct fix *fix = *state;
    for (int which = 0; which < DLLS; which++)
        for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
            uint32_t bytes;
            uint8_t *file = read_dll(which, &bytes);
            uint32_t at = changes[i].where(which, file);
            if (at ==
                at_flags(which, file)) /* a word, before the one that says which optional header it is */
                kd_store_u16(file + at, (uint16_t)changes[i].value);
            else
                kd_store_u32(file + at, changes[i].value);
            assert_false(load(fix, which, file, bytes));
            assert_string_equal(fix->pe.why, changes[i].why);
            free(file);
        }
}

/* Code that is independent of its place needs none, and is no worse for that. */
static void a_file_without_relocations_may_move(void **state)
{
    struct fix *fix = *state;
    uint32_t bytes;
    uint8_t *file = read_dll(X64, &bytes);
    kd_store_u32(file + at_relocation_bytes(X64, file), 0);
    assert_true(load(fix, X64, file, bytes));
    free(file);
}

static void another_machines_file_is_refused(void **state)
{
    struct fix *fix = *state;
    uint32_t bytes;
    uint8_t *file = read_dll(X64, &bytes);
    assert_false(load(fix, X86, file, bytes));
    assert_string_equal(fix->pe.why, "not built for x86");
    free(file);
}

static void an_unknown_import_is_named(void **state)
{
    struct fix *fix = *state;
    uint32_t bytes;
    uint8_t *file = read_dll(X64, &bytes);
    assert_true(load(fix, X64, file, bytes));
    fix->pe.resolve = NULL;
    assert_false(guest_pe_load(&fix->pe));
    assert_string_equal(fix->pe.why,
                        "imports KdDebuggerNotPresent from ntoskrnl.exe, which the kernel does not export");
    free(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_dlls_are_mapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exports_are_found_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(imports_are_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relocations_move_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sections_are_told_with_their_rights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_cut_anywhere_is_refused_or_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_changed_byte_is_survived, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lie_is_refused_with_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_without_relocations_may_move, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_machines_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_import_is_named, set_up, tear_down),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
