/* Goal: any debugger can attach, do what debuggers do, leave as it likes and come back, on both links; and
 * the program behaves as a good citizen: sockets, signals, words for mistakes. Method: the real program and a
 * small debugger over real sockets. Every step waits for bytes, for a line of the log or for the end of the
 * process; time limits only bound a failure. */
#include "harness/live/tests/live_client.h"
#include "harness/live/tests/live_program.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define STATUS_SUCCESS      0u
#define STATUS_UNSUCCESSFUL 0xC0000001u

static const char *const links[] = {"backdoor", "serial"};
enum { LINKS = 2, UNION = 16, DATA = 56 };

/* A serial target's time-out is a fifth of a second in most stories: they wait for some. */
static const char *const quick[] = {"--set", "polls=6000", NULL};

/* Plays a story on each link. */
static void on_each_link(void **state, const char *const *arguments,
                         void (*story)(struct live_program *program, struct live_client *client))
{
    struct live_program *program = *state;
    for (unsigned i = 0; i < LINKS; i++) {
        struct live_client client;
        print_message("link: %s\n", links[i]);
        live_program_start(program, links[i], arguments);
        live_client_begin(&client, live_program_join(program));
        story(program, &client);
        live_program_hang_up(program, client.fd);
        assert_int_equal(live_program_end(program, SIGTERM), 0);
    }
}

/* The debugger leaves without goodbye and comes back as another one. */
static void come_back(struct live_program *program, struct live_client *client)
{
    live_program_forget(program);
    live_program_hang_up(program, client->fd);
    live_program_wait(program, "debugger gone");
    live_program_forget(program);
    live_client_begin(client, live_program_join(program));
    live_program_wait(program, "debugger connected");
}

static uint64_t kernel_base(struct live_client *client)
{
    assert_int_equal(live_client_ask(client, API_GET_VERSION, 0, 0), STATUS_SUCCESS);
    return kd_load_u64(client->body + UNION + 16);
}

static void assert_talks(struct live_client *client)
{
    uint64_t base = kernel_base(client);
    assert_int_equal(live_client_ask(client, API_READ_VIRTUAL, base, 2), STATUS_SUCCESS);
    assert_memory_equal(client->body + DATA, "MZ", 2);
}

/* ---- what debuggers do ---- */

static void conversation(struct live_program *program, struct live_client *client)
{
    (void)program;
    live_client_attach(client);
    assert_int_equal(client->code, 0x80000003u);
    assert_talks(client);
    live_client_go(client, true);
    live_client_wait_stop(client);
    live_client_run(client);
    live_client_break_in(client);
    live_client_wait_stop(client);
    assert_talks(client);
}

static void a_debugger_attaches_reads_steps_goes_and_breaks_in(void **state)
{
    on_each_link(state, quick, conversation);
}

/* kd-protocol.md 5.4: in one session what WinDbg and others ask before the user says anything. */
static void first_questions(struct live_program *program, struct live_client *client)
{
    enum { UNMAPPED_READS = 40 };
    (void)program;
    live_client_attach(client);
    uint64_t base = kernel_base(client);
    uint64_t data_list = kd_load_u64(client->body + UNION + 32);
    assert_int_equal(live_client_ask(client, API_READ_VIRTUAL, data_list, 8), STATUS_SUCCESS);
    assert_int_equal(live_client_ask(client, API_READ_CONTROL_SPACE, 2, 0xE0), STATUS_SUCCESS);
    uint64_t cr3 = kd_load_u64(client->body + DATA + 0x10);
    assert_int_equal(live_client_ask(client, API_READ_PHYSICAL, cr3 & ~UINT64_C(0xFFF), 2048),
                     STATUS_SUCCESS);
    assert_int_equal(live_client_ask(client, API_READ_MSR, 0xC0000101u, 0), STATUS_SUCCESS);
    assert_int_equal(live_client_ask(client, API_GET_CONTEXT, 0, 0), STATUS_SUCCESS);
    live_client_order(client, API_CLEAR_ALL_INTERNAL, NULL, 0);
    for (unsigned handle = 1; handle <= 32; handle++)
        assert_int_equal(live_client_ask(client, API_RESTORE_BREAKPOINT, handle, 0), STATUS_UNSUCCESSFUL);
    for (unsigned i = 0; i < UNMAPPED_READS; i++)
        assert_int_equal(live_client_ask(client, API_READ_VIRTUAL, i % 8, 256), STATUS_UNSUCCESSFUL);
    assert_int_equal(live_client_ask(client, API_READ_VIRTUAL, base, 3944), STATUS_SUCCESS);
    assert_int_equal(client->head.byte_count, 4000);
    assert_int_equal(live_client_ask(client, 0x3199, 0, 0), STATUS_UNSUCCESSFUL);
}

static void the_first_questions_of_real_debuggers_are_answered(void **state)
{
    on_each_link(state, quick, first_questions);
}

static void breakpoint(struct live_program *program, struct live_client *client)
{
    (void)program;
    live_client_attach(client);
    live_client_go(client, true); /* into the loop, where something runs */
    live_client_wait_stop(client);
    live_client_go(client, true);
    live_client_wait_stop(client);
    uint64_t where = client->pc;
    live_client_go(client, true);
    live_client_wait_stop(client);
    assert_int_equal(live_client_ask(client, API_WRITE_BREAKPOINT, where, 0), STATUS_SUCCESS);
    assert_int_equal(kd_load_u32(client->body + UNION + 8), 1);
    live_client_go(client, false);
}

static void a_breakpoint_outlives_its_debugger(struct live_program *program, struct live_client *client)
{
    breakpoint(program, client);
    come_back(program, client);
    live_client_attach(client);
    assert_int_equal(live_client_ask(client, API_RESTORE_BREAKPOINT, 1, 0), STATUS_SUCCESS);
}

static void breakpoints_outlive_a_debugger_and_the_next_one_removes_them(void **state)
{
    on_each_link(state, quick, a_breakpoint_outlives_its_debugger);
}

/* 5.9 rule 1: no reply; the new boot announces itself under a SYNC id. */
static void reboot(struct live_program *program, struct live_client *client)
{
    live_client_attach(client);
    assert_talks(client);
    live_client_order(client, API_REBOOT, NULL, 0);
    live_program_wait(program, "target reboots");
    assert_true(live_client_frame(client, LIVE_CLIENT_FAILURE_MS));
    assert_int_equal(client->head.type, KD_TYPE_STATE_CHANGE64);
    assert_int_equal(kd_load_u32(client->body), KD_STATE_LOAD_SYMBOLS);
    assert_int_equal(client->head.id, KD_ID_INITIAL | KD_ID_SYNC);
    live_client_go(client, false);
    live_client_attach(client);
    assert_talks(client);
}

static void a_reboot_is_seen_and_the_conversation_goes_on(void **state)
{
    on_each_link(state, quick, reboot);
}

/* ---- 5.3: attaching to a running target ---- */

static void resets_alone(struct live_program *program, struct live_client *client)
{
    (void)program;
    live_client_attach(client);
    live_client_run(client);
    come_back(program, client);
    for (unsigned i = 0; i < 3; i++)
        live_client_reset(client);
    assert_false(live_client_frame(client, 100)); /* a running target says nothing */
    live_client_attach(client);
    assert_talks(client);
}

static void resets_to_a_running_target_do_nothing_and_a_break_in_still_works(void **state)
{
    on_each_link(state, quick, resets_alone);
}

/* E10, and what radare2 does. */
static void break_and_reset_back_to_back(struct live_program *program, struct live_client *client)
{
    static const uint8_t both[17] = {'b', 'i', 'i', 'i', 'i', KD_TYPE_RESET};
    live_client_attach(client);
    live_client_run(client);
    come_back(program, client);
    live_client_put(client, both, sizeof both);
    live_client_wait_stop(client);
    assert_talks(client);
}

static void a_break_in_and_a_reset_back_to_back_attach(void **state)
{
    on_each_link(state, quick, break_and_reset_back_to_back);
}

/* ---- 5.8: the debugger goes and comes back ---- */

static void leave_a_stopped_target(struct live_program *program, struct live_client *client)
{
    live_client_attach(client);
    assert_talks(client);
    come_back(program, client);
    live_client_attach(client);
    assert_talks(client);
}

static void a_stopped_target_shows_its_state_to_the_next_debugger(void **state)
{
    on_each_link(state, quick, leave_a_stopped_target);
}

/* The relay counts the reply as acknowledged; on serial it is an orphan first, and a second RESET gets the
 * state. */
static void leave_with_a_reply_unacknowledged(struct live_program *program, struct live_client *client)
{
    live_client_attach(client);
    client->acks = LIVE_ACKS_NO_REPLIES;
    assert_int_equal(live_client_ask(client, API_GET_VERSION, 0, 0), STATUS_SUCCESS);
    come_back(program, client);
    live_client_attach(client);
    assert_talks(client);
}

static void an_unacknowledged_reply_does_not_block_the_next_debugger(void **state)
{
    on_each_link(state, quick, leave_with_a_reply_unacknowledged);
}

static void leave_with_the_state_unacknowledged(struct live_program *program, struct live_client *client)
{
    client->acks = LIVE_ACKS_NOTHING;
    live_client_break_in(client);
    live_client_reset(client);
    assert_true(live_client_frame(client, LIVE_CLIENT_FAILURE_MS));
    come_back(program, client);
    live_client_attach(client);
    assert_talks(client);
}

static void an_unacknowledged_state_change_comes_again_to_the_next_debugger(void **state)
{
    on_each_link(state, quick, leave_with_the_state_unacknowledged);
}

/* Cuts a request after each of its first bytes; the half frame must not eat what the next debugger says. */
static void leave_in_mid_frame(struct live_program *program, struct live_client *client)
{
    uint8_t frame[KD_FRAME_HEADER_BYTES + DATA + 1] = {0};
    const struct kd_frame_header head = {KD_LEADER_DATA, KD_TYPE_MANIPULATE, DATA, KD_ID_INITIAL, 0};
    const size_t cuts[] = {3, 15, 40, sizeof frame - 1};
    kd_frame_header_store(frame, &head);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        live_client_attach(client);
        live_client_put(client, frame, cuts[i]);
        come_back(program, client);
    }
    live_client_attach(client);
    assert_talks(client);
}

static void half_a_frame_left_behind_does_not_block_the_next_debugger(void **state)
{
    on_each_link(state, quick, leave_in_mid_frame);
}

/* N9: prints are given up, silence follows, and the next session begins with a SYNC id. */
static void leave_a_printing_target(struct live_program *program, struct live_client *client)
{
    live_client_attach(client);
    live_client_run(client);
    while (client->prints == 0)
        assert_true(live_client_frame(client, LIVE_CLIENT_FAILURE_MS));
    come_back(program, client);
    live_client_attach(client);
    assert_talks(client);
}

static void a_target_that_printed_to_nobody_can_be_attached_again(void **state)
{
    static const char *const arguments[] = {"--set", "ticks_per_print=1", "--set", "polls=300", NULL};
    on_each_link(state, arguments, leave_a_printing_target);
}

/* ---- liberal in what it accepts ---- */

/* An ACK with the SYNC bit is ignored, a request with it accepted (2.3 rule 6). */
static void sync_bits(struct live_program *program, struct live_client *client)
{
    (void)program;
    live_client_attach(client);
    live_client_control(client, KD_TYPE_ACK, KD_ID_INITIAL | KD_ID_SYNC);
    client->next |= KD_ID_SYNC;
    assert_int_equal(live_client_ask(client, API_GET_VERSION, 0, 0), STATUS_SUCCESS);
    client->next &= ~KD_ID_SYNC;
    assert_talks(client);
}

static void sync_bits_where_none_belong_are_taken(void **state)
{
    on_each_link(state, quick, sync_bits);
}

/* The first of two requests is acknowledged and answered; ACKs that come early or twice change nothing. */
static void early_acks(struct live_program *program, struct live_client *client)
{
    (void)program;
    live_client_attach(client);
    for (unsigned i = 0; i < 4; i++) {
        live_client_control(client, KD_TYPE_ACK, KD_ID_INITIAL);
        live_client_control(client, KD_TYPE_ACK, KD_ID_INITIAL | 1);
        assert_talks(client);
    }
}

static void acks_that_nobody_waits_for_are_ignored(void **state)
{
    on_each_link(state, quick, early_acks);
}

static void reset_storm(struct live_program *program, struct live_client *client)
{
    (void)program;
    live_client_attach(client);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 20; i++)
            live_client_reset(client);
        live_client_wait_stop(client);
        while (live_client_frame(client, 200)) /* what else the storm made it say */
            continue;
        assert_talks(client);
    }
}

static void a_storm_of_resets_is_survived(void **state)
{
    on_each_link(state, quick, reset_storm);
}

static void noise(struct live_program *program, struct live_client *client)
{
    uint8_t bytes[3000];
    uint32_t random = 1;
    live_client_attach(client);
    for (size_t i = 0; i < sizeof bytes; i++) {
        random = random * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(random >> 24);
    }
    live_client_put(client, bytes, sizeof bytes);
    come_back(program, client);
    live_client_attach(client);
    assert_talks(client);
}

static void noise_is_survived(void **state)
{
    on_each_link(state, quick, noise);
}

/* ---- 2.12: connections ---- */

static void second_debugger(struct live_program *program, struct live_client *client)
{
    live_client_attach(client);
    int second = live_program_join(program);
    assert_true(live_program_is_closed(second));
    live_program_wait(program, "another debugger came and was refused: one is connected already");
    assert_talks(client);
}

static void a_second_debugger_is_refused_and_named(void **state)
{
    on_each_link(state, quick, second_debugger);
}

/* The program is stopped while one comes and the other leaves: it sees both at once, the newcomer first. */
static void at_once(struct live_program *program, struct live_client *client)
{
    live_client_attach(client);
    client->acks = LIVE_ACKS_NOTHING; /* the answer proves that nothing of the first one is unread */
    assert_talks(client);
    kill(program->process, SIGSTOP);
    assert_int_equal(waitpid(program->process, NULL, WUNTRACED), program->process);
    int second = live_program_join(program);
    live_program_hang_up(program, client->fd);
    live_client_begin(client, second);
    kill(program->process, SIGCONT);
    live_client_attach(client);
    assert_talks(client);
}

static void one_who_comes_while_another_leaves_is_let_in(void **state)
{
    on_each_link(state, quick, at_once);
}

/* 2.12 rule 8: the target repeats its state change; what the debugger did not read is cut nowhere. The client
 * checks every frame it gets. */
static void does_not_read(struct live_program *program, struct live_client *client)
{
    enum { REQUESTS = 300 };
    (void)program;
    live_client_attach(client);
    uint64_t base = kernel_base(client);
    uint8_t body[DATA] = {0};
    for (unsigned i = 0; i < REQUESTS;
         i++) { /* the same one over and over: a repeat is acknowledged each time */
        kd_store_u32(body, API_READ_VIRTUAL);
        kd_store_u64(body + UNION, base);
        kd_store_u32(body + UNION + 8, 3000);
        live_client_data(client, KD_TYPE_MANIPULATE, body, sizeof body);
    }
    assert_true(live_client_frame(client, LIVE_CLIENT_FAILURE_MS));
    assert_int_equal(client->head.type, KD_TYPE_MANIPULATE);
}

static void a_debugger_that_does_not_read_tears_no_frame(void **state)
{
    on_each_link(state, quick, does_not_read);
}

/* It writes for as long as anybody takes it, and leaves; the next one is served. */
static void flood(struct live_program *program, struct live_client *client)
{
    enum { FLOOD_BYTES = 1024 * 1024 };
    uint8_t zeros[4096] = {0};
    struct pollfd line = {.fd = client->fd, .events = POLLOUT};
    live_client_attach(client);
    live_client_run(client);
    assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
    for (size_t sent = 0; sent < FLOOD_BYTES && poll(&line, 1, 200) == 1; sent += sizeof zeros)
        assert_true(write(client->fd, zeros, sizeof zeros) > 0 || errno == EAGAIN);
    if (strcmp(program->link, "serial") == 0)
        live_program_wait(program, "debugger sends faster than the line is");
    come_back(program, client);
    live_client_attach(client);
    assert_talks(client);
}

static void a_flood_blocks_nobody(void **state)
{
    on_each_link(state, quick, flood);
}

static void over_tcp(struct live_program *program, const char *link)
{
    const char *const arguments[] = {"--listen", "tcp:127.0.0.1:0", "--link", link, NULL};
    struct live_client client;
    live_program_run(program, arguments);
    unsigned port =
        (unsigned)strtoul(live_program_wait(program, "others: KDCOM frames over tcp:127.0.0.1:"), NULL, 10);
    live_program_wait(program, "windbg -k com:ipport=");
    live_client_begin(&client, live_program_join_tcp(program, port));
    live_client_attach(&client);
    assert_talks(&client);
    live_program_hang_up(program, client.fd);
    assert_int_equal(live_program_end(program, SIGINT), 0);
}

static void a_debugger_over_tcp_is_served(void **state)
{
    over_tcp(*state, "backdoor");
    over_tcp(*state, "doorbell");
    over_tcp(*state, "serial");
}

static int open_line(struct live_program *program, const char *name)
{
    return live_program_keep(program, open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static void over_a_pty(struct live_program *program, const char *link)
{
    const char *const arguments[] = {"--listen", "pty", "--link", link, NULL};
    char name[LIVE_PATH_BYTES];
    struct stat file;
    struct live_client client;
    live_program_run(program, arguments);
    const char *at = live_program_wait(program, "others: KDCOM frames over ");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "\n"), at);
    assert_int_equal(stat(name, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    for (unsigned session = 0; session < 3; session++) {
        live_client_begin(&client, open_line(program, name));
        live_client_attach(&client);
        assert_talks(&client);
        live_program_forget(program);
        live_program_hang_up(program, client.fd);
        live_program_wait(program, "debugger gone");
    }
    assert_int_equal(live_program_end(program, SIGINT), 0);
}

static void a_pty_may_be_hung_up_and_opened_again(void **state)
{
    over_a_pty(*state, "backdoor");
    over_a_pty(*state, "serial");
}

/* ---- time ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* 4,122 characters of a full read and its request take 357.8 ms. */
static void serial_is_really_that_slow(void **state)
{
    enum { WIRE_MS = 350 };
    struct live_program *program = *state;
    struct live_client client;
    live_program_start(program, "serial", NULL);
    live_client_begin(&client, live_program_join(program));
    live_client_attach(&client);
    uint64_t base = kernel_base(&client), start_ms = now_ms();
    assert_int_equal(live_client_ask(&client, API_READ_VIRTUAL, base, 3944), STATUS_SUCCESS);
    assert_true(now_ms() - start_ms >= WIRE_MS);
}

/* Stopped for longer than it would catch up. */
static void a_suspended_host_is_skipped(void **state)
{
    struct live_program *program = *state;
    struct live_client client;
    live_program_start(program, "serial", NULL);
    live_client_begin(&client, live_program_join(program));
    live_client_attach(&client);
    kill(program->process, SIGSTOP);
    assert_int_equal(poll(NULL, 0, 1200), 0);
    kill(program->process, SIGCONT);
    live_program_wait(program, "the target skips them");
    assert_talks(&client);
}

/* ---- a good citizen ---- */

static void the_log_says_what_happens_in_words(void **state)
{
    struct live_program *program = *state;
    struct live_client client;
    for (unsigned i = 0; i < LINKS; i++) {
        live_program_start(program, links[i], NULL);
        live_program_wait(program, "com:pipe,port=\\\\.\\pipe\\fastkd,resets=0,reconnect");
        live_program_wait(program, "target is powered on");
        live_client_begin(&client, live_program_join(program));
        live_program_wait(program, "debugger connected");
        live_client_attach(&client);
        live_program_wait(program, "target stopped at ntoskrnl.exe+0x");
        live_client_go(&client, true);
        live_program_wait(program, "target runs");
        live_client_wait_stop(&client);
        live_program_wait(program, "single step 0x80000004 on processor 0");
        live_client_run(&client);
        live_program_wait(program, "target is up");
        live_program_hang_up(program, client.fd);
        live_program_wait(program, "debugger gone: it closed the connection");
        assert_int_equal(live_program_end(program, SIGTERM), 0);
    }
}

static void the_socket_is_its_owners_alone_and_goes_with_the_program(void **state)
{
    struct live_program *program = *state;
    const int signals[] = {SIGINT, SIGTERM};
    struct stat file;
    for (unsigned i = 0; i < LINKS; i++) {
        live_program_start(program, links[i], NULL);
        assert_int_equal(stat(program->path, &file), 0);
        assert_true(S_ISSOCK(file.st_mode));
        assert_int_equal(file.st_mode & 0777, 0600);
        assert_int_equal(live_program_end(program, signals[i]), 0);
        assert_int_not_equal(stat(program->path, &file), 0);
    }
}

static void a_killed_ones_socket_is_taken_over(void **state)
{
    struct live_program *program = *state;
    struct live_client client;
    live_program_start(program, "serial", NULL); /* the backdoor's private folder would stay, too */
    assert_int_equal(live_program_end(program, SIGKILL), 1000 + SIGKILL);
    assert_int_equal(access(program->path, F_OK), 0);
    live_program_start(program, "serial", NULL);
    live_client_begin(&client, live_program_join(program));
    live_client_attach(&client);
}

static void a_live_ones_socket_is_refused_in_one_line(void **state)
{
    struct live_program *program = *state, second = {0};
    char text[LIVE_TEXT_BYTES];
    live_program_start(program, "backdoor", NULL);
    for (unsigned i = 0; i < LINKS; i++) {
        const char *const arguments[] = {"--listen", program->address, "--link", links[i], NULL};
        live_program_run(&second, arguments);
        live_program_errors(&second, text);
        assert_int_equal(live_program_exit_code(&second), 2);
        assert_non_null(strstr(text, "a live process listens there already"));
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    }
    close(second.out);
    close(second.err);
    assert_int_equal(access(program->path, F_OK), 0);
}

static void every_bad_argument_is_one_clear_line(void **state)
{
    struct live_program *program = *state;
    static const struct {
        const char *arguments[7];
        const char *words;
    } rows[] = {
        {{NULL}, "--listen is needed"},
        {{"--listen", NULL}, "--listen: unknown option, or its value is missing"},
        {{"--nonsense", NULL}, "--nonsense"},
        {{"--listen", "pty", "stray", NULL}, "stray: no arguments"},
        {{"--listen", "here", NULL}, "expected unix:PATH, tcp:HOST:PORT or pty"},
        {{"--listen", "unix:", NULL}, "a path is missing"},
        {{"--listen", "tcp:0.0.0.0:1", NULL}, "only loopback"},
        {{"--listen", "tcp:127.0.0.1:x", NULL}, "port"},
        {{"--listen", "unix:no/such/folder/s", NULL}, "cannot listen at unix:no/such/folder/s"},
        {{"--listen", "unix:no/such/folder/s", "--link", "serial", NULL},
         "cannot listen at unix:no/such/folder/s"},
        {{"--listen", "pty", "--link", "usb", NULL}, "expected backdoor, doorbell or serial"},
        {{"--listen", "pty", "--arch", "vax", NULL}, "arch cannot be 'vax'"},
        {{"--listen", "pty", "--baud", "299", NULL}, "--baud 299: expected a number from 300 to 115200"},
        {{"--listen", "pty", "--baud", "fast", NULL}, "--baud fast"},
        {{"--listen", "pty", "--seed", "-1", NULL}, "--seed -1"},
        {{"--listen", "pty", "--set", "exit_ns", NULL}, "expected NAME=VALUE"},
        {{"--listen", "pty", "--set", "zork=1", NULL}, "zork"},
        {{"--listen", "pty", "--set", "ram_mib=1", NULL}, "ram_mib"},
        {{"--listen", "pty", "--modules", "many", NULL}, "modules cannot be 'many'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[LIVE_TEXT_BYTES];
        live_program_run(program, rows[i].arguments);
        live_program_errors(program, text);
        int code = live_program_exit_code(program);
        if (code != 2 || strstr(text, rows[i].words) == NULL ||
            strchr(text, '\n') != text + strlen(text) - 1 || strncmp(text, "kdharness: target: ", 11) != 0)
            fail_msg("row %zu ends with %d and says: %s", i, code, text);
    }
}

static int setup(void **state)
{
    return live_program_setup(state);
}

static int teardown(void **state)
{
    return live_program_teardown(state);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_debugger_attaches_reads_steps_goes_and_breaks_in, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_questions_of_real_debuggers_are_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(breakpoints_outlive_a_debugger_and_the_next_one_removes_them, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_reboot_is_seen_and_the_conversation_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(resets_to_a_running_target_do_nothing_and_a_break_in_still_works,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_break_in_and_a_reset_back_to_back_attach, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stopped_target_shows_its_state_to_the_next_debugger, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_unacknowledged_reply_does_not_block_the_next_debugger, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_unacknowledged_state_change_comes_again_to_the_next_debugger,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(half_a_frame_left_behind_does_not_block_the_next_debugger, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_target_that_printed_to_nobody_can_be_attached_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(sync_bits_where_none_belong_are_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(acks_that_nobody_waits_for_are_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(a_storm_of_resets_is_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(noise_is_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_debugger_is_refused_and_named, setup, teardown),
        cmocka_unit_test_setup_teardown(one_who_comes_while_another_leaves_is_let_in, setup, teardown),
        cmocka_unit_test_setup_teardown(a_debugger_that_does_not_read_tears_no_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_blocks_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(a_debugger_over_tcp_is_served, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pty_may_be_hung_up_and_opened_again, setup, teardown),
        cmocka_unit_test_setup_teardown(serial_is_really_that_slow, setup, teardown),
        cmocka_unit_test_setup_teardown(a_suspended_host_is_skipped, setup, teardown),
        cmocka_unit_test_setup_teardown(the_log_says_what_happens_in_words, setup, teardown),
        cmocka_unit_test_setup_teardown(the_socket_is_its_owners_alone_and_goes_with_the_program, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_killed_ones_socket_is_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_live_ones_socket_is_refused_in_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(every_bad_argument_is_one_clear_line, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
