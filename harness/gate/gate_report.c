#include "harness/gate/gate_report.h"

#include "sim/world/sim_memory.h"

#include <capstone/capstone.h>
#include <jansson.h>
#include <stdlib.h>

struct gate_report {
    FILE *out;
    json_t *subjects;
    json_t *subject, *findings; /* of the file under judgement; owned by subjects */
    struct gate_counts counts;
    const char *path;
};

static const char *const outcome_words[] = {[GATE_PASS] = "pass", [GATE_FAIL] = "FAIL", [GATE_SKIP] = "skip"};
static const char *const outcome_names[] = {[GATE_PASS] = "pass", [GATE_FAIL] = "fail", [GATE_SKIP] = "skip"};

struct gate_report *gate_report_create(FILE *out)
{
    struct gate_report *report = sim_allocate(1, sizeof *report);
    report->out = out;
    report->subjects = json_array();
    return report;
}

void gate_report_destroy(struct gate_report *report)
{
    json_decref(report->subjects);
    free(report);
}

void gate_report_subject(struct gate_report *report, const struct gate_subject *subject)
{
    report->counts = (struct gate_counts){0};
    report->path = subject->path;
    report->findings = json_array();
    report->subject = json_object();
    json_object_set_new(report->subject, "file", json_string(subject->path));
    json_object_set_new(report->subject, "arch", json_string(gate_subject_arch(subject)));
    json_object_set_new(report->subject, "bytes", json_integer((json_int_t)subject->len_bytes));
    json_object_set_new(report->subject, "sha256", json_string(subject->sha256));
    json_object_set_new(report->subject, "rules", report->findings);
    json_array_append_new(report->subjects, report->subject);
    if (report->out != NULL)
        fprintf(report->out, "%s  %s  %zu bytes  sha256 %s\n", subject->path, gate_subject_arch(subject),
                subject->len_bytes, subject->sha256);
}

static void count(struct gate_counts *counts, enum gate_outcome outcome)
{
    counts->passed += outcome == GATE_PASS;
    counts->failed += outcome == GATE_FAIL;
    counts->skipped += outcome == GATE_SKIP;
}

void gate_report_finding(struct gate_report *report, const struct gate_rule *rule,
                         const struct gate_verdict *verdict, double seconds)
{
    json_t *finding = json_object();
    json_object_set_new(finding, "rule", json_string(rule->name));
    json_object_set_new(finding, "claim", json_string(rule->claim));
    json_object_set_new(finding, "outcome", json_string(outcome_names[verdict->outcome]));
    json_object_set_new(finding, "evidence", json_string(verdict->evidence));
    if (rule->plays)
        json_object_set_new(finding, "seconds", json_real(seconds));
    json_array_append_new(report->findings, finding);
    count(&report->counts, verdict->outcome);
    if (report->out == NULL)
        return;
    fprintf(report->out, "  %s  %-14s %s\n", outcome_words[verdict->outcome], rule->name, verdict->evidence);
    if (verdict->outcome == GATE_FAIL)
        fprintf(report->out, "        %-14s expected: %s\n", "", rule->claim);
    fflush(report->out);
}

struct gate_counts gate_report_end(struct gate_report *report)
{
    struct gate_counts counts = report->counts;
    const char *verdict = counts.failed > 0 ? "fail" : counts.passed > 0 ? "pass" : "nothing judged";
    json_object_set_new(report->subject, "verdict", json_string(verdict));
    json_object_set_new(report->subject, "passed", json_integer(counts.passed));
    json_object_set_new(report->subject, "failed", json_integer(counts.failed));
    json_object_set_new(report->subject, "skipped", json_integer(counts.skipped));
    if (report->out != NULL)
        fprintf(report->out, "gate: %s: %s: %u passed, %u failed, %u skipped\n", report->path, verdict,
                counts.passed, counts.failed, counts.skipped);
    return counts;
}

enum kd_status gate_report_json(const struct gate_report *report, FILE *json)
{
    char capstone[32];
    int major, minor;
    cs_version(&major, &minor);
    snprintf(capstone, sizeof capstone, "%d.%d", major, minor);
    json_t *all = json_pack("{s:s, s:{s:s}, s:O}", "format", "fastkd gate 1", "tools", "capstone", capstone,
                            "dlls", report->subjects);
    bool good = all != NULL && json_dumpf(all, json, JSON_INDENT(2) | JSON_REAL_PRECISION(4)) == 0;
    json_decref(all);
    good = good && fputc('\n', json) != EOF && fflush(json) == 0;
    return good ? KD_OK : KD_ERR_NO_DEVICE;
}
