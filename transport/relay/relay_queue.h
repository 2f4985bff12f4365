/* relay_queue.h: a bounded queue of bytes whose content always lies in one piece.
 *
 * Freestanding; context: any. Tests: tests/test_relay_queue.c */
#ifndef RELAY_QUEUE_H
#define RELAY_QUEUE_H

#include "transport/kd/kd_bytes.h"

enum { RELAY_QUEUE_BYTES = 16384 };

/* All zero is an empty queue. */
struct relay_queue {
    uint32_t first;
    uint32_t len_bytes;
    uint8_t bytes[RELAY_QUEUE_BYTES];
};

static inline const uint8_t *relay_queue_front(const struct relay_queue *queue)
{
    return queue->bytes + queue->first;
}

static inline uint32_t relay_queue_room(const struct relay_queue *queue)
{
    return RELAY_QUEUE_BYTES - queue->len_bytes;
}

static inline void relay_queue_clear(struct relay_queue *queue)
{
    queue->first = 0;
    queue->len_bytes = 0;
}

/* Forgets len_bytes at the front; at most as many as there are. */
static inline void relay_queue_drop(struct relay_queue *queue, size_t len_bytes)
{
    if (len_bytes >= queue->len_bytes) {
        relay_queue_clear(queue);
        return;
    }
    queue->first += (uint32_t)len_bytes;
    queue->len_bytes -= (uint32_t)len_bytes;
}

/* Forgets everything behind the first len_bytes. */
static inline void relay_queue_cut(struct relay_queue *queue, uint32_t len_bytes)
{
    if (len_bytes < queue->len_bytes)
        queue->len_bytes = len_bytes;
}

/* Appends what there is room for, and returns how much that was. */
static inline uint32_t relay_queue_put(struct relay_queue *queue, const uint8_t *bytes, size_t len_bytes)
{
    uint32_t taken = len_bytes < relay_queue_room(queue) ? (uint32_t)len_bytes : relay_queue_room(queue);
    if (queue->first + queue->len_bytes + taken > RELAY_QUEUE_BYTES) {
        for (uint32_t i = 0; i < queue->len_bytes; i++) /* downwards in memory, so an overlap does no harm */
            queue->bytes[i] = queue->bytes[queue->first + i];
        queue->first = 0;
    }
    kd_copy(queue->bytes + queue->first + queue->len_bytes, bytes, taken);
    queue->len_bytes += taken;
    return taken;
}

#endif
