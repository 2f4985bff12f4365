/* timeline_words.h: frames and RPC messages in a few words: a name by which they are alike, an id, and
 * details. */
#ifndef TIMELINE_WORDS_H
#define TIMELINE_WORDS_H

#include "harness/dbg/dbg_api.h"
#include "harness/timeline/timeline.h"
#include "harness/timeline/timeline_symbols.h"

/* Fills name, id and detail of an event.
 * to_target  in  the debugger sent it: of a manipulate message its fields are a request's, else a reply's */
void timeline_words_frame(struct timeline_event *event, const struct timeline_symbols *symbols,
                          enum dbg_arch arch, bool to_target, const struct dbg_frame *frame);

/* What a request of vm_message.h is called, by its kind. */
const char *timeline_words_request(unsigned kind);

/* The same for a message of vm_message.h, which need not be a good one. */
void timeline_words_rpc(struct timeline_event *event, bool is_reply, const uint8_t *bytes, size_t len_bytes);

#endif
