#include "harness/gate/gate_play.h"

#include "sim/world/sim_memory.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void verdict_set(struct gate_verdict *verdict, enum gate_outcome outcome, const char *format,
                        va_list arguments)
{
    verdict->outcome = outcome;
    vsnprintf(verdict->evidence, sizeof verdict->evidence, format, arguments);
}

void gate_pass(struct gate_verdict *verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    verdict_set(verdict, GATE_PASS, format, arguments);
    va_end(arguments);
}

void gate_fail(struct gate_verdict *verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    verdict_set(verdict, GATE_FAIL, format, arguments);
    va_end(arguments);
}

void gate_skip(struct gate_verdict *verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    verdict_set(verdict, GATE_SKIP, format, arguments);
    va_end(arguments);
}

const char *gate_subject_arch(const struct gate_subject *subject)
{
    return subject->image.is_64 ? "x64" : "x86";
}

static void hash(struct gate_subject *subject)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len_bytes = 0;
    if (EVP_Digest(subject->bytes, subject->len_bytes, digest, &len_bytes, EVP_sha256(), NULL) != 1)
        len_bytes = 0;
    for (unsigned i = 0; i < len_bytes && 2 * i + 2 < GATE_SHA256_BYTES; i++)
        snprintf(subject->sha256 + 2 * i, 3, "%02x", digest[i]);
}

static enum kd_status read_file(const char *path, uint8_t **bytes, size_t *len_bytes, char why[PE_WHY_BYTES])
{
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
        snprintf(why, PE_WHY_BYTES, "is no regular file");
        return KD_ERR_NO_DEVICE;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        snprintf(why, PE_WHY_BYTES, "cannot be opened: %s", strerror(errno));
        return KD_ERR_NO_DEVICE;
    }
    *bytes = sim_allocate(1, GATE_FILE_BYTES_MAX + 1);
    *len_bytes = fread(*bytes, 1, GATE_FILE_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    snprintf(why, PE_WHY_BYTES, "cannot be read: %s", strerror(errno));
    fclose(file);
    if (!failed && *len_bytes <= GATE_FILE_BYTES_MAX)
        return KD_OK;
    if (!failed)
        snprintf(why, PE_WHY_BYTES, "has more than %d bytes: no KD module", GATE_FILE_BYTES_MAX);
    free(*bytes);
    return failed ? KD_ERR_NO_DEVICE : KD_ERR_TOO_BIG;
}

/* Relocations that are damaged fail their own rule; the code is then looked at without them. */
static enum kd_status read_code(struct gate_subject *subject, char why[PE_WHY_BYTES])
{
    struct pe_relocations *relocations = sim_allocate(1, sizeof *relocations);
    char unread[PE_WHY_BYTES];
    if (pe_relocations_read(&subject->image, relocations, unread) != KD_OK)
        relocations->count = 0;
    enum kd_status status = gate_code_read(&subject->code, &subject->image, relocations);
    free(relocations);
    if (status != KD_OK)
        snprintf(why, PE_WHY_BYTES, "cannot be disassembled: Capstone does not start");
    return status;
}

enum kd_status gate_subject_take(struct gate_subject *subject, const char *path, uint8_t *bytes,
                                 size_t len_bytes, char why[PE_WHY_BYTES])
{
    *subject = (struct gate_subject){.path = path, .bytes = bytes, .len_bytes = len_bytes};
    subject->scenarios = sim_allocate(1, sizeof *subject->scenarios);
    enum kd_status status = pe_image_read(&subject->image, bytes, len_bytes, why);
    if (status == KD_OK)
        status = read_code(subject, why);
    if (status == KD_OK)
        hash(subject);
    else
        gate_subject_close(subject);
    return status;
}

enum kd_status gate_subject_open(struct gate_subject *subject, const char *path, char why[PE_WHY_BYTES])
{
    uint8_t *bytes = NULL;
    size_t len_bytes = 0;
    enum kd_status status = read_file(path, &bytes, &len_bytes, why);
    return status == KD_OK ? gate_subject_take(subject, path, bytes, len_bytes, why) : status;
}

void gate_subject_close(struct gate_subject *subject)
{
    gate_code_free(&subject->code);
    free(subject->scenarios);
    free(subject->bytes);
    subject->scenarios = NULL;
    subject->bytes = NULL;
    subject->len_bytes = 0;
}
