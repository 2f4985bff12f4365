/* sim_guest.h: a guest that runs a real DLL, as memory: the image of sim/machine/guest, the DLL, the boot
 * page, NT's RAM, page tables. What the machines emu and kvm share; they add a processor.
 *
 * A machine creates a guest, maps `region` at GUEST_REGION and `ram` at GUEST_RAM, starts at `entry`, hands
 * 32-bit OUTs at the image's ports to sim_guest_port, and asks sim_guest_at for whatever a device wants to
 * see. Layout and ports: guest/guest_layout.h. Tests: tests/test_sim_guest.c */
#ifndef SIM_GUEST_H
#define SIM_GUEST_H

#include "sim/machine/guest/guest_layout.h"
#include "sim/machine/guest/guest_pe.h"
#include "sim/machine/sim_dll.h"
#include "sim/machine/sim_machine.h"
#include "sim/machine/sim_pages.h"

enum { SIM_GUEST_PARTS_MAX = 48, SIM_GUEST_FAULT_BYTES = 256 };

/* A piece of the region that is there, in ascending order; whole pages. All can be read. */
struct sim_guest_part {
    char name[20]; /* "stack", "kernel .text", "dll .data" */
    uint32_t address, bytes;
    bool write, execute;
};

struct sim_guest {
    const struct sim_image *image;
    const struct sim_dll *dll;
    struct mk_boot boot;
    uint8_t *region; /* GUEST_REGION .. GUEST_REGION_END */
    uint8_t *ram;    /* GUEST_RAM on, image->ram_bytes */
    struct sim_guest_part parts[SIM_GUEST_PARTS_MAX];
    unsigned part_count;

    /* Where a processor starts after sim_guest_reset, all its other registers 0; and what CR3 holds where it
     * pages. */
    uint32_t entry, stack_pointer, page_table;

    /* Of the DLL, once the loader is done: how many bytes are mapped at GUEST_DLL; else 0. */
    uint32_t dll_bytes;
    struct guest_pe pe;

    struct mk_trace trace; /* the one handed out last */
    char fault[SIM_GUEST_FAULT_BYTES];
};

/* image, dll  in  must outlive the guest
 * boot        in  copied
 * Returns a guest that was reset; never NULL (no memory ends the program with a line on stderr) */
struct sim_guest *sim_guest_create(const struct sim_image *image, const struct mk_boot *boot,
                                   const struct sim_dll *dll);
void sim_guest_destroy(struct sim_guest *guest);

/* What the guest is told from its next start on. */
void sim_guest_tell(struct sim_guest *guest, const struct mk_boot *boot);

/* Memory is what it is at power-on: the loader will run. dll_bytes is 0, and the DLL's room one writable
 * part. */
void sim_guest_reset(struct sim_guest *guest);

/* Whether a port is one of the image's. */
bool sim_guest_owns(uint16_t port);

/* One 32-bit OUT at a port of the image's.
 * Returns  true: *exit is to be handed to the VM: a TRACE (valid until the next call), TICK, COMMAND, RESET,
 * POWER_OFF, or a FAULT: the image, or a module that uses its ports, said what cannot be false: the loader is
 * done, and the guest goes on at once. Parts and page tables have changed: the DLL's sections are parts with
 * their rights, and where they must not be written they are protected */
bool sim_guest_port(struct sim_guest *guest, uint16_t port, uint32_t value, struct sim_guest_exit *exit);

/* Fills *exit with a fault whose text begins with what the format says, "%s" and so on. */
__attribute__((format(printf, 3, 4))) void
sim_guest_fault(struct sim_guest *guest, struct sim_guest_exit *exit, const char *format, ...);

/* Host address of guest memory at a linear address, the alias included; NULL when any byte of it is not
 * there, or, with write, may not be written. */
uint8_t *sim_guest_at(const struct sim_guest *guest, uint64_t address, uint64_t len_bytes, bool write);

/* Guest memory as devices see it. */
struct sim_memory sim_guest_memory(struct sim_guest *guest);

/* The part in which an address lies, or NULL. */
const struct sim_guest_part *sim_guest_part(const struct sim_guest *guest, uint64_t address);

/* An address in words: "dll .text+12a4", "stack+0", "ram+1000", "unmapped 1234". */
const char *sim_guest_place(const struct sim_guest *guest, uint64_t address, char *text, size_t text_bytes);

/* Memory once the loader is done: everything that may have been written. A load puts it back: the boot page,
 * which is the host's, is that of the guest as it is now. */
struct sim_guest_saved;
struct sim_guest_saved *sim_guest_save(const struct sim_guest *guest);
void sim_guest_load(struct sim_guest *guest, const struct sim_guest_saved *saved);
void sim_guest_forget(struct sim_guest_saved *saved);

#endif
