/* A module with a breakpoint left in: the debugger that it is part of would meet itself. */
void bad_breakpoint(volatile int *met);

void bad_breakpoint(volatile int *met)
{
    *met = 1;
    __asm__ volatile("int3");
    *met = 0;
}
