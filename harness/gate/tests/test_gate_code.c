/* Goal: instructions are classified, and paths followed, as a processor would take them.
 * Method: a few bytes of machine code, written by hand, as the only section of the smallest image; and tables
 * of pointers in a second one. */
#include "harness/gate/gate_code.h"
#include "transport/kd/kd_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CODE = 0x1000, DATA = 0x2000, CODE_BYTES = 64, DATA_BYTES = 64 };

struct fix {
    uint8_t bytes[CODE_BYTES + DATA_BYTES];
    struct pe_image image;
    struct pe_relocations relocations;
    struct gate_code code;
    struct gate_stack stack;
    char why[PE_WHY_BYTES];
};

/* Padding is nop. */
static void image_of(struct fix *f, bool is_64, const char *code, size_t len_bytes)
{
    memset(f, 0, sizeof *f);
    memset(f->bytes, 0x90, CODE_BYTES);
    memcpy(f->bytes, code, len_bytes);
    f->image = (struct pe_image){
        .bytes = f->bytes,
        .len_bytes = sizeof f->bytes,
        .is_64 = is_64,
        .base = 0x10000000,
        .image_bytes = 0x3000,
        .sections = {{".text", CODE, CODE_BYTES, 0, CODE_BYTES, PE_FLAG_EXECUTE},
                     {".rdata", DATA, DATA_BYTES, CODE_BYTES, DATA_BYTES, 0}},
        .section_count = 2,
    };
}

/* A relocated pointer in the data. */
static void point(struct fix *f, uint32_t at, uint32_t to)
{
    uint8_t *bytes = f->bytes + CODE_BYTES + (at - DATA);
    if (f->image.is_64)
        kd_store_u64(bytes, f->image.base + to);
    else
        kd_store_u32(bytes, (uint32_t)f->image.base + to);
    f->relocations.items[f->relocations.count].rva = at;
    f->relocations.items[f->relocations.count++].type = f->image.is_64 ? PE_RELOCATION_64 : PE_RELOCATION_32;
}

static enum kd_status follow(struct fix *f)
{
    assert_int_equal(gate_code_read(&f->code, &f->image, &f->relocations), KD_OK);
    enum kd_status status = gate_stack_of(&f->code, CODE, &f->stack, f->why);
    gate_code_free(&f->code);
    return status;
}
#define IMAGE(f, is_64, code) image_of((f), (is_64), (code), sizeof(code) - 1)

static void assert_refused(struct fix *f, const char *part)
{
    assert_int_equal(follow(f), KD_ERR_BAD_MESSAGE);
    assert_non_null(strstr(f->why, part));
}

static enum gate_offence offence_of(bool is_64, const char *code, size_t len_bytes)
{
    static struct fix f;
    image_of(&f, is_64, code, len_bytes);
    assert_int_equal(gate_code_read(&f.code, &f.image, &f.relocations), KD_OK);
    const struct gate_instruction *first = gate_code_at(&f.code, CODE);
    assert_non_null(first);
    assert_int_equal(first->len_bytes, len_bytes);
    enum gate_offence offence = first->offence;
    gate_code_free(&f.code);
    return offence;
}
#define OFFENCE(is_64, code) offence_of((is_64), (code), sizeof(code) - 1)

static void vector_and_float_are_seen(void **state)
{
    (void)state;
    assert_int_equal(OFFENCE(true, "\x0F\x10\x01"), GATE_VECTOR);     /* movups xmm0, [rcx] */
    assert_int_equal(OFFENCE(true, "\x66\x0F\x6F\x01"), GATE_VECTOR); /* movdqa xmm0, [rcx] */
    assert_int_equal(OFFENCE(true, "\xC5\xFE\x6F\x01"), GATE_VECTOR); /* vmovdqu ymm0, [rcx] */
    assert_int_equal(OFFENCE(true, "\x0F\x6F\x01"), GATE_VECTOR);     /* movq mm0, [rcx] */
    assert_int_equal(OFFENCE(false, "\xD9\xE8"), GATE_VECTOR);        /* fld1 */
    assert_int_equal(OFFENCE(false, "\x9B"), GATE_VECTOR);            /* wait */
    assert_int_equal(OFFENCE(false, "\xDB\xE3"), GATE_VECTOR);        /* fninit */
    assert_int_equal(OFFENCE(true, "\x0F\xAE\x01"), GATE_VECTOR);     /* fxsave [rcx] */
    assert_int_equal(OFFENCE(true, "\x48\x8B\x01"), GATE_FINE);       /* mov rax, [rcx] */
    assert_int_equal(OFFENCE(true, "\xF3\xA4"), GATE_FINE);           /* rep movsb */
}

static void the_systems_instructions_are_seen(void **state)
{
    (void)state;
    assert_int_equal(OFFENCE(true, "\xFA"), GATE_PRIVILEGED);             /* cli */
    assert_int_equal(OFFENCE(true, "\xF4"), GATE_PRIVILEGED);             /* hlt */
    assert_int_equal(OFFENCE(true, "\x0F\x32"), GATE_PRIVILEGED);         /* rdmsr */
    assert_int_equal(OFFENCE(true, "\x0F\x20\xC0"), GATE_PRIVILEGED);     /* mov rax, cr0 */
    assert_int_equal(OFFENCE(true, "\x0F\x31"), GATE_PRIVILEGED);         /* rdtsc */
    assert_int_equal(OFFENCE(true, "\x0F\x30"), GATE_PRIVILEGED);         /* wrmsr */
    assert_int_equal(OFFENCE(true, "\x0F\x01\xF8"), GATE_PRIVILEGED);     /* swapgs */
    assert_int_equal(OFFENCE(true, "\x0F\x01\x39"), GATE_PRIVILEGED);     /* invlpg [rcx] */
    assert_int_equal(OFFENCE(true, "\x0F\x09"), GATE_PRIVILEGED);         /* wbinvd */
    assert_int_equal(OFFENCE(true, "\x48\xCF"), GATE_PRIVILEGED);         /* iretq */
    assert_int_equal(OFFENCE(true, "\x0F\x05"), GATE_PRIVILEGED);         /* syscall */
    assert_int_equal(OFFENCE(true, "\xFD"), GATE_PRIVILEGED);             /* std */
    assert_int_equal(OFFENCE(true, "\xCD\x2D"), GATE_PRIVILEGED);         /* int 0x2d */
    assert_int_equal(OFFENCE(true, "\x0F\x0B"), GATE_PRIVILEGED);         /* ud2 */
    assert_int_equal(OFFENCE(true, "\x0F\x01\xC1"), GATE_PRIVILEGED);     /* vmcall */
    assert_int_equal(OFFENCE(true, "\x65\x48\x8B\x01"), GATE_PRIVILEGED); /* mov rax, gs:[rcx] */
    assert_int_equal(OFFENCE(false, "\x8E\xD8"), GATE_PRIVILEGED);        /* mov ds, ax */
    assert_int_equal(OFFENCE(true, "\xED"), GATE_FINE);                   /* in eax, dx */
    assert_int_equal(OFFENCE(true, "\xF3\x6E"), GATE_FINE);               /* rep outsb */
    assert_int_equal(OFFENCE(true, "\x9D"), GATE_FINE);                   /* popfq */
    assert_int_equal(OFFENCE(true, "\x0F\xA2"), GATE_FINE);               /* cpuid */
}

static void a_leaf_uses_what_it_pushes(void **state)
{
    (void)state;
    static struct fix f;
    IMAGE(&f, true, "\x53\x48\x83\xEC\x20\x48\x83\xC4\x20\x5B\xC3"); /* push rbx; sub rsp,32; add; pop; ret */
    assert_int_equal(follow(&f), KD_OK);
    assert_int_equal(f.stack.bytes, 8 + 32);
    assert_int_equal(f.stack.pops, 0);
    IMAGE(&f, false, "\x53\x5B\xC2\x08\x00"); /* push ebx; pop ebx; ret 8 */
    assert_int_equal(follow(&f), KD_OK);
    assert_int_equal(f.stack.bytes, 4);
    assert_int_equal(f.stack.pops, 8);
}

static void a_callee_is_added_and_takes_its_arguments(void **state)
{
    (void)state;
    static struct fix f;
    /* 1000: push eax; push eax; call 100b; ret.  100b: push ebx; pop ebx; ret 8 */
    IMAGE(&f, false, "\x50\x50\xE8\x04\x00\x00\x00\xC3\x90\x90\x90\x53\x5B\xC2\x08\x00");
    assert_int_equal(follow(&f), KD_OK);
    assert_int_equal(f.stack.bytes, 8 + 4 + 4);
    assert_int_equal(f.stack.chain_count, 2);
    assert_int_equal(f.stack.chain[1], CODE + 11);
}

static void a_frame_pointer_brings_the_stack_back(void **state)
{
    (void)state;
    static struct fix f;
    /* push ebp; mov ebp,esp; push ebx; and esp,-8; sub esp,16; lea esp,[ebp-4]; pop ebx; pop ebp; ret */
    IMAGE(&f, false, "\x55\x89\xE5\x53\x83\xE4\xF8\x83\xEC\x10\x8D\x65\xFC\x5B\x5D\xC3");
    assert_int_equal(follow(&f), KD_OK);
    assert_int_equal(f.stack.bytes, 4 + 4 + 7 + 16);
    /* push ebp; mov ebp,esp; sub esp,16; leave; ret */
    IMAGE(&f, false, "\x55\x89\xE5\x83\xEC\x10\xC9\xC3");
    assert_int_equal(follow(&f), KD_OK);
    assert_int_equal(f.stack.bytes, 4 + 16);
}

static void what_has_no_bound_is_refused(void **state)
{
    (void)state;
    static struct fix f;
    IMAGE(&f, true, "\xE8\xFB\xFF\xFF\xFF\xC3"); /* call itself */
    assert_refused(&f, "calls itself");
    IMAGE(&f, true, "\x50\xEB\xFD"); /* push rax; jmp back */
    assert_refused(&f, "is reached with");
    IMAGE(&f, true, "\x50\xC3"); /* push rax; ret */
    assert_refused(&f, "left on the stack");
    IMAGE(&f, true, "\x58\xC3"); /* pop rax; ret */
    assert_refused(&f, "leaves the function's frame");
    IMAGE(&f, true, "\x48\x29\xC4\xC3"); /* sub rsp, rax */
    assert_refused(&f, "cannot be known");
    IMAGE(&f, true, "\xC9\xC3"); /* leave */
    assert_refused(&f, "never set");
    IMAGE(&f, true, "\xEB\x70"); /* jmp out of the code */
    assert_refused(&f, "no instruction begins");
    IMAGE(&f, true, "\xFF\xD0\xC3"); /* call rax */
    assert_refused(&f, "no function of the image");
    IMAGE(&f, false, "\x74\x01\xC3\xC2\x04\x00"); /* je +1; ret; ret 4 */
    assert_refused(&f, "another return");
}

/* 1000: mov rax,[rcx+8]; sub rsp,40; call rax; add rsp,40; ret.  1020: push; pop; ret.  1030: push x2; pop
 * x2; ret */
static void a_pointer_leads_to_the_tables_at_its_place(void **state)
{
    (void)state;
    static struct fix f;
    static const char code[] = "\x48\x8B\x41\x08\x48\x83\xEC\x28\xFF\xD0\x48\x83\xC4\x28\xC3\x90"
                               "\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90"
                               "\x53\x5B\xC3\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90"
                               "\x53\x53\x5B\x5B\xC3";
    IMAGE(&f, true, code);
    point(&f, DATA + 8, CODE + 0x20);  /* the table's second function */
    point(&f, DATA + 16, CODE + 0x30); /* its third, deeper */
    point(&f, DATA + 32, DATA);        /* who uses the table */
    assert_int_equal(follow(&f), KD_OK);
    assert_int_equal(f.stack.bytes, 40 + 8 + 8);
    IMAGE(&f, true, code);
    point(&f, DATA + 8, CODE + 0x30);
    point(&f, DATA + 32, DATA);
    assert_int_equal(follow(&f), KD_OK);
    assert_int_equal(f.stack.bytes, 40 + 8 + 16);
}

static void nothing_is_entered_again_through_a_pointer(void **state)
{
    (void)state;
    static struct fix f;
    /* 1000: sub rsp,40; call [rcx+8]; add rsp,40; ret, and the table holds 1000 itself and 1020: push; pop;
     * ret */
    IMAGE(&f, true,
          "\x48\x83\xEC\x28\xFF\x51\x08\x48\x83\xC4\x28\xC3\x90\x90\x90\x90"
          "\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x53\x5B\xC3");
    point(&f, DATA + 8, CODE);
    point(&f, DATA + 24, CODE + 0x20);
    point(&f, DATA + 40, DATA);
    point(&f, DATA + 48, DATA + 16);
    assert_int_equal(follow(&f), KD_OK);
    assert_int_equal(f.stack.bytes, 40 + 8 + 8);
}

static void what_is_no_instruction_is_told(void **state)
{
    (void)state;
    static struct fix f;
    IMAGE(&f, true, "\xC3\xFF\xFF\xC3");
    assert_int_equal(gate_code_read(&f.code, &f.image, &f.relocations), KD_OK);
    assert_false(f.code.is_whole);
    assert_int_equal(f.code.unreadable, CODE + 1);
    assert_non_null(gate_code_at(&f.code, CODE));
    assert_null(gate_code_at(&f.code, CODE + 1));
    gate_code_free(&f.code);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_and_float_are_seen),
        cmocka_unit_test(the_systems_instructions_are_seen),
        cmocka_unit_test(a_leaf_uses_what_it_pushes),
        cmocka_unit_test(a_callee_is_added_and_takes_its_arguments),
        cmocka_unit_test(a_frame_pointer_brings_the_stack_back),
        cmocka_unit_test(what_has_no_bound_is_refused),
        cmocka_unit_test(a_pointer_leads_to_the_tables_at_its_place),
        cmocka_unit_test(nothing_is_entered_again_through_a_pointer),
        cmocka_unit_test(what_is_no_instruction_is_told),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
