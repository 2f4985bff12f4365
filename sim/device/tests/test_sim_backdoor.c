/* Goal: the backdoor answers registers as vmware-backdoor.md says, and lets no client rely on what it leaves
 * open. Method: the vectors V1 to V20 played against the device, as far as they concern a host, then the
 * registers alone. The test is the guest (backdoor_guest.h). What a channel does beyond the vectors is in
 * test_sim_channel.c. */
#include "sim/device/tests/backdoor_guest.h"

static struct fix fix;

#define SET_UP(name, profile)                                                                                \
    static int name(void **state)                                                                            \
    {                                                                                                        \
        build(&fix, 1, profile);                                                                             \
        *state = &fix;                                                                                       \
        return 0;                                                                                            \
    }
SET_UP(vmware, SIM_BACKDOOR_VMWARE)
SET_UP(lb_only, SIM_BACKDOOR_LB_ONLY)
SET_UP(absent_ones, SIM_BACKDOOR_ABSENT_ONES)
SET_UP(absent_zero, SIM_BACKDOOR_ABSENT_ZERO)
SET_UP(absent_echo, SIM_BACKDOOR_ABSENT_ECHO)
SET_UP(qemu, SIM_BACKDOOR_QEMU)

/* ---- vectors ---- */

static struct sim_registers get_version(struct fix *f, bool is_in)
{
    const struct sim_registers probe = {.rax = UINT64_C(0x700000000) | MAGIC,
                                        .rbx = 0xA9B2A797,
                                        .rcx = 0xFFFF000A,
                                        .rdx = SIM_PORT_BACKDOOR,
                                        .rsi = 11,
                                        .rdi = 12,
                                        .rbp = 13};
    return access_port(f, SIM_PORT_BACKDOOR, is_in, probe);
}

static void v1_workstation_is_detected(void **state)
{
    const struct sim_registers r = get_version(*state, true);
    assert_int_equal(r.rax, 6);
    assert_int_equal((uint32_t)r.rbx, MAGIC);
    assert_int_equal((uint32_t)r.rcx, 4);
    assert_int_equal(r.rbp, 13);
}

static void v2_qemu_is_detected_and_refuses_messages(void **state)
{
    struct fix *f = *state;
    const struct sim_registers version = get_version(f, true);
    assert_int_equal(version.rax, 6);
    assert_int_equal(version.rbx, MAGIC);
    assert_int_equal(version.rcx, 2);
    assert_int_equal(version.rdx, SIM_PORT_BACKDOOR);
    struct sim_registers refused = call_registers(f, OPEN, RPCI);
    refused.rax = ALL_ONES;
    const struct sim_registers r = call(f, OPEN, RPCI);
    assert_memory_equal(&r, &refused, sizeof r);
}

static void v3a_no_device_reads_ones(void **state)
{
    struct fix *f = *state;
    struct sim_registers r = get_version(f, true);
    assert_int_equal(r.rax, ALL_ONES); /* a 32-bit IN clears the upper half */
    assert_int_equal(r.rbx, 0xA9B2A797);
    assert_int_equal(r.rcx, 0xFFFF000A);
    r = get_version(f, false); /* OUT brings nothing */
    assert_int_equal((uint32_t)r.rax, MAGIC);
    assert_int_equal(r.rbx, 0xA9B2A797);
}

static void v3b_an_ignored_exit_reads_zero(void **state)
{
    struct fix *f = *state;
    const struct sim_registers r = get_version(f, true);
    assert_int_equal(r.rax, 0);
    assert_int_equal(r.rbx, 0xA9B2A797);
    assert_int_equal((uint32_t)get_version(f, false).rax, MAGIC);
}

static void v3c_an_echo_leaves_the_magic(void **state)
{
    const struct sim_registers r = get_version(*state, true);
    assert_int_equal((uint32_t)r.rax, MAGIC);
    assert_int_equal(r.rbx, 0xA9B2A797);
}

static void v4_low_bandwidth_round_trip(void **state)
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), SUCCESS);
    send_words(f, 0, QUESTION_WORDS - 1);
    assert_int_equal(f->messages, 0);
    send_words(f, QUESTION_WORDS - 1, QUESTION_WORDS); /* the handler runs here */
    assert_question_arrived(f, 1);
    assert_announced(f, 7, 0x00030000);
    assert_int_equal(next_word(f), 0x65682031);
    assert_int_equal(next_word(f) & 0x00FFFFFF, 0x006F6C6C);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    assert_int_equal(status_of(f, CLOSE, 0), SUCCESS);
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 0);
    assert_int_equal(sim_backdoor_rpcs(f->backdoor), 1);
    assert_int_equal(sim_backdoor_payload_bytes(f->backdoor), 0);
}

static void v5_high_bandwidth_round_trip(void **state)
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    send_question_by_string(f);
    assert_question_arrived(f, 1);
    assert_hello_fetched_by_string(f);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    assert_int_equal(status_of(f, CLOSE, 0), SUCCESS);
    assert_int_equal(sim_backdoor_payload_bytes(f->backdoor), QUESTION_BYTES + 7);
}

static void v6_open_is_refused_beyond_the_channel_limit(void **state) /* M10 */
{
    struct fix *f = *state;
    uint32_t seen = 0;
    for (unsigned i = 0; i < CHANNELS; i++) {
        assert_true(open_channel(f, RPCI));
        assert_true(f->channel < CHANNELS);
        assert_int_equal(seen >> f->channel & 1, 0);
        seen |= UINT32_C(1) << f->channel;
    }
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), CHANNELS);
    assert_int_equal(status_of(f, OPEN, RPCI), 0);
    assert_int_equal(status_of(f, OPEN, RPCI_BARE), 0);
    const uint32_t closed = f->channel;
    assert_int_equal(status_of(f, CLOSE, 0), SUCCESS);
    assert_true(open_channel(f, RPCI));
    assert_int_equal(f->channel, closed);
}

static void v7_a_channel_without_cookies_checks_none(void **state)
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI_BARE));
    assert_int_equal(status_of(f, SENDSIZE, 4), 0x81);
    f->cookie_low = 77;
    assert_int_equal(status_of(f, CLOSE, 0), SUCCESS);
}

static void v8_wrong_cookie_or_channel_fails_and_changes_nothing(void **state) /* M1 */
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    f->cookie_low ^= 1;
    assert_int_equal(status_of(f, SENDSIZE, 3), 0);
    assert_int_equal(status_of(f, CLOSE, 0), 0);
    f->cookie_low ^= 1;
    f->cookie_high ^= 0x80000000u;
    assert_int_equal(status_of(f, CLOSE, 0), 0);
    f->cookie_high ^= 0x80000000u;
    for (uint32_t wrong = 0; wrong <= 0xFFFF; wrong += wrong < CHANNELS ? 1 : 0x1FF7) {
        const uint32_t right = f->channel;
        f->channel = wrong;
        if (wrong != right)
            assert_int_equal(status_of(f, CLOSE, 0), 0);
        f->channel = right;
    }
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 1);
    assert_int_equal(status_of(f, CLOSE, 0), SUCCESS);
}

static void v9_checkpoint_in_a_low_bandwidth_send(void **state) /* M4 */
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), SUCCESS);
    send_words(f, 0, 2);
    sim_backdoor_checkpoint(f->backdoor);
    assert_int_equal(status_of(f, SENDPAYLOAD, question_words[2]), 0x10);
    assert_int_equal(status_of(f, SENDPAYLOAD, question_words[2]),
                     0); /* once; nothing is left to go on with */
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), SUCCESS);
    send_words(f, 0, QUESTION_WORDS);
    assert_question_arrived(f, 1);
    assert_announced(f, 7, 0x00030000);
}

static void v10_checkpoint_on_a_string_send(void **state)
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    put_question(f);
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x81);
    sim_backdoor_checkpoint(f->backdoor);
    assert_int_equal(string_out(f, OUT_BUFFER, QUESTION_BYTES), 0x00100000);
    assert_int_equal(f->messages, 0);
    send_question_by_string(f);
    assert_question_arrived(f, 1);
}

static void v11_checkpoint_on_a_string_receive(void **state)
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    send_question_by_string(f);
    assert_announced(f, 7, 0x00830000);
    sim_backdoor_checkpoint(f->backdoor);
    assert_int_equal(string_in(f, IN_BUFFER, 7), 0x00100000);
    assert_hello_fetched_by_string(f);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    assert_question_arrived(f, 1);
}

static void v12_checkpoint_on_recvstatus(void **state)
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    send_question_by_string(f);
    assert_hello_fetched_by_string(f);
    sim_backdoor_checkpoint(f->backdoor);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), 0x10);
    assert_hello_fetched_by_string(f);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
    assert_question_arrived(f, 1);
}

static void v13_tclo_says_reset_once_and_is_polled_empty(void **state) /* M8 */
{
    struct fix *f = *state;
    assert_true(open_channel(f, TCLO));
    assert_int_equal(status_of(f, SENDSIZE, 0), 0x81);
    assert_announced(f, 5, 0x00830000);
    assert_int_equal(next_word(f), 0x65736572);
    assert_int_equal(next_word(f) & 0xFF, 0x74);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    static const uint32_t answer[] = {0x41204B4F, 0x74205254, 0x626C6F6F, 0x0000786F};
    assert_int_equal(status_of(f, SENDSIZE, 14), 0x81);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(status_of(f, SENDPAYLOAD, answer[i]), SUCCESS);
    for (unsigned poll = 0; poll < 3; poll++) {
        assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
        assert_int_equal(status_of(f, SENDSIZE, 0), 0x81);
    }
    assert_int_equal(f->messages, 0); /* nothing of it is an RPC */
}

/* transport/guest/README.md 5: a channel that gives our name is shown once that it will be called, then
 * called while the level is raised. */
static void say_on_tclo(struct fix *f, const char *text)
{
    uint32_t len_bytes = (uint32_t)strlen(text);
    assert_int_equal(status_of(f, SENDSIZE, len_bytes), 0x81);
    for (uint32_t at = 0; at < len_bytes; at += 4) {
        uint32_t word = 0;
        for (uint32_t i = 0; i < 4 && at + i < len_bytes; i++)
            word |= (uint32_t)(uint8_t)text[at + i] << 8 * i;
        assert_int_equal(status_of(f, SENDPAYLOAD, word), SUCCESS);
    }
}

static void assert_called_on_tclo(struct fix *f)
{
    assert_announced(f, 6, 0x00830000);
    assert_int_equal(next_word(f), 0x74736166); /* "fast" */
    assert_int_equal(next_word(f) & 0xFFFF, 0x646B);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
}

static void reach_named_tclo(struct fix *f)
{
    assert_true(open_channel(f, TCLO));
    assert_int_equal(status_of(f, SENDSIZE, 0), 0x81);
    assert_announced(f, 5, 0x00830000);
    (void)next_word(f), (void)next_word(f);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    say_on_tclo(f, "OK ATR fastkd");
}

static void tclo_calls_a_guest_that_gave_our_name_while_the_level_is_raised(void **state)
{
    struct fix *f = *state;
    reach_named_tclo(f);
    assert_called_on_tclo(f); /* to show that it will */
    say_on_tclo(f, "OK ");
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
    assert_int_equal(status_of(f, SENDSIZE, 0), 0x81);
    sim_backdoor_attention(f->backdoor, true); /* between the two calls of a poll: seen at once */
    assert_called_on_tclo(f);
    say_on_tclo(f, "OK ");
    assert_called_on_tclo(f); /* a level, so it is told again */
    sim_backdoor_attention(f->backdoor, false);
    assert_int_equal(status_of(f, SENDSIZE, 0), 0x81);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
    assert_int_equal(f->messages, 0);
}

static void tclo_of_another_client_is_not_called(void **state)
{
    struct fix *f = *state;
    sim_backdoor_attention(f->backdoor, true);
    assert_true(open_channel(f, TCLO));
    assert_int_equal(status_of(f, SENDSIZE, 0), 0x81);
    assert_announced(f, 5, 0x00830000);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    say_on_tclo(f, "OK ATR toolbox");
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
    sim_backdoor_reset(f->backdoor); /* and a name is forgotten with its channel */
    assert_true(open_channel(f, TCLO));
    assert_int_equal(status_of(f, SENDSIZE, 0), 0x81);
    assert_announced(f, 5, 0x00830000);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
}

static void v13_zero_lengths(void **state) /* M7, and a reply of no bytes */
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    assert_int_equal(status_of(f, SENDSIZE, 0), 0x81);
    assert_int_equal(f->messages, 0);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
    f->reply = "";
    send_question_by_string(f);
    assert_announced(f, 0, 0x00830000);
    assert_int_equal(status_of(f, RECVPAYLOAD, SUCCESS), 0);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
}

static void v14_padding_of_the_last_word_is_ignored(void **state)
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    assert_int_equal(status_of(f, SENDSIZE, 5), SUCCESS);
    assert_int_equal(status_of(f, SENDPAYLOAD, 0x64636261), SUCCESS);
    assert_int_equal(status_of(f, SENDPAYLOAD, 0xDEADBE65), SUCCESS);
    assert_int_equal(f->message_bytes, 5);
    assert_memory_equal(f->message, "abcde", 5);
    assert_int_equal(status_of(f, SENDPAYLOAD, 0), 0); /* one word too many */
}

static void v15_a_reply_too_big_for_the_guest_is_dropped(void **state)
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    send_question_by_string(f);
    assert_announced(f, 7, 0x00830000);
    call(f, RECVPAYLOAD, 0);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
}

static void v16_oversize_request_is_refused_and_the_largest_taken(void **state) /* M2 */
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    assert_int_equal(status_of(f, SENDSIZE, SIM_RPC_BYTES_MAX + 1), 0);
    assert_int_equal(status_of(f, SENDPAYLOAD, 0), 0);
    assert_int_equal(status_of(f, SENDSIZE, ALL_ONES), 0);
    for (unsigned i = 0; i < SIM_RPC_BYTES_MAX; i++)
        f->memory[i] = (uint8_t)(i * 7 >> 3);
    assert_int_equal(status_of(f, SENDSIZE, SIM_RPC_BYTES_MAX), 0x81);
    assert_int_equal(string_out(f, MEMORY_START, SIM_RPC_BYTES_MAX), 0x00010000);
    assert_int_equal(f->message_bytes, SIM_RPC_BYTES_MAX);
    assert_memory_equal(f->message, f->memory, SIM_RPC_BYTES_MAX);
}

static void v17_a_reset_makes_channels_stale(void **state) /* M5 */
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    const uint32_t cookie_before = f->cookie_low;
    sim_backdoor_reset(f->backdoor);
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 0);
    assert_int_equal(status_of(f, SENDSIZE, 4), 0);
    assert_int_equal(status_of(f, CLOSE, 0), 0);
    assert_true(open_channel(f, RPCI));
    assert_int_not_equal(f->cookie_low, cookie_before);
    assert_int_equal(status_of(f, SENDSIZE, 4), 0x81);
}

/* Without a device behind port 0x5659 strings look successful and bring undriven bytes (rule 14). */
static void assert_dead_string_port(struct fix *f, uint8_t undriven)
{
    uint8_t *buffer = memory_at(f, IN_BUFFER);
    memset(buffer, 0x5A, 1001);
    assert_int_equal(string_out(f, OUT_BUFFER, 8), 0x00010000);
    assert_int_equal(string_in(f, IN_BUFFER, 1000), 0x00010000);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(buffer[i], undriven);
    assert_int_equal(buffer[1000], 0x5A);
    assert_int_equal(string_in(f, 1, UINT64_MAX), 0x00010000); /* runs away, but not for ever */
    assert_int_equal(sim_backdoor_payload_bytes(f->backdoor), 0);
}

static void v18_strings_look_successful_without_their_port(void **state)
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    assert_int_equal(status_of(f, SENDSIZE, 8), SUCCESS);
    assert_dead_string_port(f, 0xFF);
    assert_int_equal(status_of(f, SENDPAYLOAD, 0), SUCCESS); /* the channel saw none of it */
    assert_int_equal(f->messages, 0);
}

static void v18_strings_look_successful_on_an_ignored_exit(void **state)
{
    assert_dead_string_port(*state, 0x00);
}

static void v18_strings_look_successful_without_a_device(void **state)
{
    assert_dead_string_port(*state, 0xFF);
}

static void v19_qemu_echoes_what_looks_like_success(void **state)
{
    struct fix *f = *state;
    struct sim_registers r = call(f, SENDSIZE, 8);
    assert_int_equal(r.rax, ALL_ONES);
    assert_int_equal(r.rcx, 0x0001001E);
    r = call(f, RECVSIZE, 8);
    assert_int_equal(r.rcx, 0x0003001E);
    r = access_port(f, SIM_PORT_BACKDOOR, true, (struct sim_registers){.rax = MAGIC, .rcx = 0x010A});
    assert_int_equal(r.rax, 6); /* it looks at 8 bits of the command (1.4) */
}

static void v20_strings_may_be_split(void **state) /* rule 15 */
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    put_question(f);
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x81);
    for (unsigned i = 0; i < QUESTION_BYTES; i += 5)
        assert_int_equal(string_out(f, OUT_BUFFER + i, 5), 0x00010000);
    assert_question_arrived(f, 1);
    assert_announced(f, 7, 0x00830000);
    assert_int_equal(string_in(f, IN_BUFFER, 2), 0x00010000);
    assert_int_equal(string_in(f, IN_BUFFER + 2, 6), 0); /* past the end: nothing is copied */
    assert_int_equal(string_in(f, IN_BUFFER + 2, 5), 0x00010000);
    assert_memory_equal(memory_at(f, IN_BUFFER), "1 hello", 8);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
}

/* ---- registers ---- */

static void out_triggers_like_in(void **state) /* rule 1 */
{
    struct fix *f = *state;
    f->by_out = true;
    assert_int_equal(get_version(f, false).rax, 6);
    v5_high_bandwidth_round_trip(state);
}

static void unknown_command_or_wrong_magic_reads_ones(void **state)
{
    struct fix *f = *state;
    struct sim_registers r = {
        .rax = MAGIC, .rbx = 1, .rcx = 0x0069, .rdx = SIM_PORT_BACKDOOR, .rsi = 2, .rdi = 3};
    struct sim_registers refused = r;
    refused.rax = ALL_ONES;
    r = access_port(f, SIM_PORT_BACKDOOR, true, r);
    assert_memory_equal(&r, &refused, sizeof r);
    r.rcx = refused.rcx = 0x010A; /* all 16 bits are the command */
    r.rax = MAGIC;
    r = access_port(f, SIM_PORT_BACKDOOR, true, r);
    assert_memory_equal(&r, &refused, sizeof r);
    r.rcx = refused.rcx = 0x000A;
    r.rax = MAGIC + 1;
    r = access_port(f, SIM_PORT_BACKDOOR, true, r);
    assert_memory_equal(&r, &refused, sizeof r);
}

static void a_narrow_access_finds_no_device(void **state) /* rule 2 */
{
    struct fix *f = *state;
    struct sim_registers r = {.rax = MAGIC, .rcx = 0x0A, .rdx = SIM_PORT_BACKDOOR};
    sim_backdoor_access_narrow(f->backdoor, true, 1, &r);
    assert_int_equal(r.rax, 0x564D58FF);
    sim_backdoor_access_narrow(f->backdoor, true, 2, &r);
    assert_int_equal(r.rax, 0x564DFFFF);
    r.rax = MAGIC;
    sim_backdoor_access_narrow(f->backdoor, false, 2, &r);
    assert_int_equal(r.rax, MAGIC);
}

/* Which bits of a register ever changed from what the guest had put there. */
struct changes {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
};

static void note_changes(struct changes *seen, const struct sim_registers *before,
                         const struct sim_registers *after)
{
    seen->rax |= before->rax ^ after->rax;
    seen->rbx |= before->rbx ^ after->rbx;
    seen->rcx |= before->rcx ^ after->rcx;
    seen->rdx |= before->rdx ^ after->rdx;
    seen->rsi |= before->rsi ^ after->rsi;
    seen->rdi |= before->rdi ^ after->rdi;
    seen->rbp |= before->rbp ^ after->rbp;
}

static void don_t_care_registers_hold_anything(void **state) /* M9 */
{
    struct fix *f = *state;
    struct changes seen = {0};
    assert_true(open_channel(f, RPCI));
    for (unsigned i = 0; i < 500; i++) {
        const struct sim_registers before = call_registers(f, SENDSIZE, 20);
        const struct sim_registers after = call(f, SENDSIZE, 20);
        assert_int_equal((uint32_t)after.rcx, 0x00810000);
        assert_int_equal((uint16_t)after.rdx, 0);
        note_changes(&seen, &before, &after);
    }
    assert_int_equal(seen.rax, ALL_ONES); /* an IN clears the upper half (rule 4) */
    assert_int_equal(seen.rbx, UINT64_MAX);
    assert_int_equal(seen.rcx >> 32, ALL_ONES);
    assert_int_equal(seen.rdx | 0xFFFF, UINT64_MAX);
    assert_int_equal(seen.rsi, UINT64_MAX);
    assert_int_equal(seen.rdi, UINT64_MAX);
    assert_int_equal(seen.rbp, 0);
}

static void don_t_care_registers_of_strings_hold_anything(void **state)
{
    struct fix *f = *state;
    struct changes out = {0}, in = {0};
    assert_true(open_channel(f, RPCI));
    for (unsigned i = 0; i < 500; i++) {
        assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x81);
        struct sim_registers before = string_registers(f, false, OUT_BUFFER, QUESTION_BYTES);
        struct sim_registers after = access_port(f, SIM_PORT_BACKDOOR_HB, false, before);
        note_changes(&out, &before, &after);
        before = string_registers(f, true, IN_BUFFER, 7);
        after = access_port(f, SIM_PORT_BACKDOOR_HB, true, before);
        note_changes(&in, &before, &after);
    }
    assert_int_equal(out.rax, ALL_ONES);
    assert_int_equal(out.rbx >> 32, ALL_ONES);
    assert_int_equal(out.rdx, UINT64_MAX);
    assert_int_equal(out.rdi, UINT64_MAX);
    assert_int_equal(out.rsi, OUT_BUFFER ^ (OUT_BUFFER + QUESTION_BYTES));
    assert_int_equal(in.rsi, UINT64_MAX);
    assert_int_equal(in.rdi, IN_BUFFER ^ (IN_BUFFER + 7));
    assert_int_equal(out.rbp | in.rbp, 0);
}

static void padding_of_a_replys_last_word_is_anything(void **state)
{
    struct fix *f = *state;
    uint32_t seen = 0;
    reach(f, REPLIED);
    for (unsigned i = 0; i < 100; i++) {
        assert_announced(f, 7, 0x00830000);
        next_word(f);
        seen |= next_word(f) ^ 0x006F6C6C;
    }
    assert_int_equal(seen, 0xFF000000);
}

static struct sim_registers open_with_seed(uint64_t seed)
{
    static struct fix f;
    void *state = &f;
    build(&f, seed, SIM_BACKDOOR_VMWARE);
    const struct sim_registers r = call(&f, OPEN, RPCI);
    tear_down(&state);
    return r;
}

static void the_seed_decides_ids_cookies_and_garbage(void **state)
{
    (void)state;
    uint32_t ids = 0;
    struct sim_registers before = {0};
    for (uint64_t seed = 1; seed <= 64; seed++) {
        const struct sim_registers r = open_with_seed(seed), again = open_with_seed(seed);
        assert_memory_equal(&r, &again, sizeof r);
        assert_int_not_equal((uint32_t)r.rsi, (uint32_t)before.rsi);
        assert_int_not_equal((uint32_t)r.rdi, (uint32_t)before.rdi);
        ids |= UINT32_C(1) << (uint32_t)r.rdx / 0x10000;
        before = r;
    }
    assert_int_equal(ids, (1 << CHANNELS) - 1);
}

static void profiles_have_names(void **state)
{
    (void)state;
    enum sim_backdoor_profile found;
    for (unsigned i = 0; i < SIM_BACKDOOR_PROFILES; i++) {
        assert_int_equal(
            sim_backdoor_profile_find(sim_backdoor_profile_name((enum sim_backdoor_profile)i), &found),
            KD_OK);
        assert_int_equal(found, i);
    }
    assert_int_equal(sim_backdoor_profile_find("vmware-", &found), KD_ERR_ARGUMENT);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(v1_workstation_is_detected, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v2_qemu_is_detected_and_refuses_messages, qemu, tear_down),
        cmocka_unit_test_setup_teardown(v3a_no_device_reads_ones, absent_ones, tear_down),
        cmocka_unit_test_setup_teardown(v3b_an_ignored_exit_reads_zero, absent_zero, tear_down),
        cmocka_unit_test_setup_teardown(v3c_an_echo_leaves_the_magic, absent_echo, tear_down),
        cmocka_unit_test_setup_teardown(v4_low_bandwidth_round_trip, lb_only, tear_down),
        cmocka_unit_test_setup_teardown(v5_high_bandwidth_round_trip, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v6_open_is_refused_beyond_the_channel_limit, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v7_a_channel_without_cookies_checks_none, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v8_wrong_cookie_or_channel_fails_and_changes_nothing, vmware,
                                        tear_down),
        cmocka_unit_test_setup_teardown(v9_checkpoint_in_a_low_bandwidth_send, lb_only, tear_down),
        cmocka_unit_test_setup_teardown(v10_checkpoint_on_a_string_send, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v11_checkpoint_on_a_string_receive, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v12_checkpoint_on_recvstatus, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v13_tclo_says_reset_once_and_is_polled_empty, vmware, tear_down),
        cmocka_unit_test_setup_teardown(tclo_calls_a_guest_that_gave_our_name_while_the_level_is_raised,
                                        vmware, tear_down),
        cmocka_unit_test_setup_teardown(tclo_of_another_client_is_not_called, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v13_zero_lengths, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v14_padding_of_the_last_word_is_ignored, lb_only, tear_down),
        cmocka_unit_test_setup_teardown(v15_a_reply_too_big_for_the_guest_is_dropped, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v16_oversize_request_is_refused_and_the_largest_taken, vmware,
                                        tear_down),
        cmocka_unit_test_setup_teardown(v17_a_reset_makes_channels_stale, vmware, tear_down),
        cmocka_unit_test_setup_teardown(v18_strings_look_successful_without_their_port, lb_only, tear_down),
        cmocka_unit_test_setup_teardown(v18_strings_look_successful_on_an_ignored_exit, absent_zero,
                                        tear_down),
        cmocka_unit_test_setup_teardown(v18_strings_look_successful_without_a_device, absent_ones, tear_down),
        cmocka_unit_test_setup_teardown(v19_qemu_echoes_what_looks_like_success, qemu, tear_down),
        cmocka_unit_test_setup_teardown(v20_strings_may_be_split, vmware, tear_down),
        cmocka_unit_test_setup_teardown(out_triggers_like_in, vmware, tear_down),
        cmocka_unit_test_setup_teardown(unknown_command_or_wrong_magic_reads_ones, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_narrow_access_finds_no_device, vmware, tear_down),
        cmocka_unit_test_setup_teardown(don_t_care_registers_hold_anything, vmware, tear_down),
        cmocka_unit_test_setup_teardown(don_t_care_registers_of_strings_hold_anything, vmware, tear_down),
        cmocka_unit_test_setup_teardown(padding_of_a_replys_last_word_is_anything, vmware, tear_down),
        cmocka_unit_test(the_seed_decides_ids_cookies_and_garbage),
        cmocka_unit_test(profiles_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
