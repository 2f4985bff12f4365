/* junit.h: results as the XML that CI systems read. */
#ifndef JUNIT_H
#define JUNIT_H

#include "harness/script/script.h"

void junit_begin(FILE *file);
void junit_case(FILE *file, const char *name, const char *way, uint64_t time_ns, enum script_outcome outcome,
                const char *message);
void junit_end(FILE *file);

#endif
