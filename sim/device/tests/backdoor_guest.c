#include "sim/device/tests/backdoor_guest.h"

const char question[] = "info-get guestinfo.x";
const uint32_t question_words[] = {0x6F666E69, 0x7465672D, 0x65756720, 0x6E697473, 0x782E6F66};

static bool in_memory(uint64_t address, size_t len_bytes)
{
    return address >= MEMORY_START && len_bytes <= MEMORY_BYTES && address - MEMORY_START <= MEMORY_BYTES - len_bytes;
}

static bool memory_read(void *context, uint64_t address, void *to, size_t len_bytes)
{
    struct fix *f = context;
    if (!in_memory(address, len_bytes))
        return false;
    memcpy(to, f->memory + (address - MEMORY_START), len_bytes);
    return true;
}

static bool memory_write(void *context, uint64_t address, const void *from, size_t len_bytes)
{
    struct fix *f = context;
    if (!in_memory(address, len_bytes))
        return false;
    memcpy(f->memory + (address - MEMORY_START), from, len_bytes);
    return true;
}

static void handle(void *context, const uint8_t *message, size_t len_bytes)
{
    struct fix *f = context;
    assert_true(len_bytes <= sizeof f->message);
    memcpy(f->message, message, len_bytes);
    f->message_bytes = len_bytes;
    f->messages++;
    if (f->reply != NULL)
        sim_backdoor_reply(f->backdoor, (const uint8_t *)f->reply, strlen(f->reply));
}

static void completed(void *context)
{
    struct fix *f = context;
    f->completions++;
}

void build(struct fix *f, uint64_t seed, enum sim_backdoor_profile profile)
{
    const struct sim_cost cost = sim_cost_default();
    const struct sim_backdoor_config config = {.profile = profile, .channels = CHANNELS};
    memset(f, 0, sizeof *f);
    const struct sim_memory memory = {.context = f, .read = memory_read, .write = memory_write};
    f->world = sim_world_create(seed, &cost);
    f->faults = sim_faults_create(f->world);
    f->backdoor = sim_backdoor_create(f->world, f->faults, &config, &memory, handle, completed, f);
    f->reply = "1 hello";
}

int tear_down(void **state)
{
    struct fix *f = *state;
    sim_backdoor_destroy(f->backdoor);
    sim_faults_destroy(f->faults);
    sim_world_destroy(f->world);
    return 0;
}

uint8_t *memory_at(struct fix *f, uint64_t address)
{
    return f->memory + (address - MEMORY_START);
}

void run_until(struct fix *f, uint64_t time_ns)
{
    while (sim_step(f->world, time_ns))
        ;
}

struct sim_registers access_port(struct fix *f, uint16_t port, bool is_in, struct sim_registers registers)
{
    assert_int_equal(sim_backdoor_access(f->backdoor, port, is_in, &registers), SIM_EXIT_DONE);
    return registers;
}

struct sim_registers call_registers(const struct fix *f, uint32_t type, uint32_t ebx)
{
    const uint32_t channel = type == OPEN ? 0 : f->channel;
    return (struct sim_registers){.rax = MAGIC,
                                  .rbx = ebx,
                                  .rcx = type << 16 | 0x1E,
                                  .rdx = channel << 16 | SIM_PORT_BACKDOOR,
                                  .rsi = f->cookie_high,
                                  .rdi = f->cookie_low,
                                  .rbp = 0x0BADBEEF};
}

struct sim_registers call(struct fix *f, uint32_t type, uint32_t ebx)
{
    return access_port(f, SIM_PORT_BACKDOOR, !f->by_out, call_registers(f, type, ebx));
}

uint32_t status_of(struct fix *f, uint32_t type, uint32_t ebx)
{
    const struct sim_registers r = call(f, type, ebx);
    assert_int_equal((uint16_t)r.rcx, 0);
    return (uint32_t)r.rcx >> 16;
}

bool open_channel(struct fix *f, uint32_t protocol)
{
    const struct sim_registers r = call(f, OPEN, protocol);
    if ((uint32_t)r.rcx != 0x00010000) {
        assert_int_equal((uint32_t)r.rcx, 0);
        return false;
    }
    assert_int_equal((uint16_t)r.rdx, 0);
    f->channel = (uint32_t)r.rdx >> 16;
    f->cookie_high = protocol & 0x80000000u ? (uint32_t)r.rsi : 0;
    f->cookie_low = protocol & 0x80000000u ? (uint32_t)r.rdi : 0;
    return true;
}

struct sim_registers string_registers(const struct fix *f, bool is_in, uint64_t address, uint64_t count)
{
    return (struct sim_registers){.rax = MAGIC,
                                  .rbx = 0x00010000,
                                  .rcx = count,
                                  .rdx = f->channel << 16 | SIM_PORT_BACKDOOR_HB,
                                  .rsi = is_in ? f->cookie_high : address,
                                  .rdi = is_in ? address : f->cookie_low,
                                  .rbp = is_in ? f->cookie_low : f->cookie_high};
}

static uint32_t string_ebx(struct fix *f, bool is_in, uint64_t address, uint64_t count)
{
    const struct sim_registers before = string_registers(f, is_in, address, count);
    const struct sim_registers r = access_port(f, SIM_PORT_BACKDOOR_HB, is_in, before);
    assert_int_equal(r.rcx, 0);
    assert_int_equal(is_in ? r.rdi : r.rsi, address + count);
    assert_int_equal(r.rbp, before.rbp);
    return (uint32_t)r.rbx;
}

uint32_t string_out(struct fix *f, uint64_t address, uint64_t count)
{
    return string_ebx(f, false, address, count);
}

uint32_t string_in(struct fix *f, uint64_t address, uint64_t count)
{
    return string_ebx(f, true, address, count);
}

void put_question(struct fix *f)
{
    memcpy(memory_at(f, OUT_BUFFER), question, QUESTION_BYTES);
}

void send_words(struct fix *f, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++)
        assert_int_equal(status_of(f, SENDPAYLOAD, question_words[i]), SUCCESS);
}

void assert_question_arrived(const struct fix *f, unsigned times)
{
    assert_int_equal(f->messages, times);
    assert_int_equal(f->message_bytes, QUESTION_BYTES);
    assert_memory_equal(f->message, question, QUESTION_BYTES);
}

void assert_announced(struct fix *f, uint32_t len_bytes, uint32_t ecx)
{
    const struct sim_registers r = call(f, RECVSIZE, 0);
    assert_int_equal((uint32_t)r.rbx, len_bytes);
    assert_int_equal((uint32_t)r.rcx, ecx);
    assert_int_equal((uint32_t)r.rdx, 0x00010000);
}

uint32_t next_word(struct fix *f)
{
    const struct sim_registers r = call(f, RECVPAYLOAD, SUCCESS);
    assert_int_equal((uint32_t)r.rcx, 0x00010000);
    assert_int_equal((uint32_t)r.rdx, 0x00020000);
    return (uint32_t)r.rbx;
}

void assert_hello_fetched_by_string(struct fix *f)
{
    assert_announced(f, 7, 0x00830000);
    assert_int_equal(string_in(f, IN_BUFFER, 7), 0x00010000);
    assert_memory_equal(memory_at(f, IN_BUFFER), "1 hello", 7);
}

void send_question_by_string(struct fix *f)
{
    put_question(f);
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x81);
    assert_int_equal(string_out(f, OUT_BUFFER, QUESTION_BYTES), 0x00010000);
}

void reach(struct fix *f, enum reach state)
{
    assert_true(open_channel(f, RPCI));
    if (state == SENDING) {
        assert_int_equal(status_of(f, SENDSIZE, 8), 0x81);
    } else if (state >= REPLIED) {
        send_question_by_string(f);
        if (state == RECEIVING)
            assert_announced(f, 7, 0x00830000);
    }
}
