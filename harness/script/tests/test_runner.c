/* Goal: the program says what happened: TAP, JUnit, replay command, and bad input in one line with exit code 2.
 * Method: the real binary on small scenarios written to a folder that is gone afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants the four above first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_BYTES = 65536 };

struct fix {
    char folder[128];
    char out[TEXT_BYTES];
    char errors[TEXT_BYTES];
    int code;
};

static void put_file(const struct fix *f, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void get_file(const struct fix *f, const char *name, char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, TEXT_BYTES - 1, file)] = 0;
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    struct fix *f = calloc(1, sizeof *f);
    const char *base = getenv("TMPDIR");
    int len = snprintf(f->folder, sizeof f->folder, "%s/kdharness.XXXXXX", base != NULL ? base : ".");
    assert_in_range(len, 1, sizeof f->folder - 1);
    assert_non_null(mkdtemp(f->folder));
    put_file(f, "good.lua", "vm {}\nattach()\nboot()\ncheck.equal(#dbg.loads(), 2)\n");
    put_file(f, "bad.lua", "vm {}\nattach()\nboot()\n\ncheck.equal(#dbg.loads(), 9, 'modules')\n");
    put_file(f, "one_link.lua", "vm { link = 'serial', because = 'it needs a wire' }\nattach()\nboot()\n");
    put_file(f, "syntax.lua", "vm {}\nif then\n");
    put_file(f, "no_vm.lua", "boot()\n");
    put_file(f, "empty.lua", "");
    put_file(f, "caught.lua", "vm {}\nattach()\nboot()\npcall(check.equal, 1, 2, 'numbers')\n");
    put_file(f, "expected.lua", "vm {}\nexpect_failure('numbers', function() check.equal(1, 2, 'numbers') end)\n");
    put_file(f, "caught_before.lua", "vm {}\npcall(check.that, false, 'first')\n"
                                     "expect_failure('numbers', function() check.equal(1, 2, 'numbers') end)\n");
    put_file(f, "uart.lua", "vm {}\nfault { layer = 'uart', to = 'target', kind = 'drop' }\n");
    put_file(f, "stream.lua", "vm {}\nfault { layer = 'stream', to = 'target', kind = 'drop' }\n");
    put_file(f, "flip.lua", "vm {}\nfault { to = 'target', kind = 'flip' }\n");
    put_file(f, "delay.lua", "vm {}\nfault { to = 'target', kind = 'delay' }\n");
    put_file(f, "missed.lua", "vm {}\nfault { to = 'target', kind = 'drop', packet = 'ack', byte = 16 }\n"
                              "fault { to = 'target', kind = 'flip', packet = 'ack', bit = 128, nth = 2 }\nattach()\nboot()\n");
    put_file(f, "cpu.lua", "vm { processors = 2 }\nattach()\nboot()\ndbg.break_in() dbg.wait_stop()\n"
                           "dbg.read(image.pool, 4, 1)\ndbg.write(image.pool, 'abcd', 2)\n");
    put_file(f, "fault.lua", "vm {}\nfault { to = 'debugger', kind = 'dorp' }\n");
    put_file(f, "field.lua", "vm { modles = 3 }\n");
    put_file(f, "link.lua", "vm { link = 'parallel' }\n");
    put_file(f, "no_reason.lua", "vm { link = 'serial' }\n");
    put_file(f, "one_arch.lua", "vm { archs = { 'x86' }, because = 'it is about 32 bits' }\nattach()\nboot()\n");
    put_file(f, "arch.lua", "vm { arch = 'arm' }\n");
    put_file(f, "no_arch_reason.lua", "vm { arch = 'x86' }\n");
    put_file(f, "word.lua", "vm {}\nprint(arch, ('%x'):format(image.kernel_base))\n");
    put_file(f, "promised.lua", "vm {}\nerror('broken')  -- FAILS: broken\n");
    put_file(f, "promise_not_kept.lua", "vm {}\nlocal x = 1  -- FAILS: broken\n");
    put_file(f, "other_line.lua", "vm {}\nlocal x = 1  -- FAILS: broken\nerror('broken')\n");
    put_file(f, "diverges.lua", "vm {}\nplant('diverge')\n");
    put_file(f, "prints.lua", "vm {}\nprint('seen', param('count', 5) + 1)\n");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fix *f = *state;
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* Runs the program in the folder, with this command line. */
static void run(struct fix *f, const char *arguments)
{
    char command[1000];
    snprintf(command, sizeof command, "cd %s && KDHARNESS_SCENARIOS= '%s' %s >out.txt 2>errors.txt", f->folder,
             KDHARNESS, arguments);
    int status = system(command);
    assert_true(WIFEXITED(status));
    f->code = WEXITSTATUS(status);
    get_file(f, "out.txt", f->out);
    get_file(f, "errors.txt", f->errors);
}

static unsigned count_lines(const char *text)
{
    unsigned lines = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++)
        lines++;
    return lines;
}

static void assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("'%s' does not say '%s'", text, words);
}

/* ---- what goes well ------------------------------------------------------------------------------------------ */

static void a_passing_scenario_is_ok_on_each_link_and_architecture(void **state)
{
    struct fix *f = *state;
    run(f, "run good.lua");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "1..6\n");
    assert_says(f->out, "ok 1 - good [backdoor x64] hash=");
    assert_says(f->out, "ok 2 - good [backdoor x86] hash=");
    assert_says(f->out, "ok 3 - good [serial x64] hash=");
    assert_says(f->out, "ok 4 - good [serial x86] hash=");
    assert_says(f->out, "ok 5 - good [doorbell x64] hash=");
    assert_says(f->out, "ok 6 - good [doorbell x86] hash=");
    assert_says(f->out, "6 passed, 0 failed, 0 skipped");
    assert_string_equal(f->errors, "");
}

static void a_link_that_does_not_fit_is_skipped_with_the_reason(void **state)
{
    struct fix *f = *state;
    run(f, "run one_link");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "ok 1 - one_link [backdoor x64] # SKIP it needs a wire\n");
    assert_says(f->out, "ok 3 - one_link [serial x64] hash=");
}

static void an_architecture_that_does_not_fit_is_skipped_with_the_reason(void **state)
{
    struct fix *f = *state;
    run(f, "run --link serial one_arch");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "ok 1 - one_arch [serial x64] # SKIP it is about 32 bits\n");
    assert_says(f->out, "ok 2 - one_arch [serial x86] hash=");
    run(f, "run --link serial --arch x64 one_arch");
    assert_says(f->out, "1..1\n");
}

static void a_script_knows_its_architecture(void **state)
{
    struct fix *f = *state;
    run(f, "run --once --link backdoor word.lua");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "# x64\tfffff80002800000\n");
    assert_says(f->out, "# x86\tffffffff804d7000\n");
}

static void the_same_seed_gives_the_same_report(void **state)
{
    struct fix *f = *state;
    char first[TEXT_BYTES];
    run(f, "run --seed 42 --link backdoor good.lua");
    strcpy(first, f->out);
    run(f, "run --seed 42 --link backdoor good.lua");
    assert_string_equal(f->out, first);
    run(f, "run --seed 43 --link backdoor good.lua");
    assert_string_not_equal(f->out, first);
}

static void settings_reach_the_machine_and_the_script(void **state)
{
    struct fix *f = *state;
    run(f, "run --once --link backdoor --set param.count=9 prints.lua");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "# seen\t10\n");
    run(f, "run --once --link backdoor --set modules=3 good.lua");
    assert_int_equal(f->code, 1);
    assert_says(f->out, "#   actual:   3\n");
    assert_says(f->out, "--set modules=3");
}

static void trace_and_junit_are_written(void **state)
{
    struct fix *f = *state;
    char text[TEXT_BYTES];
    run(f, "run --trace t.txt --junit j.xml one_link.lua bad.lua");
    assert_int_equal(f->code, 1);
    get_file(f, "t.txt", text);
    assert_says(text, "# one_link [serial x64] seed 1\n");
    assert_says(text, " life ");
    get_file(f, "j.xml", text);
    assert_says(text, "<testsuite name=\"kdharness\">");
    assert_says(text, "<skipped message=\"it needs a wire\"/>");
    assert_says(text, "<failure message=\"modules\n  expected: 9");
    assert_says(text, "</testsuite>\n");
}

static void list_names_what_there_is(void **state)
{
    struct fix *f = *state;
    run(f, "list");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "boot/cold-boot-attached\n");
}

static void help_is_no_error(void **state)
{
    struct fix *f = *state;
    run(f, "help");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "kdharness run");
    run(f, "list --help");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "kdharness list [FOLDER]");
    run(f, "run --help");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "--seed=N");
}

/* The bytes where the map says the kernel lies begin its header. */
static void image_is_a_map_and_a_file(void **state)
{
    static const struct {
        const char *arch, *kernel, *pool;
    } rows[] = {{"x64", "\nFFFFF80002800000  ", "\nFFFFFA8001000000  "}, {"x86", "\n804D7000  ", "\n81000000  "}};
    struct fix *f = *state;
    for (unsigned i = 0; i < 2; i++) {
        char command[100], bytes[3] = "", path[200];
        unsigned long physical;
        snprintf(command, sizeof command, "image --arch %s --out ram.bin", rows[i].arch);
        run(f, command);
        assert_int_equal(f->code, 0);
        assert_says(f->out, rows[i].pool);
        assert_says(f->out, "  PEB\n");
        const char *line = strstr(f->out, rows[i].kernel);
        assert_non_null(line);
        physical = strtoul(line + strlen(rows[i].kernel), NULL, 16);
        snprintf(path, sizeof path, "%s/ram.bin", f->folder);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        assert_int_equal(fseek(file, (long)physical, SEEK_SET), 0);
        assert_int_equal(fread(bytes, 1, 2, file), 2);
        assert_string_equal(bytes, "MZ");
        assert_int_equal(fclose(file), 0);
    }
}

/* ---- what fails ---------------------------------------------------------------------------------------------- */

static void a_failure_tells_where_when_what_and_how_to_see_it_again(void **state)
{
    struct fix *f = *state;
    run(f, "run --seed 5 --link backdoor bad.lua");
    assert_int_equal(f->code, 1);
    assert_says(f->out, "not ok 1 - bad [backdoor x64]");
    assert_says(f->out, "# bad.lua:5: at 0.0");
    assert_says(f->out, " s: modules\n#   expected: 9\n#   actual:   2\n");
    assert_says(f->out, "# last events:\n");
    assert_says(f->out, "kernel    has booted");
    assert_says(f->out, "# replay: kdharness run --seed 5 --link backdoor --arch x64 bad.lua\n");
    assert_string_equal(f->errors, "");
}

static void a_promised_failure_passes_and_a_broken_promise_fails(void **state)
{
    struct fix *f = *state;
    run(f, "run --link backdoor promised.lua");
    assert_int_equal(f->code, 0);
    run(f, "run --link backdoor promise_not_kept.lua");
    assert_int_equal(f->code, 1);
    assert_says(f->out, "#   expected: line 2: broken\n#   actual:   line ");
    run(f, "run --link backdoor other_line.lua");
    assert_int_equal(f->code, 1);
    assert_says(f->out, "#   actual:   line 3: broken\n");
}

static void a_check_that_failed_counts_even_if_the_error_is_caught(void **state)
{
    struct fix *f = *state;
    run(f, "run --once --link backdoor --arch x64 caught.lua");
    assert_int_equal(f->code, 1);
    assert_says(f->out, "# caught.lua:4: at ");
    assert_says(f->out, "numbers\n#   expected: 2\n#   actual:   1\n");
    run(f, "run --once --link backdoor --arch x64 expected.lua");
    assert_int_equal(f->code, 0);
    run(f, "run --once --link backdoor --arch x64 caught_before.lua");
    assert_int_equal(f->code, 1);
    assert_says(f->out, "# caught_before.lua:2: at ");
}

static void a_fault_that_changes_nothing_is_told(void **state)
{
    struct fix *f = *state;
    run(f, "run --link backdoor --arch x64 missed.lua");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "# 2 faults changed nothing: bit or byte lies behind the end of the frame\n");
}

static void a_history_that_differs_is_rule_9(void **state)
{
    struct fix *f = *state;
    run(f, "run --link backdoor diverges.lua");
    assert_int_equal(f->code, 1);
    assert_says(f->out, "oracle: rule 9: the same seed gave another history\n#   first play:  ");
    run(f, "run --once --link backdoor diverges.lua");
    assert_int_equal(f->code, 0);
}

/* ---- bad input: one line on stderr, exit code 2 --------------------------------------------------------------- */

static void the_table_says_where_and_why_not_elsewhere(void **state)
{
    struct fix *f = *state;
    put_file(f, "on-serial.lua", "vm { link = 'serial', because = 'of its bytes' }\nboot(s(60))\n");
    run(f, "list --table on-serial.lua");
    assert_int_equal(f->code, 0);
    assert_says(f->out, "| scenario | backdoor x64 | backdoor x86 | serial x64 | serial x86 | doorbell x64 | doorbell x86 |");
    assert_says(f->out, " | - | - | yes | yes | - | - | of its bytes |\n");
    assert_says(f->out, "1 scenarios, 2 plays, 4 not played.\n");
    put_file(f, "wrong.lua", "vm { link = 'usb', because = 'of its bytes' }\n");
    run(f, "list --table wrong.lua");
    assert_int_equal(f->code, 2);
}

static void bad_input_is_one_clear_line_each(void **state)
{
    struct fix *f = *state;
    static const struct {
        const char *arguments, *words;
    } bad[] = {
        {"", "no command: kdharness help lists them"},
        {"rnu", "no command is called 'rnu'"},
        {"run", "no scenario given"},
        {"run nowhere.lua", "no scenario 'nowhere.lua'"},
        {"run good.lua nowhere", "no scenario 'nowhere'"},
        {"run syntax.lua", "syntax.lua:2: "},
        {"run good.lua syntax.lua", "syntax.lua:2: "},
        {"run --seed many good.lua", "--seed many: expected a whole number"},
        {"run --seed -1 good.lua", "--seed -1: expected a whole number"},
        {"run --seed 18446744073709551616 good.lua", "--seed 18446744073709551616: expected"},
        {"run --link parallel good.lua", "--link parallel: expected backdoor, doorbell or serial"},
        {"run --arch arm good.lua", "--arch arm: expected x64 or x86"},
        {"run --machine cray good.lua", "--machine cray: expected native or emu"},
        {"run --trace /nowhere/t good.lua", "--trace /nowhere/t: cannot be written"},
        {"run --junit /nowhere/j good.lua", "--junit /nowhere/j: cannot be written"},
        {"run --set cost.nothing=1 good.lua", "expected one of cost.exit_ns"},
        {"run --set cost.stream_latency_ns=18446744073709551615 good.lua", "from 0 to 3600000000000"},
        {"run --set nothing good.lua", "expected name=value"},
        {"run --set polls=x good.lua", "polls cannot be 'x'"},
        {"run --colour good.lua", "--colour: unknown option"},
        {"run good.lua --seed", "--seed: unknown option, or its value is missing"},
        {"run --link backdoor --arch x64 fault.lua", "fault.lua:2: fault: no kind is called 'dorp': expected one of drop"},
        {"run fault.lua", "fault.lua:2: fault: no kind is called 'dorp': expected one of drop"},
        {"run empty.lua", "empty.lua: it has no vm{...}, so nothing was played"},
        {"run --link backdoor uart.lua", "uart.lua:2: fault: a VM with link backdoor has no layer uart"},
        {"run --link serial stream.lua", "stream.lua:2: fault: a VM with link serial has no layer stream"},
        {"run flip.lua", "flip.lua:2: fault: a flip needs bit"},
        {"run delay.lua", "delay.lua:2: fault: a delay needs delay"},
        {"run cpu.lua", "cpu.lua:6: the third argument is a processor, 0 to 1, and not 2"},
        {"run --link backdoor --arch x64 field.lua", "field.lua:1: vm: no field is called 'modles'"},
        {"run --link backdoor --arch x64 link.lua", "link.lua:1: vm: no link is called 'parallel'"},
        {"run --link serial --arch x64 no_reason.lua", "no_reason.lua:1: vm: it fits one link only, so because"},
        {"run --link backdoor --arch x64 arch.lua", "arch.lua:1: vm: no architecture is called 'arm': expected x64 or x86"},
        {"run --link serial --arch x64 no_arch_reason.lua", "no_arch_reason.lua:1: vm: it fits one architecture only, so because"},
        {"run --set arch=x86 good.lua", "expected --arch"},
        {"run --link backdoor --arch x64 no_vm.lua", "no_vm.lua:1: vm{...} must come first"},
        {"list nowhere", "no scenario 'nowhere'"},
        {"list boot loss", "at most one folder"},
        {"image --arch arm", "image: --arch: arch cannot be 'arm': expected x64 or x86"},
        {"image --out", "image: --out: unknown option, or its value is missing"},
        {"image --out /nowhere/x", "--out /nowhere/x: cannot be written"},
        {"image --set ram_mib=16", "image: expected ram_mib of 32 at least and 1 to 4 processors"},
        {"image --set ram_mib", "image: --set 'ram_mib': expected name=value"},
        {"image here", "image: 'here' is no option"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        run(f, bad[i].arguments);
        if (f->code != 2 || count_lines(f->errors) != 1 || strncmp(f->errors, "kdharness: ", 11) != 0)
            fail_msg("kdharness %s: code %d, stderr '%s'", bad[i].arguments, f->code, f->errors);
        assert_says(f->errors, bad[i].words);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_passing_scenario_is_ok_on_each_link_and_architecture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_that_does_not_fit_is_skipped_with_the_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_architecture_that_does_not_fit_is_skipped_with_the_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_script_knows_its_architecture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_seed_gives_the_same_report, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settings_reach_the_machine_and_the_script, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trace_and_junit_are_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(list_names_what_there_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(help_is_no_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(image_is_a_map_and_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_tells_where_when_what_and_how_to_see_it_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_promised_failure_passes_and_a_broken_promise_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_check_that_failed_counts_even_if_the_error_is_caught, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fault_that_changes_nothing_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_history_that_differs_is_rule_9, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_table_says_where_and_why_not_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_input_is_one_clear_line_each, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
