/* work(name, amount): a step of lab_work.h. It takes whatever comes; only work("finish") can fail. */
#include "harness/script/script_private.h"

static bool work_done(struct script *script)
{
    return lab_work_done(script->lab, &script->work);
}

static int work_over(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    const struct script *script = script_of(L);
    if (script->work.kind == LAB_WORK_FINISH)
        script_require_met(L, "work: the conversation did not finish");
    return 0;
}

static int verb_work(lua_State *L)
{
    struct script *script = script_of(L);
    struct lab *lab = script_lab(L);
    const char *name = luaL_checkstring(L, 1);
    lua_Integer amount = luaL_optinteger(L, 2, 0);
    enum lab_work_kind kind;
    luaL_argcheck(L, amount >= 0, 2, "an amount cannot be negative");
    if (lab_work_find(name, &kind) != KD_OK)
        return script_bad_input(L, "work: nothing is called '%s' (harness/script/lab_work.h lists it)", name);
    uint64_t until_ns = lab_work_begin(lab, &script->work, kind, (uint64_t)amount);
    return script_wait(L, work_done, until_ns - sim_now(lab->world), work_over);
}

void script_open_work(lua_State *L)
{
    static const luaL_Reg globals[] = {{"work", verb_work}, {NULL, NULL}};
    script_register(L, "_G", globals);
}
