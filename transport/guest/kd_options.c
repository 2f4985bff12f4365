#include "transport/guest/kd_options.h"

#include <stdbool.h>
#include <stddef.h>

/* One row per option: the name with its fixed part of the value, where the number goes, and its range. */
struct option {
    const char *name;
    size_t offset;
    uint32_t min;
    uint32_t max;
};

static const struct option option_table[] = {
    {"DEBUGPORT=COM", offsetof(struct kd_options, com), 1, KD_COM_MAX},
    {"BAUDRATE=", offsetof(struct kd_options, baud), 2, KD_BAUD_MAX},
    {"KDPOLLS=", offsetof(struct kd_options, polls), 1, UINT32_MAX - 1},
};

static bool ends_word(char c)
{
    return c == '\0' || c == ' ' || c == '\t' || c == '/';
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Reads nothing behind the NUL: a mismatch stops at it. Returns what follows name, or NULL. */
static const char *after_name(const char *text, const char *name)
{
    while (*name != '\0' && upper(*text) == *name) {
        text++;
        name++;
    }
    return *name == '\0' ? text : NULL;
}

/* A whole word of decimal digits, in range; else false. */
static bool read_number(const char *text, const struct option *option, uint32_t *number)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (uint64_t)(*at - '0');
        if (value > option->max)
            return false;
    }
    if (at == text || !ends_word(*at) || value < option->min)
        return false;
    *number = (uint32_t)value;
    return true;
}

static void read_word(struct kd_options *options, const char *word)
{
    for (size_t i = 0; i < sizeof option_table / sizeof option_table[0]; i++) {
        const struct option *option = &option_table[i];
        const char *value = after_name(word, option->name);
        uint32_t number = 0;
        if (value != NULL && read_number(value, option, &number))
            *(uint32_t *)(void *)((uint8_t *)options + option->offset) = number;
    }
}

void kd_options_default(struct kd_options *options)
{
    *options = (struct kd_options){.com = KD_COM_DEFAULT, .baud = KD_BAUD_DEFAULT, .polls = KD_POLLS_DEFAULT};
}

void kd_options_parse(struct kd_options *options, const char *text)
{
    if (text == NULL)
        return;
    for (size_t i = 0; i < KD_OPTIONS_BYTES_MAX && text[i] != '\0'; i++)
        if (i == 0 || ends_word(text[i - 1]))
            read_word(options, text + i);
}
