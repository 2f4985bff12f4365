/* The machine's verbs: what it is (vm), its life (boot, attach, target.*), time (after, now) and what lies where in
 * its memory (image). */
#include "harness/script/script_private.h"
#include <string.h>

/* ---- vm{} ---------------------------------------------------------------------------------------------------- */

/* A table of its own inside vm{}: its fields are set under "cost." and "debugger.". */
static bool is_group(const char *name)
{
    return strcmp(name, "cost") == 0 || strcmp(name, "debugger") == 0;
}

/* What a scenario may be played on. It fits all of an axis unless it says less, and then because = "..." says why:
 * link = "serial", or links = {"backdoor", "doorbell"}; the same with arch and archs. */
struct axis {
    const char *one, *many, *noun, *expected;
    int values;
    bool (*find)(const char *name, const struct script_options *options, bool *is_played);
};

static bool find_link(const char *name, const struct script_options *options, bool *is_played)
{
    enum sim_link found;
    if (lab_link_find(name, &found) != KD_OK)
        return false;
    *is_played = found == options->link;
    return true;
}

static bool find_arch(const char *name, const struct script_options *options, bool *is_played)
{
    enum mk_arch found;
    if (lab_arch_find(name, &found) != KD_OK)
        return false;
    *is_played = found == options->arch;
    return true;
}

static const struct axis axes[] = {
    {"link", "links", "link", "backdoor, doorbell or serial", SIM_LINKS, find_link},
    {"arch", "archs", "architecture", "x64 or x86", 2, find_arch},
};
enum { AXES = sizeof axes / sizeof *axes };

/* About what the scenario fits, handled by check_axis. */
static bool is_about_axes(const char *name)
{
    for (size_t i = 0; i < AXES; i++)
        if (strcmp(name, axes[i].one) == 0 || strcmp(name, axes[i].many) == 0)
            return true;
    return strcmp(name, "because") == 0;
}

struct field_context {
    struct lab_config *config;
    const char *prefix;
};

static void set_field(lua_State *L, const char *name, int value, void *context)
{
    struct field_context *field = context;
    if (field->prefix[0] == 0 && is_about_axes(name))
        return;
    if (field->prefix[0] == 0 && is_group(name)) {
        luaL_checktype(L, value, LUA_TTABLE);
        const char *prefix = lua_pushfstring(L, "%s.", name);
        script_each_field(L, value, set_field, &(struct field_context){field->config, prefix});
        return;
    }
    char why[LAB_WHY_BYTES];
    const char *full = lua_pushfstring(L, "%s%s", field->prefix, name);
    if (lab_config_set(field->config, full, script_sandbox_tostring(L, value), why) != KD_OK)
        script_bad_input(L, "vm: %s", why);
}

static bool is_played(lua_State *L, int value, const struct axis *axis)
{
    bool played;
    const char *name = luaL_checkstring(L, value);
    if (!axis->find(name, &script_of(L)->options, &played))
        script_bad_input(L, "vm: no %s is called '%s': expected %s", axis->noun, name, axis->expected);
    return played;
}

static bool fits_axis(lua_State *L, const struct axis *axis, bool *fits_all)
{
    *fits_all = false;
    if (lua_getfield(L, 1, axis->one) != LUA_TNIL)
        return is_played(L, -1, axis);
    if (lua_getfield(L, 1, axis->many) == LUA_TNIL) {
        *fits_all = true;
        return true;
    }
    luaL_checktype(L, -1, LUA_TTABLE);
    int values = lua_gettop(L);
    lua_Integer count = luaL_len(L, values);
    *fits_all = count >= axis->values;
    bool fits = false;
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, values, i);
        fits = is_played(L, -1, axis) || fits;
        lua_pop(L, 1);
    }
    return fits;
}

/* The reason becomes the message of an error that nobody is blamed for: the runner prints it behind SKIP. */
static void check_axis(lua_State *L, struct script *script, const struct axis *axis)
{
    bool fits_all;
    bool fits = fits_axis(L, axis, &fits_all);
    if (!fits_all && lua_getfield(L, 1, "because") != LUA_TSTRING)
        script_bad_input(L, "vm: it fits one %s only, so because = \"...\" must say why", axis->noun);
    if (fits)
        return;
    script->skipped = true;
    lua_error(L); /* because, which is on top */
}

/* --set goes last: what a person types overrides what the scenario says. */
static void apply_settings(lua_State *L, struct script *script, struct lab_config *config)
{
    const struct script_settings *settings = script->options.settings;
    char why[LAB_WHY_BYTES];
    for (size_t i = 0; settings != NULL && i < settings->count; i++) {
        const struct script_setting *setting = &settings->items[i];
        if (strncmp(setting->name, "param.", 6) != 0 &&
            lab_config_set(config, setting->name, setting->value, why) != KD_OK)
            script_bad_input(L, "%s", why);
    }
}

static void push_addresses(lua_State *L, const char *name, const uint64_t *values, unsigned count)
{
    lua_createtable(L, (int)count, 0);
    for (unsigned i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)values[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

static void push_modules(lua_State *L, const struct mk_map *map)
{
    lua_createtable(L, (int)map->module_count, 0);
    for (uint32_t i = 0; i < map->module_count; i++) {
        const struct mk_module *module = &map->modules[i];
        lua_createtable(L, 0, 6);
        script_set_number(L, "base", module->base);
        script_set_number(L, "size", module->size_bytes);
        script_set_number(L, "checksum", module->checksum);
        script_set_number(L, "timestamp", module->timestamp);
        script_set_bytes(L, "path", module->path, strlen(module->path));
        script_set_bytes(L, "name", module->name, strlen(module->name));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "modules");
}

/* The global table `image`: the fields of struct mk_map under their own names, but for `function`, which is a word
 * of Lua's. */
static void publish_image(lua_State *L, const struct mk_map *map)
{
#define IMAGE_FIELDS(X)                                                                                      \
    X(ram_bytes) X(directory_table_pa) X(kernel_base) X(module_list) X(debugger_data_list) X(debugger_data)  \
    X(loop) X(loop_bytes) X(break_instruction) X(pool) X(pool_bytes) X(pool_pa) X(hole)                      \
    X(large_page) X(user_page) X(not_present)
    lua_newtable(L);
#define PUBLISH(field) script_set_number(L, #field, map->field);
    IMAGE_FIELDS(PUBLISH)
#undef PUBLISH
#undef IMAGE_FIELDS
    script_set_number(L, "routine", map->function);
    push_addresses(L, "kpcr", map->kpcr, MK_PROCESSORS_MAX);
    push_addresses(L, "kprcb", map->kprcb, MK_PROCESSORS_MAX);
    push_addresses(L, "thread", map->thread, MK_PROCESSORS_MAX);
    push_addresses(L, "stack_top", map->stack_top, MK_PROCESSORS_MAX);
    push_addresses(L, "frame", map->frame, MK_PROCESSORS_MAX);
    push_modules(L, map);
    lua_setglobal(L, "image");
}

/* A new world has a new notebook. */
static void forget_reading(struct script *script)
{
    script->stops_read = script->loads_read = script->prints_read = script->prompts_read = 0;
    script->others_read = 0;
}

/* vm{...}: a world. The one before, if there was one, gets the oracle's last word first. */
static int verb_vm(lua_State *L)
{
    struct script *script = script_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    for (size_t i = 0; i < AXES; i++)
        check_axis(L, script, &axes[i]);
    if (script->options.only_asks) {
        script->fits = true;
        return luaL_error(L, "it fits");
    }
    if (!script_close_lab(script, L))
        return script_sandbox_error(L, "the machine before this one: %s", lua_tostring(L, -1));
    struct lab_config config = lab_config_default(script->options.link, script->options.seed);
    config.vm.boot.arch = script->options.arch;
    config.machine = script->options.machine;
    config.trace = script->options.trace;
    config.timeline = script->options.timeline;
    script_each_field(L, 1, set_field, &(struct field_context){&config, ""});
    apply_settings(L, script, &config);
    char why[LAB_WHY_BYTES];
    if (lab_create(&config, &script->lab, why) != KD_OK)
        return script_bad_input(L, "vm: %s", why);
    forget_reading(script);
    publish_image(L, sim_vm_map(script->lab->vm));
    return 0;
}

/* ---- time ---------------------------------------------------------------------------------------------------- */

static int verb_now(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)sim_now(script_lab(L)->world));
    return 1;
}

static int nothing(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 0;
}

static int verb_after(lua_State *L)
{
    script_lab(L);
    lua_Integer wait_ns = luaL_checkinteger(L, 1);
    luaL_argcheck(L, wait_ns >= 0, 1, "time does not run backwards");
    return script_wait(L, NULL, (uint64_t)wait_ns, nothing);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static bool event_seen(struct script *script)
{
    return script->lab->seen.api[script->event] >= script->event_goal;
}

static int booted(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct script *script = script_of(L);
    if (script->wait_end == SCRIPT_WAIT_TIMEOUT)
        return script_sandbox_error(L, "boot: the kernel did not finish booting in time");
    return 0;
}

static int wait_booted(lua_State *L, uint64_t limit_ns, uint64_t goal)
{
    struct script *script = script_of(L);
    script->event = MK_TRACE_BOOTED;
    script->event_goal = goal;
    return script_wait(L, event_seen, limit_ns, booted);
}

static int verb_boot(lua_State *L)
{
    struct lab *lab = script_lab(L);
    uint64_t limit_ns = (uint64_t)luaL_optinteger(L, 1, (lua_Integer)SIM_S(300));
    if (sim_vm_state(lab->vm) != SIM_VM_OFF)
        return script_sandbox_error(L, "boot: the machine is on already");
    uint64_t goal = lab->seen.api[MK_TRACE_BOOTED] + 1;
    sim_vm_power_on(lab->vm);
    return wait_booted(L, limit_ns, goal);
}

/* The nth boot of this machine is complete: for reboots. */
static int verb_wait_booted(lua_State *L)
{
    script_lab(L);
    uint64_t goal = (uint64_t)luaL_optinteger(L, 1, 1);
    return wait_booted(L, (uint64_t)luaL_optinteger(L, 2, (lua_Integer)SIM_S(300)), goal);
}

static int verb_power_on(lua_State *L)
{
    sim_vm_power_on(script_lab(L)->vm);
    return 0;
}

static int verb_attach(lua_State *L)
{
    enum kd_status status = lab_attach(script_lab(L));
    if (status == KD_ERR_BUSY)
        return script_sandbox_error(L, "attach: a debugger is attached already");
    if (status != KD_OK)
        return script_sandbox_error(L, "attach: nobody listens, the relay is away");
    return 0;
}

static int verb_detach(lua_State *L)
{
    lab_detach(script_lab(L));
    return 0;
}

/* ---- the target's own doings --------------------------------------------------------------------------------- */

static bool command_taken(struct script *script)
{
    return sim_vm_command(script->lab->vm, &script->command) == KD_OK;
}

static int command_given(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    if (script_of(L)->wait_end == SCRIPT_WAIT_TIMEOUT)
        return script_sandbox_error(L, "target: the kernel did not take the command before this one: is it running?");
    return 0;
}

/* A wish for the kernel's next tick, in script->command; waits while the one before has not been taken. */
static int give_prepared(lua_State *L)
{
    script_lab(L);
    return script_wait(L, command_taken, SCRIPT_WAIT_NS, command_given);
}

static int give_command(lua_State *L, enum mk_command_kind kind, const char *text, lua_Integer count, uint32_t code)
{
    struct script *script = script_of(L);
    luaL_argcheck(L, strlen(text) < MK_TEXT_BYTES, 1, "the text is too long");
    luaL_argcheck(L, count >= 0 && count <= UINT32_MAX, 2, "not a count");
    script->command = (struct mk_command){.kind = kind, .count = (uint32_t)count, .code = code};
    strcpy(script->command.text, text);
    return give_prepared(L);
}

/* The same with bytes, which may have NULs among them. */
static int give_bytes(lua_State *L, enum mk_command_kind kind, const char *bytes, size_t len_bytes)
{
    struct script *script = script_of(L);
    luaL_argcheck(L, len_bytes <= MK_TEXT_BYTES, 1, "the text is too long");
    script->command = (struct mk_command){.kind = kind, .count = (uint32_t)len_bytes};
    memcpy(script->command.text, bytes, len_bytes);
    return give_prepared(L);
}

static int target_print(lua_State *L)
{
    return give_command(L, MK_COMMAND_PRINT, luaL_checkstring(L, 1), luaL_optinteger(L, 2, 1), 0);
}

static int target_prompt(lua_State *L)
{
    uint32_t tells = (uint32_t)lua_toboolean(L, 3);
    return give_command(L, MK_COMMAND_PROMPT, luaL_checkstring(L, 1), luaL_optinteger(L, 2, 64), tells);
}

static int target_load(lua_State *L)
{
    return give_command(L, MK_COMMAND_LOAD, "", luaL_optinteger(L, 1, 1), 0);
}

static int target_exception(lua_State *L)
{
    return give_command(L, MK_COMMAND_EXCEPTION, "", 1, (uint32_t)luaL_checkinteger(L, 1));
}

static int target_command(lua_State *L)
{
    size_t len_bytes;
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    lua_pushlstring(L, "", 1); /* name NUL command NUL */
    lua_insert(L, 2);
    lua_pushvalue(L, 2);
    lua_concat(L, 4);
    const char *bytes = lua_tolstring(L, 1, &len_bytes);
    return give_bytes(L, MK_COMMAND_STRING, bytes, len_bytes);
}

static int target_trace(lua_State *L)
{
    size_t len_bytes;
    const char *bytes = luaL_checklstring(L, 1, &len_bytes);
    return give_bytes(L, MK_COMMAND_TRACE, bytes, len_bytes);
}

static int target_control(lua_State *L)
{
    return give_command(L, MK_COMMAND_CONTROL, "", luaL_checkinteger(L, 2), script_check_u32(L, 1));
}

static int target_read_file(lua_State *L)
{
    return give_command(L, MK_COMMAND_FILE_READ, luaL_checkstring(L, 1), 0, 0);
}

static int target_write_file(lua_State *L)
{
    return give_command(L, MK_COMMAND_FILE_WRITE, luaL_checkstring(L, 1), luaL_checkinteger(L, 2), 0);
}

static int target_reboot(lua_State *L)
{
    return give_command(L, MK_COMMAND_RESET, "", 1, 0);
}

static int target_shut_down(lua_State *L)
{
    return give_command(L, MK_COMMAND_POWER_OFF, "", 1, 0);
}

static int target_sleep(lua_State *L)
{
    return give_command(L, MK_COMMAND_SLEEP, "", luaL_checkinteger(L, 1), 0);
}

static int target_initialize(lua_State *L)
{
    return give_command(L, MK_COMMAND_INITIALIZE, "", 1, 0);
}

static int target_lose_uart(lua_State *L)
{
    sim_vm_uart_power_loss(script_lab(L)->vm);
    return 0;
}

static int target_reset(lua_State *L)
{
    sim_vm_reset(script_lab(L)->vm);
    return 0;
}

static int target_power_off(lua_State *L)
{
    sim_vm_power_off(script_lab(L)->vm);
    return 0;
}

/* An event of a life that cannot be had now is the scenario's mistake. */
static int check_life(lua_State *L, enum kd_status status, const char *verb)
{
    if (status == KD_ERR_CLOSED)
        return script_sandbox_error(L, "%s: the machine is off", verb);
    if (status == KD_ERR_BUSY)
        return script_sandbox_error(L, "%s: it is so already", verb);
    if (status != KD_OK)
        return script_sandbox_error(L, "%s: there is no such thing (%s)", verb, kd_status_phrase(status));
    return 0;
}

static int target_suspend(lua_State *L)
{
    return check_life(L, sim_vm_suspend(script_lab(L)->vm), "target.suspend");
}

static int target_resume(lua_State *L)
{
    return check_life(L, sim_vm_resume(script_lab(L)->vm), "target.resume");
}

static uint64_t check_time(lua_State *L, int index)
{
    lua_Integer time_ns = luaL_checkinteger(L, index);
    luaL_argcheck(L, time_ns >= 0, index, "time does not run backwards");
    return (uint64_t)time_ns;
}

static int target_pause(lua_State *L)
{
    return check_life(L, sim_vm_pause(script_lab(L)->vm, check_time(L, 1), false), "target.pause");
}

static int host_pause(lua_State *L)
{
    return check_life(L, sim_vm_pause(script_lab(L)->vm, check_time(L, 1), true), "host.pause");
}

static int target_snapshot(lua_State *L)
{
    const char *name = luaL_optstring(L, 1, LAB_SNAPSHOT);
    return check_life(L, sim_vm_snapshot(script_lab(L)->vm, name), "target.snapshot");
}

static int target_revert(lua_State *L)
{
    const char *name = luaL_optstring(L, 1, LAB_SNAPSHOT);
    return check_life(L, sim_vm_revert(script_lab(L)->vm, name), "target.revert");
}

static int relay_kill(lua_State *L)
{
    return check_life(L, sim_vm_relay_kill(script_lab(L)->vm), "relay.kill");
}

static int relay_restart(lua_State *L)
{
    return check_life(L, sim_vm_relay_restart(script_lab(L)->vm), "relay.restart");
}

/* later(t, "suspend"): it happens while the verbs to come wait. */
static int verb_later(lua_State *L)
{
    struct lab *lab = script_lab(L);
    uint64_t wait_ns = check_time(L, 1);
    enum lab_fate fate;
    const char *name = luaL_checkstring(L, 2);
    if (lab_fate_find(name, &fate) != KD_OK)
        return script_bad_input(L, "later: nothing is called '%s': expected one of reset, power_off, suspend, ...", name);
    lab_later(lab, sim_now(lab->world) + wait_ns, fate);
    return 0;
}

/* moments(): every time at which something happened so far. */
static int verb_moments(lua_State *L)
{
    size_t count;
    const uint64_t *moments = lab_moments(script_lab(L), &count);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)moments[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int target_is_on(lua_State *L)
{
    lua_pushboolean(L, sim_vm_state(script_lab(L)->vm) != SIM_VM_OFF);
    return 1;
}

void script_open_vm(lua_State *L)
{
    static const luaL_Reg globals[] = {
        {"vm", verb_vm},
        {"now", verb_now},
        {"after", verb_after},
        {"boot", verb_boot},
        {"wait_booted", verb_wait_booted},
        {"power_on", verb_power_on},
        {"attach", verb_attach},
        {"detach", verb_detach},
        {"later", verb_later},
        {"moments", verb_moments},
        {NULL, NULL},
    };
    static const luaL_Reg target[] = {
        {"print", target_print},         {"prompt", target_prompt},
        {"load", target_load},           {"exception", target_exception},
        {"command", target_command},     {"trace", target_trace},
        {"control", target_control},     {"read_file", target_read_file},
        {"write_file", target_write_file},
        {"reboot", target_reboot},       {"shut_down", target_shut_down},
        {"reset", target_reset},         {"power_off", target_power_off},
        {"sleep", target_sleep},         {"initialize", target_initialize},
        {"lose_uart", target_lose_uart},
        {"suspend", target_suspend},     {"resume", target_resume},
        {"snapshot", target_snapshot},   {"revert", target_revert},
        {"pause", target_pause},         {"is_on", target_is_on},
        {NULL, NULL},
    };
    static const luaL_Reg host[] = {{"pause", host_pause}, {NULL, NULL}};
    static const luaL_Reg relay[] = {{"kill", relay_kill}, {"restart", relay_restart}, {NULL, NULL}};
    script_register(L, "_G", globals);
    script_register(L, "target", target);
    script_register(L, "host", host);
    script_register(L, "relay", relay);
    lua_pushstring(L, lab_link_name(script_of(L)->options.link));
    lua_setglobal(L, "link");
    lua_pushstring(L, lab_arch_name(script_of(L)->options.arch));
    lua_setglobal(L, "arch");
}
