/* A module that thinks it must turn interrupts off. */
void bad_mask(void);

void bad_mask(void)
{
    __asm__ volatile("cli");
}
