/* mk_state.h: the mini kernel's own memory and the calls between its files. Private to sim/kernel.
 *
 * No file keeps a variable of its own: all there is lies in one struct mk_state, which the machine provides.
 */
#ifndef MK_STATE_H
#define MK_STATE_H

#include "sim/kernel/mk_layout.h"
#include "transport/kd/kd_bytes.h"
#include "transport/kd/kd_packet.h"

/* NTSTATUS values (kd-protocol.md 4.2). */
#define MK_SUCCESS             0x00000000u
#define MK_MISALIGNED          0x80000002u
#define MK_BREAKPOINT          0x80000003u
#define MK_SINGLE_STEP         0x80000004u
#define MK_WAKE_DEBUGGER       0x80000007u
#define MK_UNSUCCESSFUL        0xC0000001u
#define MK_ACCESS_VIOLATION    0xC0000005u
#define MK_INVALID_PARAMETER   0xC000000Du
#define MK_NO_SUCH_DEVICE      0xC000000Eu
#define MK_ILLEGAL_INSTRUCTION 0xC000001Du

/* Bugcheck codes. */
#define MK_EXCEPTION_NOT_HANDLED 0x1Eu
#define MK_MANUALLY_INITIATED    0xE2u

/* What DbgBreakPointWithStatus is told (kd-protocol.md 5.9 rule 5). */
enum { MK_BREAK_CONTROL_C = 1, MK_BREAK_BUGCHECK_FIRST = 3, MK_BREAK_BUGCHECK_SECOND = 4 };

enum {
    MK_TRANSFER_BYTES_MAX = KD_BODY_BYTES_MAX - KD_MANIPULATE_BYTES, /* 3944 */
    MK_PRINT_BYTES_MAX = 512,                                        /* longer ones are cut */
    MK_LINE_BYTES_MAX = MK_TEXT_BYTES + 32,                          /* text, space, 20 digits, newline */
    MK_DATA_BYTES = 4096,
    MK_INFORMATION = 2,
};

/* A processor's registers while it runs, in the form in which a debugger sees them. */
struct mk_cpu {
    uint8_t context[MK_CONTEXT_BYTES_MAX];
    uint8_t special[MK_SPECIAL_BYTES_MAX];
    uint64_t msr[MK_MSRS]; /* values of layout->msrs */
};

struct mk_breakpoint {
    uint64_t address;
    bool used;
    bool inserted; /* false while the address is not mapped: insertion is deferred */
    uint8_t original;
};

struct mk_exception {
    uint32_t code;
    uint64_t address;
    uint32_t parameters;
    uint64_t information[MK_INFORMATION];
};

/* How a stay in the debugger goes on after a request. */
enum mk_verdict {
    MK_SERVE,       /* next request */
    MK_SEND_AGAIN,  /* send the state change again */
    MK_CONTINUE,    /* leave: the exception is handled */
    MK_NOT_HANDLED, /* leave: it is not */
    MK_CRASH,       /* leave, and bugcheck */
};

/* A manipulate request; the reply grows in the same header and in state->data. */
struct mk_request {
    uint8_t *header;
    uint16_t processor;
    uint32_t data_bytes;
    uint32_t reply_bytes;
};

/* What the module is given: each piece with a red zone behind it, and one in front of the first (mk_module.c). */
enum {
    MK_ZONE_BYTES = 32,
    MK_GUARD_BYTES = MK_ZONE_BYTES + MK_PIECES * (MK_ZONE_BYTES + 8) + 2 * (int)sizeof(struct kd_string) +
                     KD_BODY_BYTES_MAX + (int)sizeof(struct kd_context) + 8,
    MK_GUARD_WORDS = (MK_GUARD_BYTES + 7) / 8,
};

struct mk_state {
    const struct mk_boot *boot;
    const struct mk_map *map;
    const struct mk_layout *layout;
    uint8_t *ram;

    struct kd_context kd;
    uint8_t not_present;  /* KdDebuggerNotPresent */
    bool enabled;         /* KdDebuggerEnabled */
    uint8_t shared_flags; /* what KUSER_SHARED_DATA was last told */

    struct mk_cpu cpus[MK_PROCESSORS_MAX];
    uint32_t cpu;      /* the one that talks to the debugger */
    bool context_sent; /* since the last state change: SetContext is allowed */
    bool trace_given;  /* Continue2 said what TF shall be */
    bool trace_flag;
    bool crashing;
    uint64_t symbol_start, symbol_end; /* of Continue2; nothing here traces calls */

    uint32_t staged_cpu; /* SetContextEx collects its parts here */
    uint8_t staged[MK_CONTEXT_BYTES_MAX];

    struct mk_breakpoint breakpoints[MK_BREAKPOINTS];

    uint64_t ticks;
    uint64_t lines; /* printed by the tick */
    struct mk_command command;
    uint8_t change[KD_STATE_CHANGE_BYTES];
    uint8_t request[KD_MANIPULATE_BYTES];
    uint8_t io[KD_DEBUG_IO_BYTES];
    uint8_t file[KD_FILE_IO_BYTES];
    uint8_t data[MK_DATA_BYTES];
    uint64_t guard[MK_GUARD_WORDS];
};

/* ---- mk_memory.c: guest memory by virtual and physical address ----------------------------------------- */

/* pa is where the address lies; span_bytes is how far the answer, mapped or not, reaches from the address on.
 */
struct mk_translation {
    uint64_t pa;
    uint64_t span_bytes;
};
bool mk_translate(const struct mk_state *state, uint64_t address, struct mk_translation *translation);

/* Each returns how many bytes were moved before something was not there. Writes ignore the write-protection
 * of pages, as a kernel debugger's do. */
uint32_t mk_read(const struct mk_state *state, uint64_t address, uint8_t *to, uint32_t len_bytes);
uint32_t mk_write(struct mk_state *state, uint64_t address, const uint8_t *from, uint32_t len_bytes);
uint32_t mk_read_physical(const struct mk_state *state, uint64_t pa, uint8_t *to, uint32_t len_bytes);
uint32_t mk_write_physical(struct mk_state *state, uint64_t pa, const uint8_t *from, uint32_t len_bytes);

/* ---- mk_cpu.c: registers, and the interpreter of the image's code -------------------------------------- */

/* A register by its offset in CONTEXT: an address, whatever the machine's width. */
uint64_t mk_register(const struct mk_state *state, uint32_t cpu, uint16_t offset);
void mk_register_set(struct mk_state *state, uint32_t cpu, uint16_t offset, uint64_t value);
uint32_t mk_eflags(const struct mk_state *state, uint32_t cpu);
void mk_eflags_set(struct mk_state *state, uint32_t cpu, uint32_t value);

/* Interprets one instruction, or stops in front of it at a breakpoint of the debug registers. Returns true when there
 * was an exception, which *exception describes. */
bool mk_step(struct mk_state *state, uint32_t cpu, struct mk_exception *exception);

/* What the processor does on an interrupt: pushes the machine frame, clears TF and IF, goes to handler. */
void mk_interrupt(struct mk_state *state, uint32_t cpu, uint64_t handler);

/* A call to a function from where the processor stands. */
void mk_call(struct mk_state *state, uint32_t cpu, uint64_t function);

/* ---- mk_context.c: ProcessorState of each KPRCB -------------------------------------------------------- */

void mk_processors_save(struct mk_state *state); /* registers to the KPRCBs: a stop begins */
void mk_processors_load(struct mk_state *state); /* and back, as far as ContextFlags says: it ends */

/* ---- mk_module.c: calls of the module, which gets copies between red zones and nothing else ------------- */

void mk_module_send(struct mk_state *state, uint16_t type, const struct kd_string *header,
                    const struct kd_string *data);
uint32_t mk_module_receive(struct mk_state *state, uint16_t type, struct kd_string *header,
                           struct kd_string *data, uint32_t *length);
uint32_t mk_module_poll(void);
uint32_t mk_module_initialize(struct mk_state *state, const struct mk_boot *loader_block);
void mk_module_initialize_late(const struct mk_boot *loader_block);
void mk_module_save(bool sleeping);
void mk_module_restore(bool sleeping);
void mk_module_power(bool up);

/* ---- mk_debug.c: KD calls, state changes, the stop loop ------------------------------------------------ */

void mk_send(struct mk_state *state, uint16_t type, struct kd_string *header, struct kd_string *data);
uint32_t mk_receive(struct mk_state *state, uint16_t type, struct kd_string *header, uint32_t *data_bytes);
bool mk_poll(struct mk_state *state);
void mk_trace_event(enum mk_trace_event event, uint32_t status);

void mk_raise(struct mk_state *state, uint32_t cpu, const struct mk_exception *exception);
void mk_run(struct mk_state *state, uint32_t cpu, uint32_t steps);
void mk_break(struct mk_state *state);
void mk_load_symbols(struct mk_state *state, const struct mk_module *module);
void mk_shutdown_notice(struct mk_state *state);
void mk_command_string(struct mk_state *state, const char *text, uint32_t text_bytes);
enum mk_verdict mk_switch_processor(struct mk_state *state, uint32_t cpu);

/* ---- mk_manipulate.c and the API's families ------------------------------------------------------------ */

enum mk_verdict mk_serve(struct mk_state *state, struct mk_request *request);

typedef uint32_t mk_api_fn(struct mk_state *state, struct mk_request *request);
mk_api_fn mk_read_virtual_memory, mk_write_virtual_memory, mk_read_physical_memory, mk_write_physical_memory;
mk_api_fn mk_search_memory, mk_fill_memory, mk_query_memory;
mk_api_fn mk_get_context, mk_set_context, mk_get_context_ex, mk_set_context_ex;
mk_api_fn mk_read_control_space, mk_write_control_space;
mk_api_fn mk_read_io_space, mk_write_io_space, mk_read_io_space_extended, mk_write_io_space_extended;
mk_api_fn mk_read_msr, mk_write_msr, mk_get_bus_data, mk_set_bus_data;
mk_api_fn mk_write_breakpoint, mk_restore_breakpoint;

/* The model-specific registers' first values. */
void mk_msrs_init(struct mk_state *state);

/* An address as everything here has it: x86 ones sign-extended. A debugger may send anything in the upper
 * half (kd-protocol.md 4). */
static inline uint64_t mk_address(const struct mk_layout *layout, uint64_t value)
{
    const uint64_t sign = 0x80000000u;
    return layout->pointer_bytes == 8 ? value : ((value & UINT32_MAX) ^ sign) - sign;
}

/* A word of the machine's width. */
static inline uint64_t mk_word_load(const struct mk_layout *layout, const uint8_t *from)
{
    return layout->pointer_bytes == 8 ? kd_load_u64(from) : mk_address(layout, kd_load_u32(from));
}
static inline void mk_word_store(const struct mk_layout *layout, uint8_t *to, uint64_t value)
{
    if (layout->pointer_bytes == 8)
        kd_store_u64(to, value);
    else
        kd_store_u32(to, (uint32_t)value);
}

/* Fields of the union that every request has at 16 (kd-protocol.md 4.3). */
enum { MK_UNION = 16 };
static inline uint32_t mk_get_u32(const struct mk_request *request, uint32_t offset)
{
    return kd_load_u32(request->header + MK_UNION + offset);
}
static inline uint64_t mk_get_u64(const struct mk_request *request, uint32_t offset)
{
    return kd_load_u64(request->header + MK_UNION + offset);
}
static inline uint64_t mk_get_address(const struct mk_state *state, const struct mk_request *request)
{
    return mk_address(state->layout, mk_get_u64(request, 0));
}
static inline void mk_put_u32(struct mk_request *request, uint32_t offset, uint32_t value)
{
    kd_store_u32(request->header + MK_UNION + offset, value);
}
static inline void mk_put_u64(struct mk_request *request, uint32_t offset, uint64_t value)
{
    kd_store_u64(request->header + MK_UNION + offset, value);
}
static inline uint32_t mk_min(uint32_t left, uint32_t right)
{
    return left < right ? left : right;
}

/* ---- mk_breakpoint.c ----------------------------------------------------------------------------------- */

/* Deletes the breakpoints in a range and puts the original bytes back (4.1 note 2). */
void mk_breakpoints_delete_range(struct mk_state *state, uint64_t first, uint32_t len_bytes);
void mk_breakpoints_insert_deferred(struct mk_state *state);

/* ---- mk_print.c ---------------------------------------------------------------------------------------- */

/* Room for a line under construction: the end of state->data, whose front mk_print sends from. */
static inline char *mk_line(struct mk_state *state)
{
    return (char *)state->data + MK_DATA_BYTES - MK_LINE_BYTES_MAX;
}

void mk_print(struct mk_state *state, const char *text, uint32_t len_bytes);
void mk_print_numbered(struct mk_state *state, const char *text, uint64_t number);
void mk_prompt(struct mk_state *state, const char *text, uint32_t room_bytes, bool tells);

/* Each writes at `to`, without a NUL, and returns how many characters. */
uint32_t mk_text(char *to, const char *text);
uint32_t mk_text_hex(char *to, uint64_t value, uint32_t digits);

/* ---- mk_report.c: what the debugger acknowledges and never answers ------------------------------------- */

void mk_trace_io(struct mk_state *state, const char *text, uint32_t text_bytes);
void mk_control_request(struct mk_state *state, uint32_t api, uint32_t number);

/* ---- mk_file.c: a file on the debugger's side ---------------------------------------------------------- */

void mk_file_read(struct mk_state *state, const char *name);
void mk_file_write(struct mk_state *state, const char *name, uint32_t bytes);

/* ---- mk_boot.c ----------------------------------------------------------------------------------------- */

void mk_initialize(struct mk_state *state, const struct mk_boot *loader_block);

/* ---- mk_bugcheck.c ------------------------------------------------------------------------------------- */

_Noreturn void mk_bugcheck(struct mk_state *state, uint32_t code, const uint64_t parameters[4]);

#endif
