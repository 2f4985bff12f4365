/* mk_memory_api.c: requests about memory (kd-protocol.md 4.4): read, write, search, fill, query. */
#include "sim/kernel/mk_state.h"

typedef uint32_t read_fn(const struct mk_state *state, uint64_t address, uint8_t *to, uint32_t len_bytes);
typedef uint32_t write_fn(struct mk_state *state, uint64_t address, const uint8_t *from, uint32_t len_bytes);

enum { COUNT = 8, ACTUAL = 12 };

static uint32_t read_memory(struct mk_state *state, struct mk_request *request, uint64_t address,
                            read_fn *read)
{
    uint32_t asked = mk_get_u32(request, COUNT);
    uint32_t bytes = mk_min(asked, MK_TRANSFER_BYTES_MAX);
    request->reply_bytes = read(state, address, state->data, bytes);
    mk_put_u32(request, ACTUAL, request->reply_bytes);
    return request->reply_bytes == bytes ? MK_SUCCESS : MK_UNSUCCESSFUL;
}

/* The length used is the data's, not the count's. */
static uint32_t write_memory(struct mk_state *state, struct mk_request *request, uint64_t address,
                             write_fn *write)
{
    uint32_t done = write(state, address, state->data, request->data_bytes);
    mk_put_u32(request, ACTUAL, done);
    return done == request->data_bytes ? MK_SUCCESS : MK_UNSUCCESSFUL;
}

uint32_t mk_read_virtual_memory(struct mk_state *state, struct mk_request *request)
{
    return read_memory(state, request, mk_get_address(state, request), mk_read);
}

uint32_t mk_write_virtual_memory(struct mk_state *state, struct mk_request *request)
{
    return write_memory(state, request, mk_get_address(state, request), mk_write);
}

/* Default, cached, uncached, write-combined are all one here; anything else is refused. */
static bool cache_type_exists(struct mk_request *request)
{
    enum { CACHE_TYPES = 4 };
    uint32_t type = mk_get_u32(request, ACTUAL);
    mk_put_u32(request, ACTUAL, 0);
    return type < CACHE_TYPES;
}

uint32_t mk_read_physical_memory(struct mk_state *state, struct mk_request *request)
{
    if (!cache_type_exists(request))
        return MK_UNSUCCESSFUL;
    return read_memory(state, request, mk_get_u64(request, 0), mk_read_physical);
}

uint32_t mk_write_physical_memory(struct mk_state *state, struct mk_request *request)
{
    if (!cache_type_exists(request))
        return MK_UNSUCCESSFUL;
    return write_memory(state, request, mk_get_u64(request, 0), mk_write_physical);
}

/* ---- search -------------------------------------------------------------------------------------------- */

enum { SEARCH_PATTERN = 1024, SEARCH_WINDOW = 1024, SEARCH_PAGES_MAX = 65536 };

/* Where in the window the pattern begins, or window_bytes when it does not. */
static uint32_t find(const uint8_t *window, uint32_t window_bytes, const uint8_t *pattern,
                     uint32_t pattern_bytes)
{
    for (uint32_t i = 0; i + pattern_bytes <= window_bytes; i++)
        if (window[i] == pattern[0] && kd_equal(window + i, pattern, pattern_bytes))
            return i;
    return window_bytes;
}

/* Searches [start, end), skipping what is not mapped; the whole match must lie in it. Looked at are at most
 * SEARCH_PAGES_MAX windows and holes, so that neither an endless range nor page tables that point at
 * themselves hold the machine. state->data has the pattern in front and the window behind it. */
static bool search(struct mk_state *state, uint64_t start, uint64_t end, uint32_t pattern_bytes,
                   uint64_t *found)
{
    uint8_t *window = state->data + SEARCH_PATTERN;
    uint64_t at = start;
    for (uint32_t i = 0; i < SEARCH_PAGES_MAX && at < end && end - at >= pattern_bytes; i++) {
        uint64_t left = end - at;
        uint32_t wanted =
            left < SEARCH_WINDOW + SEARCH_PATTERN ? (uint32_t)left : SEARCH_WINDOW + SEARCH_PATTERN;
        uint32_t got = mk_read(state, at, window, wanted);
        uint32_t place = find(window, got, state->data, pattern_bytes);
        if (place < got) {
            *found = at + place;
            return true;
        }
        struct mk_translation hole;
        uint64_t step = got < pattern_bytes ? got : got - pattern_bytes + 1u;
        if (got < wanted && !mk_translate(state, at + got, &hole))
            step = got + hole.span_bytes;
        if (step == 0)
            step = MK_PAGE_BYTES - (at & (MK_PAGE_BYTES - 1)); /* mapped, but no RAM behind it */
        if (at + step < at)
            return false;
        at += step;
    }
    return false;
}

/* The end of a range; past the last address there is none. On x86 a range that begins below the kernel may
 * end in it, at a sign-extended address. */
static uint64_t range_end(const struct mk_state *state, uint64_t start, uint64_t length)
{
    const uint64_t half = 1ull << 31;
    if (state->layout->pointer_bytes == 4 && start < half)
        return length < half - start ? start + length : mk_address(state->layout, start + length);
    return length > UINT64_MAX - start ? UINT64_MAX : start + length;
}

uint32_t mk_search_memory(struct mk_state *state, struct mk_request *request)
{
    uint64_t start = mk_get_address(state, request), found;
    uint64_t end = range_end(state, start, mk_get_u64(request, 8));
    uint32_t pattern_bytes = mk_get_u32(request, 16);
    if (pattern_bytes == 0 || pattern_bytes > SEARCH_PATTERN || pattern_bytes > request->data_bytes)
        return MK_INVALID_PARAMETER;
    if (!search(state, start, end, pattern_bytes, &found))
        return MK_UNSUCCESSFUL;
    mk_put_u64(request, 0, found);
    return MK_SUCCESS;
}

/* ---- fill ---------------------------------------------------------------------------------------------- */

enum { FILL_VIRTUAL = 1, FILL_PHYSICAL = 2, FILL_LENGTH = 8, FILL_FLAGS = 12 };

/* Repeats the pattern in state->data as often as it fits there. Returns how many bytes that are. */
static uint32_t repeat_pattern(struct mk_state *state, uint32_t pattern_bytes)
{
    uint32_t whole = MK_DATA_BYTES / pattern_bytes * pattern_bytes;
    for (uint32_t i = pattern_bytes; i < whole; i++)
        state->data[i] = state->data[i - pattern_bytes];
    return whole;
}

/* Not more than there is RAM, whatever length is asked for. */
static uint32_t fill(struct mk_state *state, uint64_t address, uint32_t length, write_fn *write,
                     uint32_t pattern_bytes)
{
    uint32_t done = 0, chunk = repeat_pattern(state, pattern_bytes);
    while (done < length && done < state->map->ram_bytes) {
        uint32_t part = mk_min(chunk, length - done);
        uint32_t written = write(state, address + done, state->data, part);
        done += written;
        if (written < part)
            break;
    }
    return done;
}

uint32_t mk_fill_memory(struct mk_state *state, struct mk_request *request)
{
    uint32_t length = mk_get_u32(request, FILL_LENGTH);
    uint32_t flags = kd_load_u16(request->header + MK_UNION + FILL_FLAGS);
    uint32_t pattern_bytes = kd_load_u16(request->header + MK_UNION + FILL_FLAGS + 2);
    mk_put_u32(request, FILL_LENGTH, 0);
    if (pattern_bytes == 0 || pattern_bytes > request->data_bytes ||
        (flags != FILL_VIRTUAL && flags != FILL_PHYSICAL))
        return MK_INVALID_PARAMETER;
    uint32_t done = flags == FILL_VIRTUAL
                        ? fill(state, mk_get_address(state, request), length, mk_write, pattern_bytes)
                        : fill(state, mk_get_u64(request, 0), length, mk_write_physical, pattern_bytes);
    mk_put_u32(request, FILL_LENGTH, done);
    return done == length ? MK_SUCCESS : MK_UNSUCCESSFUL;
}

/* ---- query --------------------------------------------------------------------------------------------- */

uint32_t mk_query_memory(struct mk_state *state, struct mk_request *request)
{
    enum { SPACE = 16, FLAGS = 20, VIRTUAL = 0, PROCESS = 0, KERNEL = 2, READ_WRITE_EXECUTE = 7 };
    if (mk_get_u32(request, SPACE) != VIRTUAL)
        return MK_INVALID_PARAMETER;
    uint64_t user_end = 1ull << (state->layout->paging.address_bits - 1);
    mk_put_u64(request, 8, 0);
    mk_put_u32(request, SPACE, mk_get_address(state, request) < user_end ? PROCESS : KERNEL);
    mk_put_u32(request, FLAGS, READ_WRITE_EXECUTE);
    return MK_SUCCESS;
}
