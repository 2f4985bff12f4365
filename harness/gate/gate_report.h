/* gate_report.h: the gate's findings, a line for each rule as it is judged, and all of them as JSON. */
#ifndef GATE_REPORT_H
#define GATE_REPORT_H

#include "harness/gate/gate.h"

#include <stdio.h>

struct gate_counts {
    unsigned passed, failed, skipped;
};

struct gate_report; /* private */

/* out may be NULL: nothing is printed. */
struct gate_report *gate_report_create(FILE *out);
void gate_report_destroy(struct gate_report *report);

/* A file's judgement begins; its findings follow. */
void gate_report_subject(struct gate_report *report, const struct gate_subject *subject);
void gate_report_finding(struct gate_report *report, const struct gate_rule *rule,
                         const struct gate_verdict *verdict, double seconds);
/* The file's last line. Returns its counts. */
struct gate_counts gate_report_end(struct gate_report *report);

/* Writes everything as JSON.
 * Returns  KD_OK; KD_ERR_NO_DEVICE: the file could not be written completely */
KD_MUST_USE enum kd_status gate_report_json(const struct gate_report *report, FILE *json);

#endif
