#include "sim/world/sim_trace.h"
#include "sim/world/sim_memory.h"
#include "transport/kd/kd_bytes.h"
#include <inttypes.h>
#include <stdlib.h>

/* Every exit is a record: hashed in batches and without calls they cost a fraction. */
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PACKED_BYTES = 8 + 4 + 4 + 4 * 8 + 8, BATCH = 64 };

struct sim_trace {
    XXH64_state_t *hash; /* of all but the last batch */
    uint8_t batch[BATCH * PACKED_BYTES];
    size_t batch_bytes;
    uint64_t count;
    FILE *file;
    struct sim_record ring[SIM_TRACE_RING];
};

static const char *const kind_text[] = {
#define SIM_RECORD_TEXT(name, text) text,
    SIM_RECORD_LIST(SIM_RECORD_TEXT)
#undef SIM_RECORD_TEXT
};

struct sim_trace *sim_trace_create(void)
{
    struct sim_trace *trace = sim_allocate(1, sizeof *trace);
    trace->hash = XXH64_createState();
    XXH64_reset(trace->hash, 0);
    return trace;
}

void sim_trace_destroy(struct sim_trace *trace)
{
    XXH64_freeState(trace->hash);
    free(trace);
}

void sim_trace_write_to(struct sim_trace *trace, FILE *file)
{
    trace->file = file;
}

static void pack(uint8_t to[PACKED_BYTES], const struct sim_record *record)
{
    kd_store_u64(to, record->time_ns);
    kd_store_u32(to + 8, record->kind);
    kd_store_u32(to + 12, record->vm);
    kd_store_u64(to + 16, record->a);
    kd_store_u64(to + 24, record->b);
    kd_store_u64(to + 32, record->c);
    kd_store_u64(to + 40, record->d);
    kd_store_u64(to + 48, record->payload_hash);
}

void sim_trace_add(struct sim_trace *trace, const struct sim_record *record, const void *payload,
                   size_t payload_bytes)
{
    struct sim_record *kept = &trace->ring[trace->count % SIM_TRACE_RING];
    *kept = *record;
    kept->payload_hash = payload_bytes == 0 ? 0 : XXH64(payload, payload_bytes, payload_bytes);
    if (trace->batch_bytes == sizeof trace->batch) {
        XXH64_update(trace->hash, trace->batch, trace->batch_bytes);
        trace->batch_bytes = 0;
    }
    pack(trace->batch + trace->batch_bytes, kept);
    trace->batch_bytes += PACKED_BYTES;
    trace->count++;
    if (trace->file != NULL) {
        char text[256];
        sim_record_text(kept, text, sizeof text);
        fprintf(trace->file, "%s\n", text);
    }
}

uint64_t sim_trace_hash(const struct sim_trace *trace)
{
    XXH64_state_t hash = *trace->hash;
    XXH64_update(&hash, trace->batch, trace->batch_bytes);
    return XXH64_digest(&hash);
}

uint64_t sim_trace_count(const struct sim_trace *trace)
{
    return trace->count;
}

unsigned sim_trace_ring_count(const struct sim_trace *trace)
{
    return trace->count < SIM_TRACE_RING ? (unsigned)trace->count : SIM_TRACE_RING;
}

const struct sim_record *sim_trace_ring(const struct sim_trace *trace, unsigned index)
{
    uint64_t oldest = trace->count - sim_trace_ring_count(trace);
    return &trace->ring[(oldest + index) % SIM_TRACE_RING];
}

void sim_record_text(const struct sim_record *record, char *to, size_t to_bytes)
{
    snprintf(to, to_bytes,
             "%12" PRIu64 " vm%" PRIu32 " %-8s %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %016" PRIx64,
             record->time_ns, record->vm, kind_text[record->kind], record->a, record->b, record->c, record->d,
             record->payload_hash);
}
