/* Goal: a guest as memory is what its parts say, gives out nothing that is not there or must not be written, and believes no
 * lie told at the image's ports. Method: a real DLL that no processor runs; the test is the image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/machine/sim_guest.h"
#include <string.h>

static const struct {
    enum mk_arch arch;
    const char *dll;
} ways[] = {{MK_X64, GUEST_DIR "/x64/kdfast.dll"}, {MK_X86, GUEST_DIR "/x86/kdfast.dll"}};

enum { WAYS = sizeof ways / sizeof ways[0] };

static struct sim_guest *create(unsigned way)
{
    const struct sim_image *image;
    const struct sim_dll *dll;
    const char *why;
    const struct mk_boot boot = {.arch = ways[way].arch, .processors = 1, .modules = 2};
    assert_int_equal(sim_image_get(ways[way].arch, 1, MK_RAM_BYTES_MIN, &image), KD_OK);
    assert_int_equal(sim_dll_get(ways[way].dll, &dll, &why), KD_OK);
    return sim_guest_create(image, &boot, dll);
}

/* One of each architecture, to which every test does the same. */
static int set_up(void **state)
{
    static struct sim_guest *guests[WAYS];
    for (unsigned way = 0; way < WAYS; way++)
        guests[way] = create(way);
    *state = guests;
    return 0;
}

static int tear_down(void **state)
{
    struct sim_guest **guests = *state;
    for (unsigned way = 0; way < WAYS; way++)
        sim_guest_destroy(guests[way]);
    return 0;
}

static void on_each(void **state, void (*check)(struct sim_guest *guest))
{
    struct sim_guest **guests = *state;
    for (unsigned way = 0; way < WAYS; way++)
        check(guests[way]);
}

static const struct sim_guest_part *part_of(const struct sim_guest *guest, const char *name)
{
    for (unsigned i = 0; i < guest->part_count; i++)
        if (strcmp(guest->parts[i].name, name) == 0)
            return &guest->parts[i];
    fail_msg("no part is called %s", name);
    return NULL;
}

static void check_parts(struct sim_guest *guest)
{
    uint64_t end = GUEST_REGION;
    assert_true(guest->part_count > 8);
    for (unsigned i = 0; i < guest->part_count; i++) {
        const struct sim_guest_part *part = &guest->parts[i];
        assert_true(part->bytes > 0 && part->bytes % GUEST_PAGE_BYTES == 0 && part->address % GUEST_PAGE_BYTES == 0);
        assert_true(part->address >= end);
        assert_false(part->write && part->execute);
        end = (uint64_t)part->address + part->bytes;
    }
    assert_true(end <= GUEST_REGION_END);
}

static void parts_are_whole_pages_in_order_and_in_the_region(void **state)
{
    on_each(state, check_parts);
}

static void check_rights(struct sim_guest *guest)
{
    for (unsigned i = 0; i < guest->part_count; i++) {
        const struct sim_guest_part *part = &guest->parts[i];
        const uint8_t *at = guest->region + (part->address - GUEST_REGION);
        assert_ptr_equal(sim_guest_at(guest, part->address, part->bytes, false), at);
        assert_ptr_equal(sim_guest_at(guest, part->address, part->bytes, true), part->write ? at : NULL);
        assert_ptr_equal(sim_guest_part(guest, part->address + part->bytes - 1), part);
    }
}

static void a_part_is_given_out_as_it_may_be_used(void **state)
{
    on_each(state, check_rights);
}

/* Sizes and addresses that a device may be handed by a module that lies. */
static void check_outside(struct sim_guest *guest)
{
    const struct sim_guest_part *stack = part_of(guest, "stack");
    const uint64_t stack_end = (uint64_t)stack->address + stack->bytes;
    const uint64_t ram_end = GUEST_RAM + guest->image->ram_bytes;
    const struct {
        uint64_t address, bytes;
    } rows[] = {{0, 1},
                {GUEST_REGION - 1, 2},
                {stack->address - 1, 2},
                {stack_end - 1, 2},
                {stack->address, UINT64_MAX},
                {stack->address, 0 - (uint64_t)stack->address},
                {GUEST_REGION_END, 1},
                {GUEST_RAM - 1, 2},
                {ram_end - 1, 2},
                {ram_end, 1},
                {GUEST_RAM, guest->image->ram_bytes + 1},
                {GUEST_RAM, UINT64_MAX},
                {UINT64_MAX, 1},
                {UINT64_MAX, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_null(sim_guest_at(guest, rows[i].address, rows[i].bytes, false));
    assert_non_null(sim_guest_at(guest, ram_end - 1, 1, true));
    assert_non_null(sim_guest_at(guest, stack_end - 1, 1, true));
}

static void nothing_outside_is_given_out(void **state)
{
    on_each(state, check_outside);
}

static void check_alias(struct sim_guest *guest)
{
    const uint64_t alias = guest->image->arch == MK_X86 ? GUEST_ALIAS_X86 : GUEST_ALIAS_X64;
    assert_ptr_equal(sim_guest_at(guest, alias, 8, false), guest->ram + guest->image->map.shared_data_pa);
    assert_ptr_equal(sim_guest_at(guest, alias + GUEST_PAGE_BYTES, 8, false),
                     guest->region + (GUEST_BOOT - GUEST_REGION));
    assert_null(sim_guest_at(guest, alias + 2 * GUEST_PAGE_BYTES, 1, false));
}

static void the_alias_is_shared_data_and_the_boot_page(void **state)
{
    on_each(state, check_alias);
}

static void check_names(struct sim_guest *guest)
{
    char text[64];
    assert_string_equal(sim_guest_place(guest, GUEST_STACK + 0x12, text, sizeof text), "stack+12");
    assert_string_equal(sim_guest_place(guest, GUEST_RAM + 0x1000, text, sizeof text), "ram+1000");
    assert_string_equal(sim_guest_place(guest, 0x1234, text, sizeof text), "unmapped 1234");
}

static void places_have_names(void **state)
{
    on_each(state, check_names);
}

static void the_image_has_its_ports_and_no_others(void **state)
{
    (void)state;
    assert_false(sim_guest_owns(GUEST_PORT_FIRST - 1));
    assert_true(sim_guest_owns(GUEST_PORT_FIRST));
    assert_true(sim_guest_owns(GUEST_PORT_END - 1));
    assert_false(sim_guest_owns(GUEST_PORT_END));
    assert_false(sim_guest_owns(0x5658));
}

/* A module may use the image's ports too: what cannot be true is a fault with words, and nothing is read or written. */
static void check_lies(struct sim_guest *guest)
{
    const struct sim_guest_part *code = part_of(guest, "kernel .text");
    const struct {
        uint16_t port;
        uint32_t value;
    } lies[] = {{GUEST_PORT_TRACE, 0},
                {GUEST_PORT_TRACE, GUEST_STACK + GUEST_STACK_BYTES - 4},
                {GUEST_PORT_COMMAND, 0},
                {GUEST_PORT_COMMAND, code->address},
                {GUEST_PORT_STRAY, 0x1234},
                {GUEST_PORT_FAIL, 0},
                {GUEST_PORT_END, 0}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct sim_guest_exit exit = {0};
        assert_true(sim_guest_port(guest, lies[i].port, lies[i].value, &exit));
        assert_int_equal(exit.kind, SIM_GUEST_FAULT);
        assert_true(strlen(exit.fault) > 10);
    }
    assert_int_equal(guest->dll_bytes, 0);
}

static void a_lie_at_a_port_is_a_fault(void **state)
{
    on_each(state, check_lies);
}

/* Then its sections have their rights; and it is done once. */
static void check_loading(struct sim_guest *guest)
{
    struct sim_guest_exit exit = {0};
    assert_true(part_of(guest, "dll")->write);
    assert_false(sim_guest_port(guest, GUEST_PORT_LOADED, 0, &exit));
    assert_int_equal(guest->dll_bytes % GUEST_PAGE_BYTES, 0);
    assert_in_range(guest->dll_bytes, GUEST_PAGE_BYTES, GUEST_DLL_BYTES_MAX);
    assert_true(part_of(guest, "dll .text")->execute);
    check_parts(guest);
    check_rights(guest);
    assert_true(sim_guest_port(guest, GUEST_PORT_LOADED, 0, &exit));
    assert_int_equal(exit.kind, SIM_GUEST_FAULT);
    sim_guest_reset(guest);
    assert_int_equal(guest->dll_bytes, 0);
    assert_true(part_of(guest, "dll")->write);
}

static void a_dll_is_loaded_once_and_has_its_rights_then(void **state)
{
    on_each(state, check_loading);
}

/* The trace's pointers are the guest's word too. */
static void check_traces(struct sim_guest *guest)
{
    uint8_t *trace = sim_guest_at(guest, GUEST_STACK, GUEST_TRACE_BYTES_X64, true);
    struct sim_guest_exit exit = {0};
    memset(trace, 0, GUEST_TRACE_BYTES_X64);
    assert_true(sim_guest_port(guest, GUEST_PORT_TRACE, GUEST_STACK, &exit));
    assert_int_equal(exit.kind, SIM_GUEST_TRACE);
    memset(trace + GUEST_TRACE_HEADER, 0xFF, GUEST_TRACE_BYTES_X86 - GUEST_TRACE_HEADER);
    assert_true(sim_guest_port(guest, GUEST_PORT_TRACE, GUEST_STACK, &exit));
    assert_int_equal(exit.kind, SIM_GUEST_FAULT);
}

static void a_trace_of_what_is_not_there_is_a_fault(void **state)
{
    on_each(state, check_traces);
}

static void check_saving(struct sim_guest *guest)
{
    uint8_t *stack = sim_guest_at(guest, GUEST_STACK, 1, true), *ram = sim_guest_at(guest, GUEST_RAM + 0x5000, 1, true);
    const uint8_t ram_before = *ram;
    *stack = 0x11;
    *ram = (uint8_t)(ram_before + 1);
    struct sim_guest_saved *saved = sim_guest_save(guest);
    *stack = 0x22;
    *ram = (uint8_t)(ram_before + 2);
    sim_guest_load(guest, saved);
    assert_int_equal(*stack, 0x11);
    assert_int_equal(*ram, (uint8_t)(ram_before + 1));
    sim_guest_forget(saved);
    sim_guest_reset(guest);
    assert_int_equal(*stack, 0);
    assert_int_equal(*ram, ram_before);
}

static void what_was_saved_comes_back_and_a_reset_forgets(void **state)
{
    on_each(state, check_saving);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts_are_whole_pages_in_order_and_in_the_region, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_part_is_given_out_as_it_may_be_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_outside_is_given_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_alias_is_shared_data_and_the_boot_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_have_names, set_up, tear_down),
        cmocka_unit_test(the_image_has_its_ports_and_no_others),
        cmocka_unit_test_setup_teardown(a_lie_at_a_port_is_a_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dll_is_loaded_once_and_has_its_rights_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trace_of_what_is_not_there_is_a_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_saved_comes_back_and_a_reset_forgets, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
