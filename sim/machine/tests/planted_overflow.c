/* A planted bug: a guest writes one byte past a buffer on its stack, after an exit. This program must die
 * with the address sanitizer's report, which CTest looks for; when it survives, the sanitizer has lost the
 * guest's stack. */
#include "sim/machine/tests/native_guest.h"
#include "transport/guest/kd_platform.h"

static void guest_with_a_bug(void)
{
    uint8_t buffer[16];
    uint8_t *volatile to = buffer;   /* its size is not to be known, or the other sanitizer speaks first */
    uint8_t length = kd_port_in8(1); /* from here on the stack was left and entered again */
    for (unsigned i = 0; i < length; i++)
        to[i] = 0xEE;
    kd_port_out8(2, to[0]);
}

int main(void)
{
    struct sim_machine *machine = guest_machine(guest_with_a_bug);
    guest_run(machine)->value = 17;
    guest_run(machine);
    machine->ops->destroy(machine);
    puts("the overflow was not seen");
    return EXIT_SUCCESS;
}
