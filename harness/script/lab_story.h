/* lab_story.h: the last events of an experiment, kept small while it runs, put into words only when it failed. */
#ifndef LAB_STORY_H
#define LAB_STORY_H

#include "harness/script/lab.h"

struct lab_story *lab_story_create(void);
void lab_story_destroy(struct lab_story *story);

void lab_story_api(struct lab_story *story, uint64_t time_ns, const struct mk_trace *trace);
void lab_story_life(struct lab_story *story, uint64_t time_ns, enum sim_life life);
void lab_story_note(struct lab_story *story, uint64_t time_ns, enum dbg_note note, uint64_t a, uint64_t b,
                    uint64_t c);
/* sent: by the debugger; else accepted by it */
void lab_story_message(struct lab_story *story, uint64_t time_ns, bool sent, uint16_t type, const uint8_t *body,
                       uint32_t body_bytes);
void lab_story_fault(struct lab_story *story, uint64_t time_ns, const struct sim_fault_rule *rule);

/* "1.020304050 s" */
void lab_time_text(uint64_t time_ns, char *to, size_t to_bytes);

#endif
