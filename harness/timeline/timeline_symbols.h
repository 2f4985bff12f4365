/* timeline_symbols.h: names for addresses, as a debugger would say them: "nt!KiIdleLoop+0x4", "pool+0x10",
 * "hal+0x1000".
 *
 * The names are the target's own: the exports of its modules, read from guest memory as it is at power-on,
 * and the places of its map. Tests: tests/test_timeline_symbols.c */
#ifndef TIMELINE_SYMBOLS_H
#define TIMELINE_SYMBOLS_H

#include "sim/kernel/mk.h"

enum { TIMELINE_SYMBOL_BYTES = 64 };

struct timeline_symbols;

/* ram  in  map->ram_bytes, guest physical address 0 on; looked at during the call only */
struct timeline_symbols *timeline_symbols_create(enum mk_arch arch, const struct mk_map *map,
                                                 const uint8_t *ram);
void timeline_symbols_destroy(struct timeline_symbols *symbols);

/* Writes a name for a virtual, or a physical, address; plain hexadecimal where nothing is near. Returns text.
 * text  out  TIMELINE_SYMBOL_BYTES */
const char *timeline_symbol(const struct timeline_symbols *symbols, uint64_t address, char *text);
const char *timeline_symbol_physical(const struct timeline_symbols *symbols, uint64_t address, char *text);

#endif
