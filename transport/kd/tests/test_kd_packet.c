/* Goal: what a transport knows about each kind of packet is what kd-protocol.md says.
 * Method: one table over the families and their members (1, 2.6, 5.1, 5.6). */
#include "transport/kd/kd_packet.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { NO, YES };

static const struct {
    uint16_t type;
    uint32_t api;
    int abandonable;
    int while_running;
    uint16_t next; /* 0: none */
    uint16_t next_header_bytes;
} kinds[] = {
    {KD_TYPE_STATE_CHANGE64, 0x3030, NO, NO, KD_TYPE_MANIPULATE, 56},
    {KD_TYPE_STATE_CHANGE64, 0x3031, YES, YES, KD_TYPE_MANIPULATE, 56},
    {KD_TYPE_STATE_CHANGE64, 0x3032, NO, NO, KD_TYPE_MANIPULATE, 56},
    {KD_TYPE_STATE_CHANGE64, 0x13030, NO, NO, KD_TYPE_MANIPULATE, 56},
    {KD_TYPE_STATE_CHANGE64, 0x13031, YES, YES, KD_TYPE_MANIPULATE, 56},
    {KD_TYPE_STATE_CHANGE64, 0, NO, NO, KD_TYPE_MANIPULATE, 56},
    {KD_TYPE_STATE_CHANGE32, 0x3030, NO, NO, KD_TYPE_MANIPULATE, 56},
    {KD_TYPE_MANIPULATE, 0x3130, NO, NO, KD_TYPE_MANIPULATE, 56},
    {KD_TYPE_MANIPULATE, 0x3031, NO, NO, KD_TYPE_MANIPULATE, 56},
    {KD_TYPE_DEBUG_IO, 0x3230, YES, YES, 0, 0},
    {KD_TYPE_DEBUG_IO, 0x3231, NO, NO, KD_TYPE_DEBUG_IO, 16},
    {KD_TYPE_DEBUG_IO, 0x13230, NO, NO, 0, 0},
    {KD_TYPE_DEBUG_IO, 0x3232, NO, NO, 0, 0},
    {KD_TYPE_TRACE_IO, 0x3330, NO, YES, 0, 0},
    {KD_TYPE_CONTROL_REQUEST, 0x4300, NO, YES, 0, 0},
    {KD_TYPE_CONTROL_REQUEST, 0x4301, NO, YES, 0, 0},
    {KD_TYPE_FILE_IO, 0x3430, YES, YES, KD_TYPE_FILE_IO, 64},
    {KD_TYPE_FILE_IO, 0x3431, NO, YES, KD_TYPE_FILE_IO, 64},
    {KD_TYPE_FILE_IO, 0x3432, NO, YES, KD_TYPE_FILE_IO, 64},
    {KD_TYPE_FILE_IO, 0x3433, NO, YES, KD_TYPE_FILE_IO, 64},
    {KD_TYPE_ACK, 0x3230, NO, NO, 0, 0},
    {KD_TYPE_MAX, 0x3230, NO, NO, 0, 0},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct kd_packet packet_of(size_t kind, uint8_t header[4])
{
    kd_store_u32(header, kinds[kind].api);
    return (struct kd_packet){.type = kinds[kind].type, .header = {header, 4}};
}

static void every_kind_has_its_traits(void **state)
{
    uint8_t header[4];
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        const struct kd_packet packet = packet_of(i, header);
        assert_int_equal(kd_packet_api(&packet), kinds[i].api);
        assert_int_equal(kd_packet_abandonable(&packet), kinds[i].abandonable);
        assert_int_equal(kd_packet_sent_while_running(&packet), kinds[i].while_running);
    }
}

static void every_kind_has_its_follower(void **state)
{
    uint8_t header[4];
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        const struct kd_packet packet = packet_of(i, header);
        struct kd_wanted wanted = {99, 98, 97};
        bool followed = kd_packet_next_wanted(&packet, &wanted);
        assert_int_equal(followed, kinds[i].next != 0);
        assert_int_equal(wanted.type, followed ? kinds[i].next : 99);
        assert_int_equal(wanted.header_bytes, followed ? kinds[i].next_header_bytes : 98);
        assert_int_equal(wanted.data_room, followed ? 4000 - kinds[i].next_header_bytes : 97);
    }
}

static void a_header_too_short_for_an_api_has_none(void **state)
{
    static const uint8_t print[4] = {0x30, 0x32, 0, 0};
    (void)state;
    for (uint32_t len_bytes = 0; len_bytes <= 4; len_bytes++) {
        const struct kd_packet packet = {KD_TYPE_DEBUG_IO, {print, len_bytes}, {NULL, 0}};
        assert_int_equal(kd_packet_api(&packet), len_bytes < 4 ? 0 : 0x3230);
        assert_int_equal(kd_packet_abandonable(&packet), len_bytes == 4);
    }
    const struct kd_packet nothing = {.type = KD_TYPE_MANIPULATE};
    assert_int_equal(kd_packet_api(&nothing), 0);
}

static void every_data_type_has_its_header_size(void **state)
{
    static const uint32_t header_bytes[] = {0, 240, 56, 16, 0, 0, 0, 240, 0, 64, 12, 64, 0, 0};
    (void)state;
    for (uint16_t type = 0; type < sizeof(header_bytes) / sizeof(header_bytes[0]); type++)
        assert_int_equal(kd_type_header_bytes(type), header_bytes[type]);
    assert_int_equal(kd_type_header_bytes(0x0102), 0);
    assert_int_equal(kd_type_header_bytes(0xFFFF), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_its_traits),
        cmocka_unit_test(every_kind_has_its_follower),
        cmocka_unit_test(a_header_too_short_for_an_api_has_none),
        cmocka_unit_test(every_data_type_has_its_header_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
