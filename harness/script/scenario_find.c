#include "harness/script/scenario_find.h"
#include "sim/world/sim_memory.h"
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char suffix[] = ".lua";

const char *scenario_folder(void)
{
    const char *folder = getenv("KDHARNESS_SCENARIOS");
    return folder != NULL && folder[0] != 0 ? folder : KDHARNESS_SCENARIOS_DEFAULT;
}

static char *copy(const char *text, size_t len_bytes)
{
    char *to = sim_allocate(len_bytes + 1, 1);
    memcpy(to, text, len_bytes);
    return to;
}

static bool has_suffix(const char *path)
{
    size_t length = strlen(path);
    return length > strlen(suffix) && strcmp(path + length - strlen(suffix), suffix) == 0;
}

static void add(struct scenario_list *list, const char *path)
{
    const char *folder = scenario_folder();
    size_t prefix = strlen(folder);
    bool inside = strncmp(path, folder, prefix) == 0 && path[prefix] == '/';
    const char *name = inside ? path + prefix + 1 : path;
    list->items = sim_grow(list->items, &list->room, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (struct scenario){
        .path = copy(path, strlen(path)),
        .name = copy(name, strlen(name) - (has_suffix(name) ? strlen(suffix) : 0)),
    };
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void add_folder(struct scenario_list *list, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, by_bytes);
    for (int i = 0; i < count; i++) {
        char inside[PATH_MAX];
        snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && is_folder(inside))
            add_folder(list, inside);
        else if (has_suffix(inside))
            add(list, inside);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* What is at path, as a folder, a file, or a file without its suffix. Returns false when nothing is. */
static bool add_path(struct scenario_list *list, const char *path)
{
    struct stat status;
    char file[PATH_MAX];
    if (is_folder(path)) {
        size_t before = list->count;
        add_folder(list, path);
        return list->count > before;
    }
    if (stat(path, &status) == 0) {
        add(list, path);
        return true;
    }
    snprintf(file, sizeof file, "%s%s", path, suffix);
    if (stat(file, &status) != 0)
        return false;
    add(list, file);
    return true;
}

enum kd_status scenario_find(struct scenario_list *list, const char *name, char *why)
{
    char below[PATH_MAX];
    snprintf(below, sizeof below, "%s%s%s", scenario_folder(), name == NULL ? "" : "/", name == NULL ? "" : name);
    if ((name != NULL && add_path(list, name)) || add_path(list, below))
        return KD_OK;
    snprintf(why, SCENARIO_WHY_BYTES, "no scenario '%.100s': neither a file or folder of that name nor one below %.300s",
             name == NULL ? "" : name, scenario_folder());
    return KD_ERR_ARGUMENT;
}

void scenario_list_free(struct scenario_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].name);
    }
    free(list->items);
    *list = (struct scenario_list){0};
}
