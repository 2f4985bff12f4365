/* Goal: requests go out and replies come back whole, one at a time, and never across the end of a guest.
 * Method: a relay played by hand over a real Unix socket; the loop runs until what a test waits for has
 * happened. */
#include "harness/live/live_rpc.h"
#include "transport/relay/tests/relay_folder.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

struct fix {
    char folder[RELAY_FOLDER_BYTES];
    char path[RELAY_FOLDER_BYTES + 8];
    int door;
    uv_loop_t loop;
    struct live_rpc *rpc;
    char reply[VM_REPLY_BYTES_MAX];
    unsigned replies;
    unsigned failures;
    bool attention;
};

static void on_reply(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct fix *f = context;
    memcpy(f->reply, bytes, len_bytes);
    f->reply[len_bytes] = 0;
    f->replies++;
}

static void on_attention(void *context, bool raised)
{
    struct fix *f = context;
    f->attention = raised;
}

static void on_failed(void *context, const char *why)
{
    struct fix *f = context;
    assert_non_null(why);
    f->failures++;
}

static int setup(void **state)
{
    struct fix *f = calloc(1, sizeof *f);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (f == NULL || !relay_folder_make(f->folder))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/vm", f->folder);
    strcpy(at.sun_path, f->path);
    f->door = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(f->door, (struct sockaddr *)&at, sizeof at) != 0 || listen(f->door, 8) != 0)
        return -1;
    uv_loop_init(&f->loop);
    const struct live_rpc_events events = {f, on_reply, on_attention, on_failed};
    f->rpc = live_rpc_open(&f->loop, f->path, &events);
    *state = f;
    return f->rpc == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;
    live_rpc_close(f->rpc);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    int result = uv_loop_close(&f->loop);
    if (f->door >= 0)
        close(f->door);
    unlink(f->path);
    rmdir(f->folder);
    free(f);
    return result;
}

static int accept_stranger(struct fix *f)
{
    int vm = accept(f->door, NULL, NULL);
    assert_true(vm >= 0);
    return vm;
}

static void assert_subscribed(int vm)
{
    uint8_t bytes[5];
    assert_int_equal(read(vm, bytes, sizeof bytes), sizeof bytes);
    assert_memory_equal(bytes, "\1\0\0\0\1", sizeof bytes);
}

static void notify(int vm, bool attention)
{
    const uint8_t bytes[5] = {1, 0, 0, 0, attention};
    assert_int_equal(write(vm, bytes, sizeof bytes), sizeof bytes);
}

/* A relay that gives notices, as it begins. */
static int accept_vm(struct fix *f)
{
    int vm = accept_stranger(f);
    assert_subscribed(vm);
    notify(vm, true);
    return vm;
}

static void ask(struct fix *f, const char *text)
{
    live_rpc_request(f->rpc, (const uint8_t *)text, strlen(text));
}

/* The bytes are in the socket already: a small write goes out at once. */
static void assert_asked(int vm, const char *text)
{
    char bytes[64] = {0};
    assert_int_equal(read(vm, bytes, sizeof bytes), VM_STREAM_PREFIX_BYTES + strlen(text));
    assert_int_equal(bytes[0], strlen(text));
    assert_string_equal(bytes + VM_STREAM_PREFIX_BYTES, text);
}

static void answer(int vm, const char *text)
{
    const uint8_t prefix[VM_STREAM_PREFIX_BYTES] = {(uint8_t)strlen(text)};
    assert_int_equal(write(vm, prefix, sizeof prefix), sizeof prefix);
    assert_int_equal(write(vm, text, strlen(text)), strlen(text));
}

static void run_until_reply(struct fix *f, const char *text)
{
    const unsigned before = f->replies;
    while (f->replies == before)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->replies, before + 1);
    assert_string_equal(f->reply, text);
}

static void a_request_is_answered(void **state)
{
    struct fix *f = *state;
    int vm = accept_vm(f);
    for (unsigned i = 0; i < 3; i++) {
        ask(f, "poll");
        assert_asked(vm, "poll");
        answer(vm, "nothing");
        run_until_reply(f, "nothing");
    }
    close(vm);
}

static void a_reply_in_pieces_is_one_reply(void **state)
{
    struct fix *f = *state;
    int vm = accept_vm(f);
    const char bytes[] = "\4\0\0\0done";
    ask(f, "send");
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        assert_int_equal(f->replies, 0);
        assert_int_equal(write(vm, bytes + i, 1), 1);
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(f->replies, 1);
    assert_string_equal(f->reply, "done");
    close(vm);
}

static void the_answer_to_a_guest_that_is_gone_reaches_nobody(void **state)
{
    struct fix *f = *state;
    int before = accept_vm(f);
    ask(f, "receive");
    answer(before, "too late");
    live_rpc_lost(f->rpc);
    ask(f, "hello");
    int after = accept_vm(f);
    assert_asked(after, "hello");
    answer(after, "welcome");
    run_until_reply(f, "welcome");
    assert_asked(before, "receive");
    close(before);
    close(after);
}

static void what_nobody_asked_for_is_dropped(void **state)
{
    struct fix *f = *state;
    int vm = accept_vm(f);
    answer(vm, "unasked");
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->replies, 0);
    ask(f, "poll");
    answer(vm, "asked");
    run_until_reply(f, "asked");
    close(vm);
}

static void a_relay_that_hangs_up_is_asked_again(void **state)
{
    struct fix *f = *state;
    int vm = accept_vm(f);
    ask(f, "receive");
    assert_asked(vm, "receive");
    close(vm);
    uv_run(&f->loop, UV_RUN_ONCE);
    vm = accept_vm(f);
    assert_asked(vm, "receive");
    answer(vm, "stale");
    run_until_reply(f, "stale");
    close(vm);
}

static void a_relay_that_is_gone_for_good_is_a_failure(void **state)
{
    struct fix *f = *state;
    int vm = accept_vm(f);
    close(f->door);
    f->door = -1;
    close(vm);
    while (f->failures == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
    ask(f, "receive"); /* comes to nothing, and hurts nobody */
    live_rpc_lost(f->rpc);
    assert_int_equal(f->failures, 1);
}

static void a_reply_longer_than_any_can_be_is_a_failure(void **state)
{
    struct fix *f = *state;
    int vm = accept_vm(f);
    ask(f, "receive");
    assert_int_equal(write(vm, "\xFF\xFF\xFF\xFF", 4), 4);
    assert_int_equal(write(vm, "x", 1), 1);
    while (f->failures == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->replies, 0);
    close(vm);
}

static void run_until_attention(struct fix *f, bool raised)
{
    while (f->attention != raised)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static void a_notice_says_whether_to_ask(void **state)
{
    struct fix *f = *state;
    int vm = accept_vm(f);
    run_until_attention(f, true);
    notify(vm, false);
    run_until_attention(f, false);
    ask(f, "send");
    assert_asked(vm, "send");
    notify(vm, true); /* a notice is no reply */
    run_until_attention(f, true);
    assert_int_equal(f->replies, 0);
    answer(vm, "done");
    run_until_reply(f, "done");
    close(vm);
}

static void a_relay_that_is_new_is_asked_until_it_has_told(void **state)
{
    struct fix *f = *state;
    int vm = accept_vm(f);
    run_until_attention(f, true);
    notify(vm, false);
    run_until_attention(f, false);
    close(vm);
    run_until_attention(f, true);
    vm = accept_vm(f);
    close(vm);
}

static void a_relay_without_notices_refuses_and_is_always_asked(void **state)
{
    struct fix *f = *state;
    f->attention = true;
    int vm = accept_stranger(f);
    assert_subscribed(vm);
    ask(f, "hello");
    assert_asked(vm, "hello");
    answer(vm, "refused: no such message");
    answer(vm, "done");
    run_until_reply(f, "done");
    assert_true(f->attention);
    close(vm);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reply_in_pieces_is_one_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(the_answer_to_a_guest_that_is_gone_reaches_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_asked_for_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_relay_that_hangs_up_is_asked_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_relay_that_is_gone_for_good_is_a_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(a_notice_says_whether_to_ask, setup, teardown),
        cmocka_unit_test_setup_teardown(a_relay_that_is_new_is_asked_until_it_has_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_relay_without_notices_refuses_and_is_always_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reply_longer_than_any_can_be_is_a_failure, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
