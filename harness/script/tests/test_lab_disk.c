/* Goal: the debugger's files answer what a target may ask, and refuse what it may not: other names, other
 * handles, places behind the end. Method: requests by the offsets of kd-protocol.md 4.7, answers read back by
 * the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants the four above first. */
#include <cmocka.h>

#include "harness/dbg/dbg_bytes.h"
#include "harness/script/lab_disk.h"
#include <string.h>

enum { STATUS = 4, HANDLE = 8, OFFSET = 16, LENGTH = 24, NEW_HANDLE = 32, SIZE = 40, DATA = 64 };
#define READ_ACCESS  0x80100080u
#define WRITE_ACCESS 0x40100080u

struct fixture {
    struct lab_disk *disk;
    uint8_t body[DBG_BODY_BYTES_MAX];
    uint32_t body_bytes;
    struct dbg_request answer;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.disk = lab_disk_create()};
    lab_disk_put(fixture.disk, "a.sys", (const uint8_t *)"0123456789", 10);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    lab_disk_destroy(f->disk);
    return 0;
}

static void begin(struct fixture *f, uint32_t api)
{
    memset(f->body, 0, sizeof f->body);
    dbg_put(f->body, 4, api);
    f->body_bytes = DATA;
}

/* Returns the answer's status. */
static uint32_t ask(struct fixture *f)
{
    assert_int_equal(lab_disk_answer(f->disk, f->body, f->body_bytes, &f->answer), KD_OK);
    assert_memory_equal(f->answer.body, f->body, 4);
    return dbg_get32(f->answer.body + STATUS);
}

static uint32_t create(struct fixture *f, const char *name, uint32_t access)
{
    begin(f, DBG_FILE_CREATE);
    dbg_put(f->body + HANDLE, 4, access);
    for (size_t i = 0; i < strlen(name); i++, f->body_bytes += 2)
        f->body[DATA + 2 * i] = (uint8_t)name[i];
    return ask(f);
}

static uint32_t transfer(struct fixture *f, uint32_t api, uint64_t handle, uint64_t offset, uint32_t length)
{
    begin(f, api);
    dbg_put(f->body + HANDLE, 8, handle);
    dbg_put(f->body + OFFSET, 8, offset);
    dbg_put(f->body + LENGTH, 4, length);
    if (api == DBG_FILE_WRITE) {
        memset(f->body + DATA, 'w', length);
        f->body_bytes += length;
    }
    return ask(f);
}

static void a_file_is_opened_read_and_closed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a.sys", READ_ACCESS), 0);
    assert_int_equal(dbg_get(f->answer.body + SIZE, 8), 10);
    uint64_t handle = dbg_get(f->answer.body + NEW_HANDLE, 8);
    assert_int_equal(transfer(f, DBG_FILE_READ, handle, 3, 4), 0);
    assert_int_equal(f->answer.body_bytes, DATA + 4);
    assert_int_equal(dbg_get32(f->answer.body + LENGTH), 4);
    assert_memory_equal(f->answer.body + DATA, "3456", 4);
    assert_int_equal(transfer(f, DBG_FILE_CLOSE, handle, 0, 0), 0);
    assert_int_equal(transfer(f, DBG_FILE_READ, handle, 0, 4), DBG_STATUS_INVALID_HANDLE);
    assert_int_equal(f->answer.body_bytes, DATA);
}

static void a_read_is_cut_by_the_end_and_by_what_a_packet_holds(void **state)
{
    struct fixture *f = *state;
    static const uint8_t large[5000] = {0};
    lab_disk_put(f->disk, "large", large, sizeof large);
    assert_int_equal(create(f, "large", READ_ACCESS), 0);
    uint64_t handle = dbg_get(f->answer.body + NEW_HANDLE, 8);
    assert_int_equal(transfer(f, DBG_FILE_READ, handle, 0, UINT32_MAX), 0);
    assert_int_equal(f->answer.body_bytes, DBG_BODY_BYTES_MAX);
    assert_int_equal(transfer(f, DBG_FILE_READ, handle, 4990, 100), 0);
    assert_int_equal(f->answer.body_bytes, DATA + 10);
    assert_int_equal(transfer(f, DBG_FILE_READ, handle, 5000, 1), DBG_STATUS_END_OF_FILE);
    assert_int_equal(transfer(f, DBG_FILE_READ, handle, UINT64_MAX, 1), DBG_STATUS_END_OF_FILE);
}

static void what_is_not_there_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "b.sys", READ_ACCESS), DBG_STATUS_NO_SUCH_FILE);
    assert_int_equal(create(f, "", READ_ACCESS), DBG_STATUS_NO_SUCH_FILE);
    static const uint64_t handles[] = {0, 1, 2, UINT64_MAX}; /* 1 is a file, but nobody opened it */
    for (size_t i = 0; i < 4; i++)
        for (uint32_t api = DBG_FILE_READ; api <= DBG_FILE_CLOSE; api++)
            assert_int_equal(transfer(f, api, handles[i], 0, 1), DBG_STATUS_INVALID_HANDLE);
    assert_null(lab_disk_find(f->disk, "b.sys"));
}

static void a_file_is_made_and_written(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "a.sys", WRITE_ACCESS), 0);
    uint64_t handle = dbg_get(f->answer.body + NEW_HANDLE, 8);
    assert_int_equal(lab_disk_find(f->disk, "a.sys")->len_bytes, 0);
    assert_int_equal(transfer(f, DBG_FILE_WRITE, handle, 0, 4), 0);
    assert_int_equal(dbg_get32(f->answer.body + LENGTH), 4);
    assert_int_equal(transfer(f, DBG_FILE_WRITE, handle, 2, 4), 0);
    assert_int_equal(transfer(f, DBG_FILE_WRITE, handle, 7, 1), DBG_STATUS_UNSUCCESSFUL); /* a gap */
    assert_int_equal(lab_disk_find(f->disk, "a.sys")->len_bytes, 6);
    assert_memory_equal(lab_disk_find(f->disk, "a.sys")->bytes, "wwwwww", 6);
    assert_int_equal(create(f, "new", WRITE_ACCESS), 0);
    assert_int_equal(dbg_get(f->answer.body + NEW_HANDLE, 8), handle + 1);
}

static void what_is_no_request_has_no_answer(void **state)
{
    struct fixture *f = *state;
    begin(f, DBG_FILE_CLOSE + 1);
    assert_int_equal(lab_disk_answer(f->disk, f->body, f->body_bytes, &f->answer), KD_ERR_BAD_MESSAGE);
    begin(f, DBG_FILE_CREATE);
    assert_int_equal(lab_disk_answer(f->disk, f->body, DATA - 1, &f->answer), KD_ERR_BAD_MESSAGE);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_opened_read_and_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_is_cut_by_the_end_and_by_what_a_packet_holds, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_made_and_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_request_has_no_answer, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
