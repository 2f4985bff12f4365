/* Goal: every rule of kd-protocol.md 2.3 to 2.9 that a target keeps, happy path, limits and faults.
 * Method: rows of (rule, script, log) in the notation of kd_talk.h. Each row is played once for every way of
 * chunking, so that it also proves that chunks do not matter. Time is a number. */
#define _POSIX_C_SOURCE 200809L
#include "transport/kd/tests/kd_random.h"
#include "transport/kd/tests/kd_talk.h"

struct row {
    const char *rule;
    const char *script;
    const char *log;
};

static const size_t chunks[] = {0, 1, 2, 3, 4, 5, 7, 15, 16, 17, 61, 77, 1000};

static void play_rows(const struct row *rows, size_t count)
{
    static struct talk talk;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < sizeof(chunks) / sizeof(chunks[0]); c++) {
            talk_init(&talk, chunks[c]);
            const char *log = talk_play(&talk, rows[i].script);
            if (strcmp(log, rows[i].log) != 0)
                fail_msg("%s\n  script   %s\n  expected %s\n  actual   %s\n  chunks of %zu", rows[i].rule,
                         rows[i].script, rows[i].log, log, chunks[c]);
        }
}

#define PLAY(rows) play_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void receive_rules(void **state)
{
    static const struct row rows[] = {
        {"R1: silence is a time-out", "recv wait", "TIMEOUT"},
        {"R1: so is noise", "recv noise noise lead wait", "TIMEOUT"},
        {"R1: noise is skipped", "recv noise lead noise q0c", ">ack0 GOT2c"},
        {"R2: a header cut short", "recv q0c!cut=10 wait recv q0d", "TIMEOUT >ack0 GOT2d"},
        {"R2: one byte short", "recv q0c!cut=15 wait", "TIMEOUT"},
        {"R2: a control header too", "recv hex:6969696906 wait", "TIMEOUT"},
        {"R3: RESEND", "recv resend", "RESEND"},
        {"R3: all its 16 bytes are read", "recv resend recv q0c", "RESEND >ack0 GOT2c"},
        {"R4: the matching ACK", "send ack0 send ack1 send ack0", ">S SENT >1 SENT >0 SENT"},
        {"R5: an ACK of another id", "send ack1 ackx ack0", ">S SENT"},
        {"R5: an ACK nobody waits for", "recv ack0 ack1 q0c", ">ack0 GOT2c"},
        {"R6: RESET while receiving", "recv reset send ack0 send", ">reset RESEND >0 SENT >1"},
        {"R6: both ids restart", "recv q0c recv reset recv q0d", ">ack0 GOT2c >reset RESEND >ack0 GOT2d"},
        {"R7: unknown control types", "recv control0 control7 control11 control65535 q0c", ">ack0 GOT2c"},
        {"R7: ByteCount, Checksum and what follows", "send hex:696969690400340000008080C28000000000",
         ">S SENT"},
        {"R7: no body behind it", "recv hex:6969696904003C0000008080C2800000 q0c", ">ack0 GOT2c"},
        {"R9: too large for the protocol", "recv q0c!bytes=4001 q0d", ">resend >ack0 GOT2d"},
        {"R9: at once", "recv q0c!bytes=4001!cut=16", ">resend"},
        {"R9: the largest", "recv q0c!bytes=4000", ">ack0 GOT2c"},
        {"R9: shorter than the header wanted", "recv q0c!bytes=55 q0d", ">resend >ack0 GOT2d"},
        {"R9: just the header", "recv q0c!bytes=56", ">ack0 GOT2c"},
        {"R9: nothing", "recv q0c!bytes=0 q0d", ">resend >ack0 GOT2d"},
        {"R9: nothing, and nothing wanted", "recv:2:0+0 q0c!bytes=0", ">ack0 GOT2"},
        {"R9: data fill the room", "recv:2:56+4 q0c", ">ack0 GOT2c"},
        {"R9: data exceed the room", "recv:2:56+3 q0c q0d!bytes=59", ">resend >ack0 GOT2d"},
        {"R9: whatever the type", "recv p0c!bytes=55 q0d", ">resend >ack0 GOT2d"},
        {"R9: a room beyond the frame's limit", "recv:2:56+65535 q0c!bytes=4001 q0d!bytes=4000",
         ">resend >ack0 GOT2d"},
        {"R10: a body cut short", "recv q0c!cut=40 wait q0d", ">resend >ack0 GOT2d"},
        {"R10: then silence", "recv q0c!cut=40 wait wait", ">resend TIMEOUT"},
        {"R10: not a byte of it", "recv q0c!cut=16 wait q0d", ">resend >ack0 GOT2d"},
        {"R10: trailing byte missing", "recv q0c!cut=76 wait q0d", ">resend >ack0 GOT2d"},
        {"R10: wrong trailing byte", "recv q0c!trailer=AB q0d", ">resend >ack0 GOT2d"},
        {"R10: the byte is consumed", "recv q0c!cut=76 q0d q0e", ">resend >ack0 GOT2e"},
        {"R11: bad checksum", "recv q0c!sum q0d", ">resend >ack0 GOT2d"},
        {"R11: no ACK for a corrupt repeat", "recv q0c recv q0c!sum q1d", ">ack0 GOT2c >resend >ack1 GOT2d"},
        {"R12: a repeat", "recv q0c recv q0c q0c q1d", ">ack0 GOT2c >ack0 >ack0 >ack1 GOT2d"},
        {"R12: a stale id", "recv q1c q0d", ">ack1 >ack0 GOT2d"},
        {"R12: an impossible id", "recv qxc q0d", ">ackx >ack0 GOT2d"},
        {"R13: another type", "recv p0c q1d", ">ack0 >ack1 GOT2d"},
        {"R13: repeated", "recv p0c p0c q1d", ">ack0 >ack0 >ack1 GOT2d"},
        {"R14: one after the other", "recv q0c recv q1d recv q0e", ">ack0 GOT2c >ack1 GOT2d >ack0 GOT2e"},
        {"R14: any type that is wanted", "recv:3:16+80 p0c", ">ack0 GOT3c"},
        {"idle takes nothing", "q0c q1d recv recv", ">ack0 GOT2c >ack1 GOT2d"},
    };
    (void)state;
    PLAY(rows);
}

static void send_rules(void **state)
{
    static const struct row rows[] = {
        {"N2: acknowledged", "send ack0", ">S SENT"},
        {"N3: RESEND", "send resend resend ack0", ">S >S >S SENT"},
        {"N3: costs no retry", "print resend resend resend resend wait wait wait",
         ">S >S >S >S >S >S >S ABANDONED"},
        {"N4: RESET", "send reset ack0", ">S >reset >0 SENT"},
        {"N4: costs no retry", "print wait wait reset +100 reset wait",
         ">S >S >S >reset >0 >reset >0 ABANDONED"},
        {"N5: break-in, then silence", "send b wait ack0", ">S break >S SENT"},
        {"N5: costs no retry", "print wait wait b wait b wait wait", ">S >S >S break >S break >S ABANDONED"},
        {"N6: data instead of the ACK", "send q0c recv", ">S >ack0 SENT GOT2c"},
        {"N6: our id advances", "send q0c send ack1", ">S >ack0 SENT >1 SENT"},
        {"N6: theirs too", "send q0c recv recv q0c q1d", ">S >ack0 SENT GOT2c >ack0 >ack1 GOT2d"},
        {"N7: a repeat", "recv q0c send q0c q0c ack0", ">ack0 GOT2c >S >ack0 >ack0 SENT"},
        {"N7: keeps waiting", "recv q0c send q0c wait", ">ack0 GOT2c >S >ack0 >S"},
        {"N8: a time-out", "print wait wait ack0", ">S >S >S SENT"},
        {"N8: a header cut short is one", "print q1c!cut=10 wait wait wait", ">S >S >S ABANDONED"},
        {"N8: a body cut short is none", "print q0c!cut=40 wait wait wait wait",
         ">S >resend >S >S ABANDONED"},
        {"N8: not before the deadline", "print early early ack0", ">S SENT"},
        {"N9: abandoned", "print wait wait wait", ">S >S >S ABANDONED"},
        {"N9: next id", "print ack0 print wait wait wait print", ">S SENT >1 >1 >1 ABANDONED >S"},
        {"N9: expected id", "recv q0c print wait wait wait recv q0d",
         ">ack0 GOT2c >S >S >S ABANDONED >ack0 GOT2d"},
        {"N10: never abandoned", "send wait wait wait wait wait wait wait ack0",
         ">S >S >S >S >S >S >S >S SENT"},
        {"R9: too short for its type", "send q0c!bytes=55 p0d!bytes=15 ack0", ">S >resend >resend SENT"},
        {"R9: as short as its type can be", "send p0c!bytes=16 recv:3:16+0", ">S >ack0 SENT GOT3c"},
        {"R9: too large", "send q0c!bytes=4001 ack0", ">S >resend SENT"},
        {"R10: wrong trailing byte", "send q0c!trailer=30 ack0", ">S >resend SENT"},
        {"R10: body cut short", "send q0c!cut=40 wait ack0", ">S >resend SENT"},
        {"R11: bad checksum", "send q0c!sum ack0", ">S >resend SENT"},
        {"R12: an impossible id", "send qxc ack0", ">S >ackx SENT"},
        {"R7: unknown control types", "send control11 ack0", ">S SENT"},
    };
    (void)state;
    PLAY(rows);
}

static void sync_rules(void **state)
{
    static const struct row rows[] = {
        {"2.3 rule 2: an ACK that keeps SYNC", "send ackS wait ack0", ">S >S SENT"},
        {"2.3 rule 2: gone after the ACK", "send ack0 send", ">S SENT >1"},
        {"2.3 rule 3: repeats keep SYNC", "send wait resend wait b wait", ">S >S >S >S break >S"},
        {"2.3 rule 3: gone after RESET", "send reset wait resend", ">S >reset >0 >0 >0"},
        {"2.3 rule 4: ACKs echo the id", "recv qSc", ">ackS GOT2c"},
        {"2.3 rule 4: of repeats too", "recv q0c recv qSc q1d", ">ack0 GOT2c >ackS >ack1 GOT2d"},
        {"2.3 rule 6: SYNC requests count on", "recv qSc recv q1d", ">ackS GOT2c >ack1 GOT2d"},
        {"2.3 rule 6: while sending", "send qSc recv", ">S >ackS SENT GOT2c"},
        {"2.3: received SYNC leaves our id alone", "send ack0 recv qSc send", ">S SENT >ackS GOT2c >1"},
    };
    (void)state;
    PLAY(rows);
}

static void break_in_rules(void **state)
{
    static const struct row rows[] = {
        {"then a frame: both count", "recv b q0c", "break >ack0 GOT2c"},
        {"then noise", "recv b noise noise wait", "break RESEND"},
        {"then leader bytes", "recv b lead lead ilead wait", "break RESEND"},
        {"then half a leader and a frame", "recv b lead lead noise q0c", "break >ack0 GOT2c"},
        {"several are one", "recv b b b wait", "break RESEND"},
        {"parts a leader", "recv lead lead b lead lead wait", "break RESEND"},
        {"then an absorbed frame", "recv b control11 wait", "break TIMEOUT"},
        {"counts for one scan", "recv b q0c recv q1d recv wait", "break >ack0 GOT2c >ack1 GOT2d TIMEOUT"},
        {"in a body it is data", "recv q0b recv wait", ">ack0 GOT2b TIMEOUT"},
        {"in a header it is not one", "recv hex:69696969620062006262626262626262 wait", "TIMEOUT"},
        {"as a trailing byte it is not one", "recv q0c!trailer=62 wait", ">resend TIMEOUT"},
        {"in a refused body it is noise", "recv q0b!bytes=55 wait", ">resend break RESEND"},
        {"before RESET (E10)", "recv b reset", "break >reset RESEND"},
        {"before an ACK", "send b ack0", ">S break SENT"},
        {"none", "recv noise wait", "TIMEOUT"},
    };
    (void)state;
    PLAY(rows);
}

static void leader_rules(void **state)
{
    static const struct row rows[] = {
        {"the other leader byte starts at one",
         "recv lead lead lead ilead ilead ilead ilead hex:050000000000000000000000", "RESEND"},
        {"three are not enough", "recv lead lead lead noise lead wait", "TIMEOUT"},
        {"three of the other are noise", "send lead lead lead ack0", ">S SENT"},
        {"three of the same misframe", "send ilead ack0 wait", ">S >S"},
        {"a run of both", "recv lead lead ilead ilead lead lead wait", "TIMEOUT"},
        {"a fifth is the type's first byte (2.4)", "recv lead q0c!cut=15 q0d", ">resend >ack0 GOT2d"},
        {"a run ends with its scan", "recv lead lead wait recv lead lead wait", "TIMEOUT TIMEOUT"},
    };
    (void)state;
    PLAY(rows);
}

static void leaders_are_told_when_complete(void **state)
{
    static struct talk talk;
    (void)state;
    for (size_t c = 0; c < sizeof(chunks) / sizeof(chunks[0]); c++) {
        talk_init(&talk, chunks[c]);
        talk.show_leaders = true;
        assert_string_equal(talk_play(&talk, "recv b lead lead lead"), "");
        assert_string_equal(talk_play(&talk, "lead"), "break leader");
        assert_string_equal(talk_play(&talk, "wait send ack0"), "break leader TIMEOUT >S leader SENT");
    }
}

static void reset_rules(void **state)
{
    static const struct row rows[] = {
        {"many at once: one answer", "recv reset reset reset reset reset send ack0", ">reset RESEND >0 SENT"},
        {"many while sending: one answer", "send reset reset reset reset reset ack0", ">S >reset >0 SENT"},
        {"with noise between", "recv reset noise reset noise noise reset send ack0", ">reset RESEND >0 SENT"},
        {"until an ACK arrives", "send reset ack0 recv reset", ">S >reset >0 SENT >reset RESEND"},
        {"any ACK", "send reset ack1 reset", ">S >reset >0 >reset >0"},
        {"until a data frame arrives", "recv reset recv q0c recv reset",
         ">reset RESEND >ack0 GOT2c >reset RESEND"},
        {"even a repeat", "recv reset recv q1c reset", ">reset RESEND >ack1 >reset RESEND"},
        {"not a broken one", "recv reset recv q0c!sum reset wait", ">reset RESEND >resend TIMEOUT"},
        {"not other control frames", "send reset resend control11 reset", ">S >reset >0 >0"},
        {"until the window is over", "recv reset +100 recv reset", ">reset RESEND >reset RESEND"},
        {"not a tick before", "recv reset +99 recv reset wait", ">reset RESEND TIMEOUT"},
        {"absorbing does not extend it", "recv reset +60 recv reset +40 reset",
         ">reset RESEND >reset RESEND"},
        {"until restart", "recv reset restart recv reset", ">reset RESEND >reset RESEND"},
        {"until abandonment", "send reset abandon recv reset", ">S >reset >0 >reset RESEND"},
        {"a break-in between is kept", "recv reset recv b reset wait", ">reset RESEND break TIMEOUT"},
        {"a break-in behind is kept", "recv reset recv reset b wait", ">reset RESEND break RESEND"},
        {"the orphan's second RESET (2.9)", "send reset ack0 recv reset send",
         ">S >reset >0 SENT >reset RESEND >0"},
        {"a RESET in two parts", "recv hex:6969696906 hex:0000000000000000000000", ">reset RESEND"},
    };
    (void)state;
    PLAY(rows);
}

static void kept_frame_rules(void **state)
{
    static const struct row rows[] = {
        {"for the next receive", "send q0c recv recv q1d", ">S >ack0 SENT GOT2c >ack1 GOT2d"},
        {"across a send", "send q0c print ack1 recv", ">S >ack0 SENT >1 SENT GOT2c"},
        {"not of another type", "send p0c recv q1d", ">S >ack0 SENT >ack1 GOT2d"},
        {"dropped for good then", "send p0c recv wait recv:3:16+80 wait", ">S >ack0 SENT TIMEOUT TIMEOUT"},
        {"not when too short", "send p0c recv:3:61+0 wait", ">S >ack0 SENT TIMEOUT"},
        {"not when too long", "send p0c recv:3:16+43 wait", ">S >ack0 SENT TIMEOUT"},
        {"exactly filling", "send p0c recv:3:16+44", ">S >ack0 SENT GOT3c"},
        {"the largest", "send q0c!bytes=4000 recv", ">S >ack0 SENT GOT2c"},
        {"a second is asked for again", "send q0c print q1d recv recv q1d",
         ">S >ack0 SENT >1 >resend SENT GOT2c >ack1 GOT2d"},
        {"bytes behind it do not touch it", "send q0c print q0d ack1 recv",
         ">S >ack0 SENT >1 >ack0 SENT GOT2c"},
        {"forgotten by RESET", "send q0c print reset ack0 recv q0d",
         ">S >ack0 SENT >1 >reset >0 SENT >ack0 GOT2d"},
        {"forgotten by abandonment", "send q0c print wait wait wait recv q0d",
         ">S >ack0 SENT >1 >1 >1 ABANDONED >ack0 GOT2d"},
        {"forgotten by restart", "send q0c restart recv q0d", ">S >ack0 SENT >ack0 GOT2d"},
        {"not by cancel", "send q0c print cancel recv", ">S >ack0 SENT >1 GOT2c"},
        {"not by cut input", "send q0c forget recv", ">S >ack0 SENT GOT2c"},
    };
    (void)state;
    PLAY(rows);
}

static void caller_rules(void **state)
{
    static const struct row rows[] = {
        {"restart: a send goes out anew", "send ack0 send restart ack1 ack0 send", ">S SENT >1 >S SENT >1"},
        {"restart: a receive goes on", "recv q0c recv restart q0d", ">ack0 GOT2c >ack0 GOT2d"},
        {"restart: half-read input", "recv q0c!cut=40 restart q0d", ">ack0 GOT2d"},
        {"restart: a break-in of the old session", "recv b restart wait", "TIMEOUT"},
        {"restart: retries go on", "print wait wait restart wait", ">S >S >S >S ABANDONED"},
        {"forget: half a body", "recv q0c!cut=40 forget q0d", ">ack0 GOT2d"},
        {"forget: half a leader", "recv lead lead forget lead lead wait", "TIMEOUT"},
        {"forget: ids stay", "recv q0c forget recv q0c q1d", ">ack0 GOT2c >ack0 >ack1 GOT2d"},
        {"cancel: half-read input stays", "recv q0c!cut=40 cancel recv q0c!from=40", ">ack0 GOT2c"},
        {"cancel: a receive ends in a send", "recv q0c!cut=40 cancel send q0c!from=40 recv",
         ">S >ack0 SENT GOT2c"},
        {"cancel: the new wish judges the size", "recv q0c!cut=40 cancel recv:2:56+3 q0c!from=40 wait",
         ">resend TIMEOUT"},
        {"cancel: or its header", "send p0c!cut=40 cancel recv:3:61+9 p0c!from=40 wait",
         ">S >resend TIMEOUT"},
        {"cancel: ids stay", "send ack0 send cancel send ack1", ">S SENT >1 >1 SENT"},
        {"distrust: data is no ACK", "distrust send q0c wait ack0 recv q0c", ">S >S SENT >ack0 GOT2c"},
        {"distrust: nor is a repeat answered", "distrust send q1c ack0 recv q1c", ">S SENT >ack1"},
        {"distrust: nor received", "distrust recv q0c wait", "TIMEOUT"},
        {"distrust: an ACK ends it", "distrust send ack0 recv q0c", ">S SENT >ack0 GOT2c"},
        {"distrust: another's ACK does not", "distrust send ack1 q0c ack0", ">S SENT"},
        {"distrust: RESET ends it", "distrust send reset q0c recv", ">S >reset >0 >ack0 SENT GOT2c"},
        {"distrust: the SYNC bit ends it", "distrust send qSc recv", ">S >ackS SENT GOT2c"},
        {"distrust: so does a restart", "distrust restart send q0c recv", ">S >ack0 SENT GOT2c"},
        {"distrust: a RESET window stays", "recv reset distrust send q0c reset ack0",
         ">reset RESEND >0 SENT"},
        {"stale: so many ACKs as copies before are none",
         "send copyS copyS cancel restart distrust send copyS ack0 q0c ack0 q0c ack0 recv q0d",
         ">S >S SENT >ack0 GOT2d"},
        {"stale: repeated until its own comes",
         "send copyS cancel restart distrust send copyS ack0 wait ack0", ">S >S >S SENT"},
        {"stale: none when all came", "send copyS ack0 restart distrust send copyS ack0", ">S SENT >S SENT"},
        {"stale: the other id's ACK settles all",
         "send copyS copyS ack0 send copy1 ack1 restart distrust send ack0", ">S SENT >1 SENT >S SENT"},
        {"stale: the other id's copies do not count",
         "send ack0 send copy1 cancel restart distrust send ack1 ack0", ">S SENT >1 >S SENT"},
        {"stale: RESEND answers a copy", "send copyS cancel restart distrust send copyS resend copyS ack0",
         ">S >S >S SENT"},
        {"stale: so does a request (N6)", "send copyS q0c recv restart distrust send copyS ack0",
         ">S >ack0 SENT GOT2c >S SENT"},
        {"stale: so does what is thrown away",
         "send copyS cancel ack0 q0c skip restart distrust send copyS ack0", ">S >S SENT"},
        {"stale: a RESET thrown away does not",
         "send copyS cancel reset skip restart distrust send copyS ack0", ">S >S"},
        {"stale: a cut line owes nothing", "send copyS cut restart distrust ack0", ">S >S SENT"},
        {"stale: nor do the silent", "print copyS wait wait wait restart distrust send copyS ack0",
         ">S >S >S ABANDONED >S SENT"},
        {"abandon: ids start over", "send ack0 send abandon send", ">S SENT >1 >S"},
        {"abandon: theirs too", "recv q0c send abandon recv q0d", ">ack0 GOT2c >S >ack0 GOT2d"},
    };
    (void)state;
    PLAY(rows);
}

/* Deadlines */

static void every_byte_restarts_the_wait(void **state)
{
    static struct talk talk;
    (void)state;
    talk_init(&talk, 0);
    talk.now = 5000;
    assert_true(kd_link_deadline(&talk.link) == KD_NEVER);
    talk_play(&talk, "recv");
    assert_int_equal(kd_link_deadline(&talk.link), 6000);
    talk_play(&talk, "+999 lead");
    assert_int_equal(kd_link_deadline(&talk.link), 6999);
    talk_play(&talk, "+10 q0c!cut=40"); /* misframed by the stray byte, like any other bytes */
    assert_int_equal(kd_link_deadline(&talk.link), 7009);
    talk_play(&talk, "cancel");
    assert_true(kd_link_deadline(&talk.link) == KD_NEVER);
}

static void a_repeat_and_a_resend_start_a_fresh_wait(void **state)
{
    static struct talk talk;
    (void)state;
    talk_init(&talk, 0);
    talk_play(&talk, "send wait");
    assert_int_equal(talk.now, 1000);
    assert_int_equal(kd_link_deadline(&talk.link), 2000);
    assert_string_equal(talk_play(&talk, "q0c!cut=40 wait"), ">S >S >resend");
    assert_int_equal(kd_link_deadline(&talk.link), 3000);
    talk_play(&talk, "+600 restart");
    assert_int_equal(kd_link_deadline(&talk.link), 3600);
    talk.now = 4000; /* the caller may be late: the next wait counts from then */
    talk_expire(&talk);
    assert_int_equal(kd_link_deadline(&talk.link), 5000);
}

static void nothing_moves_the_deadline_but_bytes(void **state)
{
    static struct talk talk;
    struct kd_action action;
    (void)state;
    talk_init(&talk, 0);
    talk_play(&talk, "recv");
    talk.now = 400;
    assert_int_equal(kd_link_input(&talk.link, NULL, 0, talk.now, &action), 0);
    assert_true(talk_nothing(&action));
    talk_expire(&talk);
    assert_int_equal(kd_link_deadline(&talk.link), 1000);
    assert_string_equal(talk.log, "");
}

static void time_at_its_end_never_wraps(void **state)
{
    static struct talk talk;
    (void)state;
    talk_init(&talk, 0);
    talk.now = KD_NEVER - 10;
    assert_string_equal(talk_play(&talk, "recv reset recv reset"), ">reset RESEND");
    assert_true(kd_link_deadline(&talk.link) == KD_NEVER);
    talk_init(&talk, 0);
    talk.now = KD_NEVER - 1000;
    talk_play(&talk, "recv");
    assert_true(kd_link_deadline(&talk.link) == KD_NEVER);
}

static void an_idle_link_has_nothing_to_do(void **state)
{
    static struct talk talk;
    struct kd_action action;
    (void)state;
    talk_init(&talk, 0);
    assert_int_equal(kd_link_input(&talk.link, (const uint8_t *)"iiii", 4, 0, &action), 0);
    assert_true(talk_nothing(&action));
    talk.now = KD_NEVER;
    talk_expire(&talk);
    assert_string_equal(talk.log, "");
}

/* The contract of send and receive */

static void a_second_operation_is_busy(void **state)
{
    static struct talk talk;
    struct kd_action action;
    const struct kd_wanted wanted = {KD_TYPE_MANIPULATE, 56, 0};
    const struct kd_packet packet = {.type = KD_TYPE_MANIPULATE};
    (void)state;
    static const char *const starts[] = {"send", "recv"};
    for (size_t i = 0; i < 2; i++) {
        talk_init(&talk, 0);
        talk_play(&talk, starts[i]);
        struct kd_link before = talk.link;
        assert_int_equal(kd_link_send(&talk.link, &packet, 1, 5, &action), KD_ERR_BUSY);
        assert_true(talk_nothing(&action));
        assert_int_equal(kd_link_receive(&talk.link, &wanted, 5, &action), KD_ERR_BUSY);
        assert_true(talk_nothing(&action));
        assert_memory_equal(&talk.link, &before, sizeof(before));
    }
}

static void only_data_types_and_bodies_that_fit_are_sent(void **state)
{
    static const uint8_t bytes[KD_BODY_BYTES_MAX + 1];
    static const struct {
        uint16_t type;
        uint32_t header_bytes, data_bytes;
        enum kd_status status;
    } rows[] = {
        {0, 56, 0, KD_ERR_ARGUMENT},
        {KD_TYPE_STATE_CHANGE32, 56, 0, KD_OK},
        {KD_TYPE_MANIPULATE, 56, 0, KD_OK},
        {KD_TYPE_DEBUG_IO, 16, 0, KD_OK},
        {KD_TYPE_ACK, 0, 0, KD_ERR_ARGUMENT},
        {KD_TYPE_RESEND, 0, 0, KD_ERR_ARGUMENT},
        {KD_TYPE_RESET, 0, 0, KD_ERR_ARGUMENT},
        {KD_TYPE_STATE_CHANGE64, 240, 0, KD_OK},
        {KD_TYPE_POLL, 0, 0, KD_ERR_ARGUMENT},
        {KD_TYPE_TRACE_IO, 64, 0, KD_OK},
        {KD_TYPE_CONTROL_REQUEST, 12, 0, KD_OK},
        {KD_TYPE_FILE_IO, 64, 0, KD_OK},
        {KD_TYPE_MAX, 56, 0, KD_ERR_ARGUMENT},
        {0xFFFF, 56, 0, KD_ERR_ARGUMENT},
        {KD_TYPE_MANIPULATE, 56, 3944, KD_OK},
        {KD_TYPE_MANIPULATE, 56, 3945, KD_ERR_TOO_BIG},
        {KD_TYPE_MANIPULATE, 4000, 0, KD_OK},
        {KD_TYPE_MANIPULATE, 4001, 0, KD_ERR_TOO_BIG},
        {KD_TYPE_MANIPULATE, 0, 4000, KD_OK},
        {KD_TYPE_MANIPULATE, 0, 4001, KD_ERR_TOO_BIG},
        {KD_TYPE_MANIPULATE, 0xFFFFFFFF, 2, KD_ERR_TOO_BIG},
        {KD_TYPE_MANIPULATE, 2, 0xFFFFFFFF, KD_ERR_TOO_BIG},
        {KD_TYPE_MANIPULATE, 0, 0, KD_OK},
    };
    static struct talk talk;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kd_action action;
        const struct kd_packet packet = {
            rows[i].type, {bytes, rows[i].header_bytes}, {bytes, rows[i].data_bytes}};
        talk_init(&talk, 0);
        assert_int_equal(kd_link_send(&talk.link, &packet, 1, 0, &action), rows[i].status);
        assert_int_equal(talk.link.state, rows[i].status == KD_OK ? KD_LINK_SENDING : KD_LINK_IDLE);
        assert_int_equal(action.write_packet, rows[i].status == KD_OK);
    }
}

/* retries is KdpDefaultRetries: so many frames go out in all (2.6 N8, N9; "20 retries" is 20 time-outs). */
static void retries_count_the_frames_that_go_out(void **state)
{
    static const struct {
        uint32_t retries, frames;
    } rows[] = {{0, 1}, {1, 1}, {2, 2}, {20, 20}};
    static const uint8_t header[] = {0x30, 0x32, 0, 0};
    static const struct kd_packet print = {KD_TYPE_DEBUG_IO, {header, 4}, {NULL, 0}};
    static struct talk talk;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kd_action action;
        talk_init(&talk, 0);
        assert_int_equal(kd_link_send(&talk.link, &print, rows[i].retries, 0, &action), KD_OK);
        for (uint32_t n = 1; n < rows[i].frames; n++) {
            kd_link_expire(&talk.link, kd_link_deadline(&talk.link), &action);
            assert_true(action.write_packet);
        }
        kd_link_expire(&talk.link, kd_link_deadline(&talk.link), &action);
        assert_int_equal(action.outcome, KD_OUTCOME_ABANDONED);
        assert_int_equal(talk.link.counters.frames_sent, rows[i].frames);
    }
}

static void only_the_abandonable_are_abandoned(void **state)
{
    static struct talk talk;
    (void)state;
    talk_init(&talk, 0);
    talk_play(&talk, "send");
    for (int i = 0; i < 1000; i++) {
        talk_do_wait(&talk);
        talk.log[0] = '\0';
    }
    assert_int_equal(talk.link.counters.frames_repeated, 1000);
    assert_string_equal(talk_play(&talk, "ack0"), "SENT");
}

static void counters_count(void **state)
{
    static struct talk talk;
    (void)state;
    talk_init(&talk, 0);
    talk_play(&talk, "print wait ack0 recv q0c recv q0c p1d q0e!sum q0e recv reset recv reset reset cancel "
                     "print wait wait wait");
    const struct kd_link_counters *counters = &talk.link.counters;
    assert_int_equal(counters->frames_sent, 5);
    assert_int_equal(counters->frames_repeated, 3);
    assert_int_equal(counters->frames_accepted, 3);
    assert_int_equal(counters->repeats_dropped, 1);
    assert_int_equal(counters->resends_sent, 1);
    assert_int_equal(counters->resets_answered, 1);
    assert_int_equal(counters->resets_absorbed, 2);
    assert_int_equal(counters->abandoned, 1);
    talk_do_restart(&talk);
    assert_int_equal(counters->frames_sent, 5);
}

/* Chunks and noise */

/* A script of random words: frames whole and broken, noise, time, and a caller who keeps the link busy. */
static void random_script(char *script, size_t size, uint32_t seed)
{
    static const char *const words[] = {
        "ack0",
        "ack1",
        "ackS",
        "reset",
        "reset",
        "resend",
        "control11",
        "b",
        "noise",
        "lead",
        "lead",
        "ilead",
        "q0c",
        "q1d",
        "qSe",
        "qxc",
        "p0c",
        "p1d",
        "q0c!sum",
        "q1c!trailer=30",
        "q0c!cut=9",
        "q1c!cut=40",
        "q0b!bytes=4001",
        "q1c!bytes=55",
        "p0c!bytes=16",
        "q0c!from=20",
        "+60",
        "hex:3030303002003C00",
        "hex:626969696906",
    };
    static const char *const turns[] = {"send", "recv", "print", "recv:3:16+40"};
    size_t used = 0;
    for (int turn = 0; turn < 12; turn++) {
        used += (size_t)snprintf(script + used, size - used, "%s ", turns[kd_random(&seed) % 4]);
        for (uint32_t n = kd_random(&seed) % 5; n > 0; n--)
            used += (size_t)snprintf(script + used, size - used, "%s ",
                                     words[kd_random(&seed) % (sizeof(words) / sizeof(words[0]))]);
        used +=
            (size_t)snprintf(script + used, size - used, "%scancel ", kd_random(&seed) % 3 ? "wait " : "");
        assert_true(used < size);
    }
}

static void random_talks_do_not_depend_on_chunks(void **state)
{
    static struct talk talk;
    (void)state;
    for (uint32_t seed = 1; seed <= 300; seed++) {
        char script[2048], whole[sizeof(talk.log)];
        random_script(script, sizeof(script), seed);
        for (size_t c = 0; c < sizeof(chunks) / sizeof(chunks[0]); c += c < 2 ? 1 : 3) {
            talk_init(&talk, chunks[c]);
            talk.show_leaders = true;
            const char *log = talk_play(&talk, script);
            if (c == 0)
                strcpy(whole, log);
            else if (strcmp(log, whole) != 0)
                fail_msg("seed %u, chunks of %zu\n  script %s\n  whole  %s\n  split  %s", seed, chunks[c],
                         script, whole, log);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receive_rules),
        cmocka_unit_test(send_rules),
        cmocka_unit_test(sync_rules),
        cmocka_unit_test(break_in_rules),
        cmocka_unit_test(leader_rules),
        cmocka_unit_test(leaders_are_told_when_complete),
        cmocka_unit_test(reset_rules),
        cmocka_unit_test(kept_frame_rules),
        cmocka_unit_test(caller_rules),
        cmocka_unit_test(every_byte_restarts_the_wait),
        cmocka_unit_test(a_repeat_and_a_resend_start_a_fresh_wait),
        cmocka_unit_test(nothing_moves_the_deadline_but_bytes),
        cmocka_unit_test(time_at_its_end_never_wraps),
        cmocka_unit_test(an_idle_link_has_nothing_to_do),
        cmocka_unit_test(a_second_operation_is_busy),
        cmocka_unit_test(only_data_types_and_bodies_that_fit_are_sent),
        cmocka_unit_test(retries_count_the_frames_that_go_out),
        cmocka_unit_test(only_the_abandonable_are_abandoned),
        cmocka_unit_test(counters_count),
        cmocka_unit_test(random_talks_do_not_depend_on_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
