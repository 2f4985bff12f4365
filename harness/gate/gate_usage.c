/* The compiler's own word on the stack: the .su files that -fstack-usage leaves beside the objects. */
#include "harness/gate/gate.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_BUDGET_BYTES = 512, FOLDERS_OPEN = 8, LINE_BYTES = 1024, NAME_BYTES = 96 };

/* nftw() hands its visitor no context. */
static struct usage {
    unsigned functions, dynamic, misread;
    unsigned long largest_bytes;
    char largest[NAME_BYTES], first_dynamic[NAME_BYTES];
} usage;

/* "file:line:column:name<tab>bytes<tab>static" */
static void read_line(char *line)
{
    char *bytes = strchr(line, '\t');
    char *kind = bytes == NULL ? NULL : strchr(bytes + 1, '\t');
    if (kind == NULL) {
        usage.misread++;
        return;
    }
    *bytes++ = 0;
    *kind++ = 0;
    const char *name = strrchr(line, ':');
    name = name == NULL ? line : name + 1;
    unsigned long frame_bytes = strtoul(bytes, NULL, 10);
    usage.functions++;
    if (strncmp(kind, "dynamic", 7) == 0 && usage.dynamic++ == 0)
        snprintf(usage.first_dynamic, NAME_BYTES, "%.95s", name);
    if (frame_bytes > usage.largest_bytes) {
        usage.largest_bytes = frame_bytes;
        snprintf(usage.largest, NAME_BYTES, "%.95s", name);
    }
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *where)
{
    char line[LINE_BYTES];
    size_t len = strlen(path);
    (void)status;
    (void)where;
    if (type != FTW_F || len < 3 || strcmp(path + len - 3, ".su") != 0)
        return 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        usage.misread++;
        return 0;
    }
    while (fgets(line, sizeof line, file) != NULL)
        read_line(line);
    fclose(file);
    return 0;
}

void gate_stack_usage(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    if (subject->stack_usage == NULL) {
        gate_skip(verdict, "no folder of the build's .su files was given (--stack-usage)");
        return;
    }
    usage = (struct usage){0};
    if (nftw(subject->stack_usage, visit, FOLDERS_OPEN, FTW_PHYS) != 0 || usage.functions == 0 ||
        usage.misread > 0)
        gate_fail(verdict, "%s: no .su files, or some that cannot be read", subject->stack_usage);
    else if (usage.dynamic > 0)
        gate_fail(verdict, "%s has a frame whose size is not known at compile time", usage.first_dynamic);
    else if (usage.largest_bytes > FRAME_BUDGET_BYTES)
        gate_fail(verdict, "%s has a frame of %lu bytes: the budget is %d", usage.largest,
                  usage.largest_bytes, FRAME_BUDGET_BYTES);
    else
        gate_pass(verdict, "%u frames, all of fixed size; the largest has %lu of %d bytes: %s",
                  usage.functions, usage.largest_bytes, FRAME_BUDGET_BYTES, usage.largest);
}
