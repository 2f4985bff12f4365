/* kd_status.c: names and phrases of the results, generated from their one list. */
#include "transport/kd/kd_status.h"

const char *kd_status_name(enum kd_status status)
{
    switch (status) {
#define KD_STATUS_NAME(name, value, phrase)                                                                  \
    case name:                                                                                               \
        return #name;
        KD_STATUS_LIST(KD_STATUS_NAME)
#undef KD_STATUS_NAME
    }
    return "KD_ERR_UNKNOWN";
}

const char *kd_status_phrase(enum kd_status status)
{
    switch (status) {
#define KD_STATUS_PHRASE(name, value, phrase)                                                                \
    case name:                                                                                               \
        return phrase;
        KD_STATUS_LIST(KD_STATUS_PHRASE)
#undef KD_STATUS_PHRASE
    }
    return "a status that is not in the list";
}
