/* debugger_by_hand.h: for tests of the VM: the least of a debugger, frames put together by hand
 * (kd-protocol.md 2).
 *
 * It acknowledges good frames and, when told to, answers a state change with Continue. No timers, no checks:
 * the real fake debugger lives above this layer. */
#ifndef DEBUGGER_BY_HAND_H
#define DEBUGGER_BY_HAND_H

#include "sim/machine/sim_vm.h"
#include "transport/kd/kd_wire.h"
#include <string.h>

enum { HAND_API_READ_VIRTUAL = 0x3130, HAND_API_CONTINUE = 0x3136, HAND_DBG_CONTINUE = 0x00010002 };

struct hand {
    struct sim_vm *vm;
    bool acknowledges;
    bool continues; /* after load symbols */
    uint32_t next_id;
    uint64_t bytes;
    unsigned frames;   /* data frames seen, repeats too */
    unsigned controls; /* control frames seen */
    struct kd_frame_header last;
    uint8_t body[KD_BODY_BYTES_MAX]; /* of the last data frame */
    size_t have;
    uint8_t input[KD_FRAME_BYTES_MAX];
};

static inline void hand_control(struct hand *hand, uint16_t type, uint32_t id)
{
    uint8_t frame[KD_FRAME_HEADER_BYTES];
    kd_frame_header_store(frame, &(struct kd_frame_header){KD_LEADER_CONTROL, type, 0, id, 0});
    sim_vm_write(hand->vm, frame, sizeof frame);
}

static inline void hand_data(struct hand *hand, uint16_t type, const uint8_t *body, uint16_t body_bytes)
{
    uint8_t frame[KD_FRAME_BYTES_MAX];
    kd_frame_header_store(frame, &(struct kd_frame_header){KD_LEADER_DATA, type, body_bytes, hand->next_id,
                                                           kd_checksum(0, body, body_bytes)});
    memcpy(frame + KD_FRAME_HEADER_BYTES, body, body_bytes);
    frame[KD_FRAME_HEADER_BYTES + body_bytes] = KD_TRAILER_BYTE;
    sim_vm_write(hand->vm, frame, KD_FRAME_HEADER_BYTES + (size_t)body_bytes + 1);
}

static inline void hand_continue(struct hand *hand)
{
    uint8_t body[KD_MANIPULATE_BYTES] = {0};
    kd_store_u32(body, HAND_API_CONTINUE);
    kd_store_u32(body + 16, HAND_DBG_CONTINUE);
    hand_data(hand, KD_TYPE_MANIPULATE, body, sizeof body);
}

static inline void hand_read_virtual(struct hand *hand, uint64_t address, uint32_t count)
{
    uint8_t body[KD_MANIPULATE_BYTES] = {0};
    kd_store_u32(body, HAND_API_READ_VIRTUAL);
    kd_store_u64(body + 16, address);
    kd_store_u32(body + 24, count);
    hand_data(hand, KD_TYPE_MANIPULATE, body, sizeof body);
}

static inline void hand_take_control(struct hand *hand, const struct kd_frame_header *header)
{
    hand->controls++;
    if (header->type == KD_TYPE_ACK && header->id == hand->next_id)
        hand->next_id ^= 1;
}

static inline void hand_take_data(struct hand *hand, const struct kd_frame_header *header)
{
    hand->frames++;
    hand->last = *header;
    memcpy(hand->body, hand->input + KD_FRAME_HEADER_BYTES, header->byte_count);
    if (!hand->acknowledges)
        return;
    if (header->id & KD_ID_SYNC)
        hand->next_id = KD_ID_INITIAL;
    hand_control(hand, KD_TYPE_ACK, header->id & ~KD_ID_SYNC);
    bool load = header->type == KD_TYPE_STATE_CHANGE64 && kd_load_u32(hand->body) == KD_STATE_LOAD_SYMBOLS;
    if (hand->continues && load)
        hand_continue(hand);
}

/* Takes what stands first in the input. Returns how many bytes that was, 0 when it is not whole yet. */
static inline size_t hand_take(struct hand *hand)
{
    struct kd_frame_header header;
    if (hand->have < KD_FRAME_HEADER_BYTES)
        return 0;
    kd_frame_header_load(&header, hand->input);
    if (header.leader == KD_LEADER_CONTROL) {
        hand_take_control(hand, &header);
        return KD_FRAME_HEADER_BYTES;
    }
    size_t whole = KD_FRAME_HEADER_BYTES + (size_t)header.byte_count + 1;
    if (hand->have < whole)
        return 0;
    hand_take_data(hand, &header);
    return whole;
}

static inline void hand_bytes(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct hand *hand = context;
    hand->bytes += len_bytes;
    for (size_t i = 0; i < len_bytes; i++) {
        hand->input[hand->have++] = bytes[i];
        if (hand_take(hand) > 0)
            hand->have = 0;
    }
}

static inline enum kd_status hand_attach(struct hand *hand, struct sim_vm *vm)
{
    hand->vm = vm;
    hand->next_id = KD_ID_INITIAL;
    return sim_vm_attach(vm, &(struct sim_vm_peer){.context = hand, .bytes = hand_bytes});
}

#endif
