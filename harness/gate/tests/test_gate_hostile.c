/* Goal: no file, however damaged, makes the gate crash, and no damage at all gets through it.
 * Method: this build's own DLLs, cut off everywhere and with every byte changed, read with all their tables;
 * a sample of them judged by every rule. Under the sanitizers every read beyond the file is an error: each
 * damaged copy is an allocation of exactly its length. */
#include "harness/gate/gate.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLE_STEP = 1201 }; /* every so many bytes, all rules: each time the code is disassembled anew */

struct whole {
    uint8_t bytes[GATE_FILE_BYTES_MAX];
    size_t len_bytes;
    uint32_t text_at, text_end;
};

static void read_whole(struct whole *whole, const char *arch)
{
    char path[512], why[PE_WHY_BYTES];
    struct pe_image image;
    snprintf(path, sizeof path, "%s/%s/kdfast.dll", KDFAST_FOLDER, arch);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    whole->len_bytes = fread(whole->bytes, 1, sizeof whole->bytes, file);
    fclose(file);
    assert_int_equal(pe_image_read(&image, whole->bytes, whole->len_bytes, why), KD_OK);
    assert_string_equal(image.sections[0].name, ".text");
    whole->text_at = image.sections[0].file_at;
    whole->text_end = whole->text_at + image.sections[0].file_bytes;
}

static uint8_t *copy_of(const struct whole *whole, size_t len_bytes)
{
    uint8_t *copy = malloc(len_bytes > 0 ? len_bytes : 1);
    assert_non_null(copy);
    memcpy(copy, whole->bytes, len_bytes);
    return copy;
}

static void assert_one_line(const char *text)
{
    assert_true(strlen(text) > 0);
    for (; *text != 0; text++)
        assert_true(isprint((unsigned char)*text));
}

/* How many rules the bytes fail; -1: refused as unreadable. The bytes are gone afterwards. */
static int failures(uint8_t *bytes, size_t len_bytes)
{
    struct gate_subject subject;
    char why[PE_WHY_BYTES] = "";
    int failed = 0;
    if (gate_subject_take(&subject, "damaged", bytes, len_bytes, why) != KD_OK) {
        assert_one_line(why);
        return -1;
    }
    for (size_t i = 0; i < gate_rule_count; i++) {
        struct gate_verdict verdict = {.outcome = GATE_FAIL};
        if (gate_rules[i].plays)
            continue;
        gate_rules[i].judge(&subject, &verdict);
        assert_one_line(verdict.evidence);
        failed += verdict.outcome == GATE_FAIL;
    }
    gate_subject_close(&subject);
    return failed;
}

/* Reads all that the rules about form read. True: something is wrong. The bytes are gone afterwards. */
static bool is_seen(uint8_t *bytes, size_t len_bytes)
{
    static union {
        struct pe_exports exports;
        struct pe_imports imports;
        struct pe_relocations relocations;
    } table;
    struct pe_version version;
    struct pe_image image;
    char why[PE_WHY_BYTES] = "";
    bool seen = pe_image_read(&image, bytes, len_bytes, why) != KD_OK;
    if (!seen) {
        seen = image.checksum != pe_image_checksum(&image);
        seen |= pe_exports_read(&image, &table.exports, why) != KD_OK;
        seen |= pe_imports_read(&image, &table.imports, why) != KD_OK;
        seen |= pe_relocations_read(&image, &table.relocations, why) != KD_OK;
        seen |= pe_version_read(&image, &version, why) != KD_OK;
    } else {
        assert_one_line(why);
    }
    free(bytes);
    return seen;
}

static const char *const archs[] = {"x64", "x86"};

static void the_undamaged_dll_passes(void **state)
{
    (void)state;
    static struct whole whole;
    for (int i = 0; i < 2; i++) {
        read_whole(&whole, archs[i]);
        assert_int_equal(failures(copy_of(&whole, whole.len_bytes), whole.len_bytes), 0);
        assert_false(is_seen(copy_of(&whole, whole.len_bytes), whole.len_bytes));
    }
}

static void a_file_that_is_cut_off_never_passes(void **state)
{
    (void)state;
    static struct whole whole;
    for (int i = 0; i < 2; i++) {
        read_whole(&whole, archs[i]);
        for (size_t len = 0; len < whole.len_bytes; len++)
            assert_true(is_seen(copy_of(&whole, len), len));
        for (size_t len = 0; len < whole.len_bytes; len += SAMPLE_STEP)
            assert_int_not_equal(failures(copy_of(&whole, len), len), 0);
    }
}

static uint8_t *changed(const struct whole *whole, size_t at, uint8_t change)
{
    uint8_t *copy = copy_of(whole, whole->len_bytes);
    copy[at] ^= change;
    return copy;
}

static void a_changed_byte_is_always_seen(void **state)
{
    (void)state;
    static struct whole whole;
    static const uint8_t changes[] = {0x01, 0x80, 0xFF};
    for (int i = 0; i < 2; i++) {
        read_whole(&whole, archs[i]);
        for (size_t at = 0; at < whole.len_bytes; at += at >= whole.text_at && at < whole.text_end ? 16 : 1)
            for (size_t change = 0; change < sizeof changes; change++)
                assert_true(is_seen(changed(&whole, at, changes[change]), whole.len_bytes));
    }
}

static void a_changed_byte_never_passes_the_rules(void **state)
{
    (void)state;
    static struct whole whole;
    for (int i = 0; i < 2; i++) {
        read_whole(&whole, archs[i]);
        for (size_t at = 0; at < whole.len_bytes; at += SAMPLE_STEP)
            assert_int_not_equal(failures(changed(&whole, at, 0x10), whole.len_bytes), 0);
    }
}

/* The checksum adds up 16-bit words, and takes 0 and 0xFFFF for the same: it is blind to some changes. */
static uint32_t word_sum(const uint8_t bytes[4])
{
    return ((uint32_t)(bytes[0] | bytes[1] << 8) + (uint32_t)(bytes[2] | bytes[3] << 8)) % 0xFFFF;
}

/* What a table says of lengths, counts and places, made the worst it can be. */
static void extreme_numbers_in_tables_are_survived(void **state)
{
    (void)state;
    static struct whole whole;
    static const uint32_t extremes[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF};
    for (int i = 0; i < 2; i++) {
        read_whole(&whole, archs[i]);
        for (size_t at = 0; at + 4 <= whole.len_bytes;
             at += at >= whole.text_at && at < whole.text_end ? 256 : 4)
            for (size_t j = 0; j < sizeof extremes / sizeof *extremes; j++) {
                uint8_t *copy = copy_of(&whole, whole.len_bytes);
                uint32_t before = word_sum(copy + at);
                memcpy(copy + at, &extremes[j], 4);
                bool is_blind = before == word_sum(copy + at);
                assert_true(is_seen(copy, whole.len_bytes) || is_blind);
            }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_undamaged_dll_passes),
        cmocka_unit_test(a_file_that_is_cut_off_never_passes),
        cmocka_unit_test(a_changed_byte_is_always_seen),
        cmocka_unit_test(a_changed_byte_never_passes_the_rules),
        cmocka_unit_test(extreme_numbers_in_tables_are_survived),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
