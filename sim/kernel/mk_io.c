/* mk_io.c: requests about ports, model-specific registers and buses (kd-protocol.md 4.4).
 *
 * No port is really touched: a debugger's access must not disturb the module's own channel, so every port
 * reads as one where nothing answers, all ones, and a write is lost. */
#include "sim/kernel/mk_state.h"

enum { IO_SIZE = 8, IO_VALUE = 12, EXTENDED_SIZE = 0, EXTENDED_ADDRESS = 16, EXTENDED_VALUE = 24 };

static uint32_t check_access(uint64_t port, uint32_t size)
{
    if (size != 1 && size != 2 && size != 4)
        return MK_INVALID_PARAMETER;
    return port % size == 0 ? MK_SUCCESS : MK_MISALIGNED;
}

/* One access: size_at and value_at are its fields in the union; a refused one has size 0. */
static uint32_t access_port(struct mk_request *request, uint64_t port, uint32_t size_at, uint32_t value_at,
                            bool is_read)
{
    uint32_t size = mk_get_u32(request, size_at);
    uint32_t status = check_access(port, size);
    if (status != MK_SUCCESS)
        mk_put_u32(request, size_at, 0);
    if (is_read)
        mk_put_u32(request, value_at, status == MK_SUCCESS ? UINT32_MAX >> (32 - 8 * size) : 0);
    return status;
}

uint32_t mk_read_io_space(struct mk_state *state, struct mk_request *request)
{
    (void)state;
    return access_port(request, mk_get_u64(request, 0), IO_SIZE, IO_VALUE, true);
}

uint32_t mk_write_io_space(struct mk_state *state, struct mk_request *request)
{
    (void)state;
    return access_port(request, mk_get_u64(request, 0), IO_SIZE, IO_VALUE, false);
}

static uint32_t access_extended(struct mk_request *request, bool is_read)
{
    enum { INTERFACE = 4, BUS = 8, SPACE = 12, ISA = 1, PORTS = 1 };
    if (mk_get_u32(request, INTERFACE) != ISA || mk_get_u32(request, BUS) != 0 ||
        mk_get_u32(request, SPACE) != PORTS) {
        mk_put_u32(request, EXTENDED_SIZE, 0);
        return MK_INVALID_PARAMETER;
    }
    return access_port(request, mk_get_u64(request, EXTENDED_ADDRESS), EXTENDED_SIZE, EXTENDED_VALUE,
                       is_read);
}

uint32_t mk_read_io_space_extended(struct mk_state *state, struct mk_request *request)
{
    (void)state;
    return access_extended(request, true);
}

uint32_t mk_write_io_space_extended(struct mk_state *state, struct mk_request *request)
{
    (void)state;
    return access_extended(request, false);
}

/* ---- model-specific registers: those that a kernel sets up, and no clock ------------------------------- */

enum { MSR_LOW = 4 }; /* the high half follows */

void mk_msrs_init(struct mk_state *state)
{
    for (uint32_t cpu = 0; cpu < state->boot->processors; cpu++)
        for (uint32_t i = 0; i < MK_MSRS; i++)
            state->cpus[cpu].msr[i] = state->layout->msrs[i].first_value;
}

static uint64_t *own_msr(struct mk_state *state, uint32_t number)
{
    for (uint32_t i = 0; i < MK_MSRS; i++)
        if (state->layout->msrs[i].number == number)
            return &state->cpus[state->cpu].msr[i];
    return NULL;
}

/* Shown in KSPECIAL_REGISTERS too: where in the KPRCB of the processor that stopped; 0: none of these. */
static uint64_t special_msr(const struct mk_state *state, uint32_t number)
{
    const struct mk_special_layout *special = &state->layout->special;
    const struct {
        uint32_t number;
        uint16_t offset;
    } rows[] = {
        {0xC0000081, special->star},         {0xC0000082, special->lstar},   {0xC0000083, special->cstar},
        {0xC0000084, special->syscall_mask}, {0xC0000101, special->gs_base}, {0xC0000102, special->gs_swap},
    };
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].number == number && rows[i].offset != 0)
            return state->map->kprcb[state->cpu] + state->layout->kprcb_special + rows[i].offset;
    return 0;
}

uint32_t mk_read_msr(struct mk_state *state, struct mk_request *request)
{
    uint32_t number = mk_get_u32(request, 0);
    const uint64_t *own = own_msr(state, number);
    uint64_t special = special_msr(state, number);
    uint8_t bytes[8] = {0};
    if (own)
        kd_store_u64(bytes, *own);
    else if (special == 0 || mk_read(state, special, bytes, sizeof bytes) != sizeof bytes)
        return MK_NO_SUCH_DEVICE;
    mk_put_u64(request, MSR_LOW, kd_load_u64(bytes));
    return MK_SUCCESS;
}

uint32_t mk_write_msr(struct mk_state *state, struct mk_request *request)
{
    uint32_t number = mk_get_u32(request, 0);
    uint64_t *own = own_msr(state, number);
    uint64_t special = special_msr(state, number);
    const uint8_t *bytes = request->header + MK_UNION + MSR_LOW;
    if (own)
        *own = kd_load_u64(bytes);
    else if (special == 0 || mk_write(state, special, bytes, sizeof(uint64_t)) != sizeof(uint64_t))
        return MK_NO_SUCH_DEVICE;
    return MK_SUCCESS;
}

/* ---- buses: there is none ------------------------------------------------------------------------------ */

uint32_t mk_get_bus_data(struct mk_state *state, struct mk_request *request)
{
    enum { BUS_LENGTH = 16 };
    (void)state;
    mk_put_u32(request, BUS_LENGTH, 0);
    return MK_UNSUCCESSFUL;
}

uint32_t mk_set_bus_data(struct mk_state *state, struct mk_request *request)
{
    return mk_get_bus_data(state, request);
}
