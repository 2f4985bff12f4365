/* dbg_api.h: the bodies of KD messages, built and read as a debugger does, from kd-protocol.md 4 alone.
 *
 * Nothing here is shared with transport/kd, and nothing that a target says is trusted: a reader checks every length
 * before it looks at a byte, and returns KD_ERR_BAD_MESSAGE when the body is too short or contradicts itself.
 * Pointers in what a reader fills point into the body it was given, and live as long as that.
 *
 * A request in three lines:  struct dbg_request r;  dbg_api_read_virtual(&r, 0, address, 16);
 *                            dbg_send(dbg, DBG_TYPE_MANIPULATE, r.body, r.body_bytes);
 * Its reply, in the observer: dbg_api_reply(body, body_bytes, &reply);  dbg_api_transfer(&reply, &actual);
 * Tests: tests/test_dbg_api.c */
#ifndef DBG_API_H
#define DBG_API_H

#include "harness/dbg/dbg.h"

enum dbg_arch { DBG_X64, DBG_X86 };

/* Packet types (2.2): enumerator, number, name as scripts and failure messages say it. */
#define DBG_TYPE_LIST(X)                                                                                     \
    X(DBG_TYPE_STATE_CHANGE32, 1, "state_change32") X(DBG_TYPE_MANIPULATE, 2, "manipulate")                  \
    X(DBG_TYPE_DEBUG_IO, 3, "debug_io") X(DBG_TYPE_ACK, 4, "ack") X(DBG_TYPE_RESEND, 5, "resend")            \
    X(DBG_TYPE_RESET, 6, "reset") X(DBG_TYPE_STATE_CHANGE64, 7, "state_change64")                            \
    X(DBG_TYPE_TRACE_IO, 9, "trace_io") X(DBG_TYPE_CONTROL_REQUEST, 10, "control_request")                   \
    X(DBG_TYPE_FILE_IO, 11, "file_io")
enum dbg_type {
#define DBG_TYPE_ENUM(name, value, text) name = (value),
    DBG_TYPE_LIST(DBG_TYPE_ENUM)
#undef DBG_TYPE_ENUM
};

/* The name of a packet type, "type_?" for a number that has none. */
const char *dbg_type_name(uint16_t type);
KD_MUST_USE enum kd_status dbg_type_find(const char *name, uint16_t *type);

enum {
    DBG_BREAK_IN_BYTE = 0x62,
    DBG_STATE_CHANGE_BYTES = 240, /* headers, then data */
    DBG_MANIPULATE_BYTES = 56,
    DBG_UNION_BYTES = 40, /* of the 56, from offset 16 */
    DBG_DEBUG_IO_BYTES = 16,
    DBG_FILE_IO_BYTES = 64,
    DBG_DATA_BYTES_MAX = DBG_BODY_BYTES_MAX - DBG_MANIPULATE_BYTES, /* 3944: of one read or write */
    DBG_CONTEXT_BYTES_X64 = 0x4D0,
    DBG_CONTEXT_BYTES_X86 = 0x2CC,
    DBG_BREAKPOINTS_MAX = 32, /* handles are 1..32 */
};

/* Ids (2.3) */
#define DBG_ID_INITIAL 0x80800000u
#define DBG_ID_SYNC    0x00000800u

/* First words (4.1, 4.6, 4.7) */
#define DBG_STATE_EXCEPTION      0x3030u
#define DBG_STATE_LOAD_SYMBOLS   0x3031u
#define DBG_STATE_COMMAND_STRING 0x3032u
#define DBG_IO_PRINT             0x3230u
#define DBG_IO_PROMPT            0x3231u
#define DBG_FILE_CREATE          0x3430u
#define DBG_FILE_READ            0x3431u
#define DBG_FILE_WRITE           0x3432u
#define DBG_FILE_CLOSE           0x3433u

/* Status codes (4.2) that a debugger writes or looks for */
#define DBG_STATUS_SUCCESS       0x00000000u
#define DBG_STATUS_UNSUCCESSFUL  0xC0000001u
#define DBG_STATUS_INVALID_HANDLE 0xC0000008u
#define DBG_STATUS_NO_SUCH_FILE  0xC000000Fu
#define DBG_STATUS_END_OF_FILE   0xC0000011u
#define DBG_STATUS_BREAKPOINT    0x80000003u
#define DBG_STATUS_SINGLE_STEP   0x80000004u
#define DBG_CONTINUE             0x00010002u
#define DBG_EXCEPTION_HANDLED    0x00010001u
#define DBG_EXCEPTION_NOT_HANDLED 0x80010001u

/* What follows a request: its reply; nothing, and it stays stopped; a new state change; or the target runs. */
enum dbg_answer { DBG_ANSWER_REPLY, DBG_ANSWER_NONE, DBG_ANSWER_STATE_CHANGE, DBG_ANSWER_RUNS };

/* Manipulate requests (4.4): enumerator, ApiNumber, name, what follows. */
#define DBG_API_LIST(X)                                                                                      \
    X(DBG_API_READ_VIRTUAL, 0x3130, "read_virtual", REPLY)                                                   \
    X(DBG_API_WRITE_VIRTUAL, 0x3131, "write_virtual", REPLY)                                                 \
    X(DBG_API_GET_CONTEXT, 0x3132, "get_context", REPLY)                                                     \
    X(DBG_API_SET_CONTEXT, 0x3133, "set_context", REPLY)                                                     \
    X(DBG_API_WRITE_BREAKPOINT, 0x3134, "write_breakpoint", REPLY)                                           \
    X(DBG_API_RESTORE_BREAKPOINT, 0x3135, "restore_breakpoint", REPLY)                                       \
    X(DBG_API_CONTINUE, 0x3136, "continue", RUNS)                                                            \
    X(DBG_API_READ_CONTROL_SPACE, 0x3137, "read_control_space", REPLY)                                       \
    X(DBG_API_WRITE_CONTROL_SPACE, 0x3138, "write_control_space", REPLY)                                     \
    X(DBG_API_READ_IO_SPACE, 0x3139, "read_io_space", REPLY)                                                 \
    X(DBG_API_WRITE_IO_SPACE, 0x313A, "write_io_space", REPLY)                                               \
    X(DBG_API_REBOOT, 0x313B, "reboot", RUNS)                                                                \
    X(DBG_API_CONTINUE2, 0x313C, "continue2", RUNS)                                                          \
    X(DBG_API_READ_PHYSICAL, 0x313D, "read_physical", REPLY)                                                 \
    X(DBG_API_WRITE_PHYSICAL, 0x313E, "write_physical", REPLY)                                               \
    X(DBG_API_QUERY_SPECIAL_CALLS, 0x313F, "query_special_calls", REPLY)                                     \
    X(DBG_API_SET_SPECIAL_CALL, 0x3140, "set_special_call", REPLY)                                           \
    X(DBG_API_CLEAR_SPECIAL_CALLS, 0x3141, "clear_special_calls", REPLY)                                     \
    X(DBG_API_SET_INTERNAL_BREAKPOINT, 0x3142, "set_internal_breakpoint", REPLY)                             \
    X(DBG_API_GET_INTERNAL_BREAKPOINT, 0x3143, "get_internal_breakpoint", REPLY)                             \
    X(DBG_API_READ_IO_SPACE_EX, 0x3144, "read_io_space_ex", REPLY)                                           \
    X(DBG_API_WRITE_IO_SPACE_EX, 0x3145, "write_io_space_ex", REPLY)                                         \
    X(DBG_API_GET_VERSION, 0x3146, "get_version", REPLY)                                                     \
    X(DBG_API_WRITE_BREAKPOINT_EX, 0x3147, "write_breakpoint_ex", REPLY)                                     \
    X(DBG_API_RESTORE_BREAKPOINT_EX, 0x3148, "restore_breakpoint_ex", REPLY)                                 \
    X(DBG_API_CAUSE_BUGCHECK, 0x3149, "cause_bugcheck", RUNS)                                                \
    X(DBG_API_SWITCH_PROCESSOR, 0x3150, "switch_processor", STATE_CHANGE)                                    \
    X(DBG_API_PAGE_IN, 0x3151, "page_in", REPLY)                                                             \
    X(DBG_API_READ_MSR, 0x3152, "read_msr", REPLY)                                                           \
    X(DBG_API_WRITE_MSR, 0x3153, "write_msr", REPLY)                                                         \
    X(DBG_API_OLD_VLM1, 0x3154, "old_vlm1", REPLY)                                                           \
    X(DBG_API_OLD_VLM2, 0x3155, "old_vlm2", REPLY)                                                           \
    X(DBG_API_SEARCH_MEMORY, 0x3156, "search_memory", REPLY)                                                 \
    X(DBG_API_GET_BUS_DATA, 0x3157, "get_bus_data", REPLY)                                                   \
    X(DBG_API_SET_BUS_DATA, 0x3158, "set_bus_data", REPLY)                                                   \
    X(DBG_API_CHECK_LOW_MEMORY, 0x3159, "check_low_memory", REPLY)                                           \
    X(DBG_API_CLEAR_INTERNAL_BREAKPOINTS, 0x315A, "clear_internal_breakpoints", NONE)                        \
    X(DBG_API_FILL_MEMORY, 0x315B, "fill_memory", REPLY)                                                     \
    X(DBG_API_QUERY_MEMORY, 0x315C, "query_memory", REPLY)                                                   \
    X(DBG_API_SWITCH_PARTITION, 0x315D, "switch_partition", REPLY)                                           \
    X(DBG_API_WRITE_CUSTOM_BREAKPOINT, 0x315E, "write_custom_breakpoint", REPLY)                             \
    X(DBG_API_GET_CONTEXT_EX, 0x315F, "get_context_ex", REPLY)                                               \
    X(DBG_API_SET_CONTEXT_EX, 0x3160, "set_context_ex", REPLY)
enum dbg_api {
#define DBG_API_ENUM(name, value, text, answer) name = (value),
    DBG_API_LIST(DBG_API_ENUM)
#undef DBG_API_ENUM
};

/* "read_virtual"; "api_?" for a number that is not in the list. */
const char *dbg_api_name(uint32_t api);
KD_MUST_USE enum kd_status dbg_api_find(const char *name, uint32_t *api);

/* What follows a request; an unknown number gets a reply (4.4, "other"). */
enum dbg_answer dbg_api_answer(uint32_t api);

/* ---- requests -------------------------------------------------------------------------------------------------- */

/* One message body under construction; ready to be sent after any builder below returned. */
struct dbg_request {
    uint32_t body_bytes;
    uint8_t body[DBG_BODY_BYTES_MAX];
};

/* A request with an empty union: ApiNumber and Processor set, everything else 0. For any ApiNumber. */
void dbg_api_begin(struct dbg_request *request, uint32_t api, uint16_t cpu);

/* Writes a field at an offset inside the union. Returns KD_OK; KD_ERR_ARGUMENT: it does not fit in the 40 bytes */
KD_MUST_USE enum kd_status dbg_api_put(struct dbg_request *request, uint32_t union_offset, uint32_t field_bytes,
                                       uint64_t value);

/* Appends data behind the body so far. Returns KD_OK; KD_ERR_TOO_BIG: over 4000 bytes, nothing appended */
KD_MUST_USE enum kd_status dbg_api_append(struct dbg_request *request, const uint8_t *data, size_t data_bytes);

/* The same with their fields. count is asked for as it is, also when it is larger than the 3944 that can come back;
 * a write of more data than fits in one body returns KD_ERR_TOO_BIG and leaves a request without data. */
void dbg_api_get_version(struct dbg_request *request);
void dbg_api_read_virtual(struct dbg_request *request, uint16_t cpu, uint64_t address, uint32_t count);
KD_MUST_USE enum kd_status dbg_api_write_virtual(struct dbg_request *request, uint16_t cpu, uint64_t address,
                                                 const uint8_t *data, size_t data_bytes);
/* cache: 0 default, 1 cached, 2 uncached, 3 write-combined */
void dbg_api_read_physical(struct dbg_request *request, uint64_t address, uint32_t count, uint32_t cache);
KD_MUST_USE enum kd_status dbg_api_write_physical(struct dbg_request *request, uint64_t address, uint32_t cache,
                                                  const uint8_t *data, size_t data_bytes);
void dbg_api_get_context(struct dbg_request *request, uint16_t cpu);
KD_MUST_USE enum kd_status dbg_api_set_context(struct dbg_request *request, uint16_t cpu, uint32_t context_flags,
                                               const uint8_t *context, size_t context_bytes);
void dbg_api_get_context_ex(struct dbg_request *request, uint16_t cpu, uint32_t offset, uint32_t count);
/* index: amd64 0..3, x86 a byte offset (4.9) */
void dbg_api_read_control_space(struct dbg_request *request, uint16_t cpu, uint64_t index, uint32_t count);
void dbg_api_write_breakpoint(struct dbg_request *request, uint64_t address);
void dbg_api_restore_breakpoint(struct dbg_request *request, uint32_t handle);
void dbg_api_continue(struct dbg_request *request, uint32_t continue_status);

/* The control set of Continue2 (4.4 rule 3). The values of an ordinary "go": trace 0, dr7 as the state change
 * reported it, symbols 0..0. */
struct dbg_control_set {
    bool trace;
    uint64_t dr7;
    uint64_t symbol_start;
    uint64_t symbol_end;
};
void dbg_api_continue2(struct dbg_request *request, enum dbg_arch arch, uint16_t cpu, uint32_t continue_status,
                       const struct dbg_control_set *control);
void dbg_api_reboot(struct dbg_request *request);
void dbg_api_clear_internal_breakpoints(struct dbg_request *request);
void dbg_api_switch_processor(struct dbg_request *request, uint16_t cpu);
void dbg_api_query_memory(struct dbg_request *request, uint64_t address);

/* ---- replies --------------------------------------------------------------------------------------------------- */

/* A manipulate message taken apart; requests have the same shape. */
struct dbg_reply {
    uint32_t api;
    uint16_t level;
    uint16_t cpu;
    uint32_t status;      /* ReturnStatus */
    const uint8_t *fields; /* the union: DBG_UNION_BYTES */
    const uint8_t *data;
    uint32_t data_bytes;
};
KD_MUST_USE enum kd_status dbg_api_reply(const uint8_t *body, uint32_t body_bytes, struct dbg_reply *reply);

/* A field at an offset inside the union, 1, 2, 4 or 8 bytes; 0 when it would lie outside. */
uint64_t dbg_api_field(const struct dbg_reply *reply, uint32_t union_offset, uint32_t field_bytes);

/* ActualBytes@12 of a read or write. For an api whose reply carries data: KD_ERR_BAD_MESSAGE when data_bytes is
 * another number. */
KD_MUST_USE enum kd_status dbg_api_transfer(const struct dbg_reply *reply, uint32_t *actual);

/* The handle in a reply to write_breakpoint; KD_ERR_BAD_MESSAGE: another api, or success with a handle not in 1..32 */
KD_MUST_USE enum kd_status dbg_api_breakpoint(const struct dbg_reply *reply, uint32_t *handle);

struct dbg_version {
    uint16_t major, minor;
    uint8_t protocol, secondary;
    uint16_t flags, machine; /* machine: 0x8664 or 0x014C */
    uint8_t max_packet_type, max_state_change, max_manipulate, simulation;
    uint64_t kernel_base, module_list, debugger_data_list;
};
KD_MUST_USE enum kd_status dbg_api_version(const struct dbg_reply *reply, struct dbg_version *version);

/* ---- registers ------------------------------------------------------------------------------------------------- */

/* One field of a register block by name: "rip", "eflags", "cr3"; all lower case, "flags" is ContextFlags. */
struct dbg_field {
    const char *name;
    uint32_t offset;
    uint32_t bytes; /* 2, 4 or 8 */
};
/* The fields of CONTEXT (4.10), or of KSPECIAL_REGISTERS (4.9), in the order of their offsets. */
const struct dbg_field *dbg_context_fields(enum dbg_arch arch, unsigned *count);
const struct dbg_field *dbg_special_fields(enum dbg_arch arch, unsigned *count);

uint32_t dbg_context_bytes(enum dbg_arch arch);

/* Reads or writes a field of a block by name.
 * Returns  KD_OK; KD_ERR_ARGUMENT: no such name; KD_ERR_BAD_MESSAGE: the block is too short for it */
KD_MUST_USE enum kd_status dbg_field_get(const struct dbg_field *fields, unsigned count, const char *name,
                                         const uint8_t *block, size_t block_bytes, uint64_t *value);
KD_MUST_USE enum kd_status dbg_field_set(const struct dbg_field *fields, unsigned count, const char *name,
                                         uint8_t *block, size_t block_bytes, uint64_t value);

/* ---- what a target says by itself ------------------------------------------------------------------------------ */

struct dbg_control_report {
    uint64_t dr6, dr7;
    uint32_t eflags;
    uint16_t flags;            /* 1 segments valid, 2 kernel CS */
    uint16_t instruction_bytes; /* at most 16 */
    uint8_t instructions[16];
    uint16_t cs, ds, es, fs;
};

struct dbg_state_change {
    uint32_t state; /* DBG_STATE_*, without the alternate-source bit */
    bool alternate;
    uint16_t level;
    uint16_t cpu;
    uint32_t processors;
    uint64_t thread;
    uint64_t pc;
    /* exception */
    uint32_t code;
    uint32_t exception_flags;
    uint64_t exception_address;
    uint32_t parameters; /* at most 15 */
    uint64_t parameter[15];
    bool first_chance;
    /* load symbols */
    uint64_t base;
    uint64_t process;
    uint32_t checksum;
    uint32_t size_bytes;
    bool unload;
    bool going_down; /* unload of base -1 without a path: the target shuts down (4.1 note 6) */
    const char *path; /* path_bytes without the NUL */
    uint32_t path_bytes;
    struct dbg_control_report control;
};
KD_MUST_USE enum kd_status dbg_api_state_change(enum dbg_arch arch, const uint8_t *body, uint32_t body_bytes,
                                                struct dbg_state_change *change);

/* A print or a prompt. */
struct dbg_debug_io {
    uint32_t api; /* DBG_IO_PRINT or DBG_IO_PROMPT */
    uint16_t cpu;
    const char *text; /* not ended by a NUL */
    uint32_t text_bytes;
    uint32_t room; /* prompt: for the answer */
};
KD_MUST_USE enum kd_status dbg_api_debug_io(const uint8_t *body, uint32_t body_bytes, struct dbg_debug_io *io);

/* The answer to a prompt: echoes its header. Returns KD_OK; KD_ERR_BAD_MESSAGE: prompt is none;
 * KD_ERR_TOO_BIG: longer than a body (an answer longer than the prompt's room is built: 4.6, the target cuts it) */
KD_MUST_USE enum kd_status dbg_api_prompt_answer(struct dbg_request *answer, const uint8_t *prompt,
                                                 uint32_t prompt_bytes, const char *text, size_t text_bytes);

/* A file request (4.7): what it asks. */
struct dbg_file {
    uint32_t api;         /* DBG_FILE_* */
    uint32_t access;      /* create; DBG_GENERIC_WRITE in it: to be written */
    uint32_t disposition; /* create: 1 must exist */
    uint64_t handle;      /* the others */
    uint64_t offset;
    uint32_t length;
    const uint8_t *data; /* create: the name, UTF-16LE; write: bytes */
    uint32_t data_bytes;
};
#define DBG_GENERIC_WRITE 0x40000000u
KD_MUST_USE enum kd_status dbg_api_file(const uint8_t *body, uint32_t body_bytes, struct dbg_file *file);

/* A good answer to it: handle and size after create, the number of bytes done after read and write. What was read is to
 * be appended. KD_ERR_BAD_MESSAGE: it is no file request */
KD_MUST_USE enum kd_status dbg_api_file_opened(struct dbg_request *answer, const uint8_t *body, uint32_t body_bytes,
                                               uint64_t handle, uint64_t size);
KD_MUST_USE enum kd_status dbg_api_file_done(struct dbg_request *answer, const uint8_t *body, uint32_t body_bytes,
                                             uint32_t done);

/* The refusal of a file request: its header with a status and no data (4.7). KD_ERR_BAD_MESSAGE: too short */
KD_MUST_USE enum kd_status dbg_api_file_refusal(struct dbg_request *answer, const uint8_t *body,
                                                uint32_t body_bytes, uint32_t status);

/* ---- for people ------------------------------------------------------------------------------------------------ */

enum { DBG_DESCRIBE_BYTES = 160 };

/* One message as one line, never longer than text_bytes (cut, always ended by a NUL):
 * "state_change64 exception 80000003 cpu=1 pc=fffff802c55e3380", "manipulate read_virtual addr=.. count=..",
 * "debug_io print \"Hello, KD!\\n\"". Anything may be given; a body too short is said to be so. Returns text. */
const char *dbg_describe(uint16_t type, const uint8_t *body, uint32_t body_bytes, char *text, size_t text_bytes);

#endif
