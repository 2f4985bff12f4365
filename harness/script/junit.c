#include "harness/script/junit.h"
#include <inttypes.h>
#include <string.h>

/* XML 1.0 has no place for most control characters; they become spaces. */
static void put_escaped(FILE *file, const char *text)
{
    static const char special[] = "&<>\"";
    static const char *const entity[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    for (; *text != 0; text++) {
        const char *found = strchr(special, *text);
        if (found != NULL)
            fputs(entity[found - special], file);
        else
            fputc((unsigned char)*text < 0x20 && *text != '\n' ? ' ' : *text, file);
    }
}

static void put_element(FILE *file, const char *element, const char *message)
{
    fprintf(file, "    <%s message=\"", element);
    put_escaped(file, message);
    fputs("\"/>\n", file);
}

void junit_begin(FILE *file)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"kdharness\">\n", file);
}

void junit_case(FILE *file, const char *name, const char *way, uint64_t time_ns, enum script_outcome outcome,
                const char *message)
{
    fputs("  <testcase classname=\"scenario\" name=\"", file);
    put_escaped(file, name);
    fprintf(file, " [%s]\" time=\"%" PRIu64 ".%09" PRIu64 "\">\n", way, time_ns / SIM_S(1), time_ns % SIM_S(1));
    if (outcome == SCRIPT_SKIPPED)
        put_element(file, "skipped", message);
    else if (outcome == SCRIPT_FAILED)
        put_element(file, "failure", message);
    else if (outcome == SCRIPT_BAD_INPUT)
        put_element(file, "error", message);
    fputs("  </testcase>\n", file);
}

void junit_end(FILE *file)
{
    fputs("</testsuite>\n", file);
}
