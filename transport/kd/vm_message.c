/* vm_message.c: the bytes of the messages between the guest module and the relay.
 *
 * Storing writes zero wherever a message of its kind has nothing to say. Loading reads every field, stores
 * what it read, and compares: one comparison refuses a wrong magic, reserved bytes and fields that do not
 * belong to the kind. What is left are ranges and lengths. */
#include "transport/kd/vm_message.h"

/* What a request of each kind carries besides version and token. */
enum { KNOWN = 1, VERSIONS = 2, PACKET = 4, NEXT = 8, MAY_WANT_NEXT = 16 };

static const uint8_t request_parts[] = {
    [VM_HELLO] = KNOWN | VERSIONS,
    [VM_SEND] = KNOWN | PACKET | MAY_WANT_NEXT,
    [VM_RECEIVE] = KNOWN | NEXT,
    [VM_POLL] = KNOWN,
    [VM_RESUME] = KNOWN | MAY_WANT_NEXT,
};

/* The kinds of request that each result can answer, one bit each. */
#define KIND(kind)    (1u << (kind))
#define KINDS_OF_SEND (KIND(VM_SEND) | KIND(VM_RESUME))
static const uint8_t result_kinds[] = {
    [VM_DONE] = KIND(VM_HELLO) | KIND(VM_RECEIVE) | KIND(VM_POLL) | KINDS_OF_SEND,
    [VM_TIMEOUT] = KIND(VM_RECEIVE),
    [VM_RESEND] = KIND(VM_RECEIVE),
    [VM_PENDING] = KINDS_OF_SEND,
    [VM_ABANDONED] = KINDS_OF_SEND,
    [VM_STALE] = KIND(VM_RECEIVE) | KIND(VM_POLL) | KINDS_OF_SEND,
};

#define VM_REPLY_FLAGS (VM_REPLY_PACKET | VM_REPLY_BREAK_IN | VM_REPLY_NOT_PRESENT | VM_REPLY_RESEND_NEXT)

static uint8_t parts_of(const struct vm_request *request)
{
    uint8_t parts = request->kind < sizeof(request_parts) ? request_parts[request->kind] : 0;
    if ((parts & MAY_WANT_NEXT) && (request->flags & VM_FLAG_WANT_NEXT))
        parts |= NEXT;
    return parts;
}

/* The bytes that both headers begin with: magic, version, kind, a u16 at 4 and one at 6, the token at 8. */
static void store_start(uint8_t *to, uint8_t version, uint8_t kind, uint64_t token)
{
    kd_fill(to, 0, VM_REQUEST_BYTES);
    kd_store_u16(to, VM_MESSAGE_MAGIC);
    to[2] = version;
    to[3] = kind;
    kd_store_u64(to + 8, token);
}

static bool version_spoken(uint8_t version)
{
    return version >= VM_VERSION_MIN && version <= VM_VERSION_MAX;
}

/* Points the packet's spans at the bytes behind a 32-byte header, which must be all that is there. */
static enum kd_status load_packet(struct kd_packet *packet, const uint8_t *bytes, size_t len_bytes)
{
    uint32_t body_bytes = packet->header.len_bytes + packet->data.len_bytes;
    if (body_bytes > KD_BODY_BYTES_MAX)
        return KD_ERR_TOO_BIG;
    if (len_bytes != VM_REQUEST_BYTES + body_bytes || kd_type_header_bytes(packet->type) == 0)
        return KD_ERR_BAD_MESSAGE;
    packet->header.bytes = bytes + VM_REQUEST_BYTES;
    packet->data.bytes = packet->header.bytes + packet->header.len_bytes;
    return KD_OK;
}

_Static_assert((int)VM_REQUEST_BYTES == (int)VM_REPLY_BYTES,
               "load_packet and store_start serve both headers");

void vm_request_store(uint8_t to[VM_REQUEST_BYTES], const struct vm_request *request)
{
    uint8_t parts = parts_of(request);
    store_start(to, request->version, request->kind, request->token);
    kd_store_u16(to + 4, request->flags);
    if (parts & VERSIONS) {
        kd_store_u16(to + 16, request->version_min);
        kd_store_u16(to + 18, request->machine);
    }
    if (parts & PACKET) {
        kd_store_u16(to + 6, request->packet.type);
        kd_store_u16(to + 16, (uint16_t)request->packet.header.len_bytes);
        kd_store_u16(to + 18, (uint16_t)request->packet.data.len_bytes);
        kd_store_u16(to + 26, request->retries);
    }
    if (parts & NEXT) {
        kd_store_u16(to + 20, request->next.type);
        kd_store_u16(to + 22, request->next.header_bytes);
        kd_store_u16(to + 24, request->next.data_room);
    }
}

static void request_read(struct vm_request *request, const uint8_t *bytes)
{
    *request = (struct vm_request){.version = bytes[2], .kind = bytes[3]};
    request->flags = kd_load_u16(bytes + 4);
    request->token = kd_load_u64(bytes + 8);
    uint8_t parts = parts_of(request);
    if (parts & VERSIONS) {
        request->version_min = bytes[16];
        request->machine = kd_load_u16(bytes + 18);
    }
    if (parts & PACKET) {
        request->packet.type = kd_load_u16(bytes + 6);
        request->packet.header.len_bytes = kd_load_u16(bytes + 16);
        request->packet.data.len_bytes = kd_load_u16(bytes + 18);
        request->retries = kd_load_u16(bytes + 26);
    }
    if (parts & NEXT) {
        request->next.type = kd_load_u16(bytes + 20);
        request->next.header_bytes = kd_load_u16(bytes + 22);
        request->next.data_room = kd_load_u16(bytes + 24);
    }
}

/* A hello is good in any range of versions: whether one is in common, the relay's reply says. */
static bool hello_good(const struct vm_request *hello)
{
    return hello->token == 0 && hello->version_min > 0 && hello->version_min <= hello->version &&
           (hello->machine == VM_MACHINE_X64 || hello->machine == VM_MACHINE_X86);
}

enum kd_status vm_request_load(struct vm_request *request, const uint8_t *bytes, size_t len_bytes)
{
    if (len_bytes < VM_REQUEST_BYTES)
        return KD_ERR_BAD_MESSAGE;
    uint8_t canonical[VM_REQUEST_BYTES];
    request_read(request, bytes);
    vm_request_store(canonical, request);
    uint8_t parts = parts_of(request);
    uint16_t flags_allowed = parts & MAY_WANT_NEXT ? VM_FLAG_WANT_NEXT : 0;
    if (!kd_equal(canonical, bytes, sizeof(canonical)) || parts == 0 || (request->flags & ~flags_allowed))
        return KD_ERR_BAD_MESSAGE;
    if (parts & VERSIONS ? !hello_good(request) : !version_spoken(request->version))
        return KD_ERR_BAD_MESSAGE;
    if ((parts & NEXT) && kd_type_header_bytes(request->next.type) == 0)
        return KD_ERR_BAD_MESSAGE;
    if (parts & PACKET)
        return load_packet(&request->packet, bytes, len_bytes);
    return len_bytes == VM_REQUEST_BYTES ? KD_OK : KD_ERR_BAD_MESSAGE;
}

void vm_reply_store(uint8_t to[VM_REPLY_BYTES], const struct vm_reply *reply)
{
    store_start(to, reply->version, reply->kind, reply->token);
    kd_store_u16(to + 4, reply->result);
    kd_store_u16(to + 6, reply->flags);
    if (reply->flags & VM_REPLY_PACKET) {
        kd_store_u16(to + 16, reply->packet.type);
        kd_store_u16(to + 18, (uint16_t)reply->packet.header.len_bytes);
        kd_store_u16(to + 20, (uint16_t)reply->packet.data.len_bytes);
    }
    if (reply->kind == VM_HELLO)
        kd_store_u16(to + 22, reply->hold_ms);
    kd_store_u64(to + 24, reply->epoch);
}

static void reply_read(struct vm_reply *reply, const uint8_t *bytes)
{
    *reply = (struct vm_reply){.version = bytes[2], .kind = bytes[3]};
    reply->result = kd_load_u16(bytes + 4);
    reply->flags = kd_load_u16(bytes + 6);
    reply->token = kd_load_u64(bytes + 8);
    if (reply->flags & VM_REPLY_PACKET) {
        reply->packet.type = kd_load_u16(bytes + 16);
        reply->packet.header.len_bytes = kd_load_u16(bytes + 18);
        reply->packet.data.len_bytes = kd_load_u16(bytes + 20);
    }
    if (reply->kind == VM_HELLO)
        reply->hold_ms = kd_load_u16(bytes + 22);
    reply->epoch = kd_load_u64(bytes + 24);
}

/* A refusal may come from a relay of another version, about a request whose kind it could not read. */
static bool result_good(const struct vm_reply *reply)
{
    if (reply->result == VM_REFUSED)
        return true;
    return reply->result < sizeof(result_kinds) && reply->kind <= VM_RESUME &&
           (result_kinds[reply->result] & KIND(reply->kind)) && version_spoken(reply->version) &&
           reply->token != 0;
}

/* A packet comes with DONE: always for a receive, perhaps for a send, which may have RESEND_NEXT instead. */
static bool reply_flags_good(const struct vm_reply *reply)
{
    bool done = reply->result == VM_DONE;
    bool done_send = done && (KINDS_OF_SEND & KIND(reply->kind));
    bool done_receive = done && reply->kind == VM_RECEIVE;
    bool packet = reply->flags & VM_REPLY_PACKET;
    bool resend_next = reply->flags & VM_REPLY_RESEND_NEXT;
    if ((reply->flags & ~VM_REPLY_FLAGS) || (resend_next && (packet || !done_send)))
        return false;
    return done_send || packet == done_receive;
}

enum kd_status vm_reply_load(struct vm_reply *reply, const uint8_t *bytes, size_t len_bytes)
{
    if (len_bytes < VM_REPLY_BYTES)
        return KD_ERR_BAD_MESSAGE;
    uint8_t canonical[VM_REPLY_BYTES];
    reply_read(reply, bytes);
    vm_reply_store(canonical, reply);
    if (!kd_equal(canonical, bytes, sizeof(canonical)) || !result_good(reply) || !reply_flags_good(reply))
        return KD_ERR_BAD_MESSAGE;
    if (reply->flags & VM_REPLY_PACKET)
        return load_packet(&reply->packet, bytes, len_bytes);
    return len_bytes == VM_REPLY_BYTES ? KD_OK : KD_ERR_BAD_MESSAGE;
}
