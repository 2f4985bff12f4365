/* Goal: the byte queue loses nothing, keeps order, and never takes more than it has room for.
 * Method: fill to the brim, one byte more, read dry, one more; then a long walk against a plain model. */
#include "transport/relay/relay_queue.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct relay_queue queue;
static uint8_t bytes[RELAY_QUEUE_BYTES + 1];

static int setup(void **state)
{
    (void)state;
    memset(&queue, 0, sizeof(queue));
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    return 0;
}

static void a_full_queue_takes_no_more(void **state)
{
    (void)state;
    assert_int_equal(relay_queue_put(&queue, bytes, sizeof(bytes)), RELAY_QUEUE_BYTES);
    assert_int_equal(relay_queue_room(&queue), 0);
    assert_int_equal(relay_queue_put(&queue, bytes, 1), 0);
    assert_memory_equal(relay_queue_front(&queue), bytes, RELAY_QUEUE_BYTES);
}

static void dropping_more_than_there_is_empties(void **state)
{
    (void)state;
    relay_queue_put(&queue, bytes, 10);
    relay_queue_drop(&queue, 11);
    assert_int_equal(queue.len_bytes, 0);
    relay_queue_drop(&queue, 1);
    assert_int_equal(relay_queue_room(&queue), RELAY_QUEUE_BYTES);
}

static void cutting_keeps_the_front(void **state)
{
    (void)state;
    relay_queue_put(&queue, bytes, 100);
    relay_queue_drop(&queue, 10);
    relay_queue_cut(&queue, 5);
    relay_queue_cut(&queue, 50);
    assert_int_equal(queue.len_bytes, 5);
    assert_memory_equal(relay_queue_front(&queue), bytes + 10, 5);
}

static void what_goes_in_comes_out_in_order(void **state)
{
    (void)state;
    uint32_t in = 0, out = 0; /* counts of a stream whose byte n is 31 n */
    for (uint32_t step = 1; step < 3000; step++) {
        uint8_t more[4017];
        uint32_t wish = step * 2654435761u % sizeof(more);
        for (uint32_t i = 0; i < wish; i++)
            more[i] = (uint8_t)((in + i) * 31);
        uint32_t room = relay_queue_room(&queue);
        uint32_t taken = relay_queue_put(&queue, more, wish);
        assert_int_equal(taken, wish < room ? wish : room);
        in += taken;
        uint32_t read = step * 40503u % (queue.len_bytes + 1);
        for (uint32_t i = 0; i < read; i++)
            assert_int_equal(relay_queue_front(&queue)[i], (uint8_t)((out + i) * 31));
        relay_queue_drop(&queue, read);
        out += read;
        assert_int_equal(queue.len_bytes, in - out);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_full_queue_takes_no_more, setup),
        cmocka_unit_test_setup(dropping_more_than_there_is_empties, setup),
        cmocka_unit_test_setup(cutting_keeps_the_front, setup),
        cmocka_unit_test_setup(what_goes_in_comes_out_in_order, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
