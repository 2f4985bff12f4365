/* kd_module.h: what the kernel calls, the module's exports, as kdcom.dll has them.
 *
 * One caller at a time: the kernel holds its port lock (kd-protocol.md 3.4). Any IRQL, interrupts off, machine
 * stopped. Nothing here allocates, blocks other than in VM exits, or faults on buffers that the kernel owns.
 * Source: kd-protocol.md 3.1 to 3.3. */
#ifndef KD_MODULE_H
#define KD_MODULE_H

#include <stdint.h>

#if defined(__i386__)
#define KD_API __attribute__((stdcall))
#elif defined(__x86_64__) && defined(_WIN32)
#define KD_API __attribute__((ms_abi))
#else
#define KD_API
#endif

/* STRING of the kernel (3.2). In a send only Length and Buffer are valid; in a receive MaximumLength and Buffer. */
struct kd_string {
    uint16_t Length;
    uint16_t MaximumLength;
    uint8_t *Buffer;
};
_Static_assert(sizeof(struct kd_string) == 2 * sizeof(void *), "STRING is two pointers wide");

/* KD_CONTEXT (3.2); newer kernels may pass a larger one, only these two are touched. */
struct kd_context {
    uint32_t KdpDefaultRetries;
    uint8_t KdpControlCPending;
};
_Static_assert(__builtin_offsetof(struct kd_context, KdpControlCPending) == 4, "KdpControlCPending at 4");

/* NTSTATUS values that the exports return (4.2). */
#define KD_STATUS_SUCCESS        0x00000000u
#define KD_STATUS_NO_SUCH_DEVICE 0xC000000Eu
#define KD_STATUS_NOT_SUPPORTED  0xC00000BBu

/* Status of KdReceivePacket (3.1). */
enum { KD_RECEIVED = 0, KD_TIMEOUT = 1, KD_RESEND = 2 };

/* Finds a channel (doorbell, else backdoor, else uart) and starts over: ids, epoch, kept packet. May be called again at any time.
 * loader_block  in  LOADER_PARAMETER_BLOCK or NULL; its option string is read for DEBUGPORT=, BAUDRATE=, KDPOLLS=
 * Returns  KD_STATUS_SUCCESS; KD_STATUS_NO_SUCH_DEVICE: nothing answers, the debugger is flagged not present, and
 *          every later call returns at once */
uint32_t KD_API KdDebuggerInitialize0(void *loader_block);

/* Later in phase 1: success, and nothing else (3.3 rule 2). */
uint32_t KD_API KdDebuggerInitialize1(void *loader_block);

/* Device power up and down; the UART's registers are set up again on the way up. Always success. */
uint32_t KD_API KdD0Transition(void);
uint32_t KD_API KdD3Transition(void);

/* Bracket every stay in the debugger (sleeping 0) and system sleep (sleeping 1). The uart channel keeps and
 * restores what the OS may have changed in its registers; the backdoor has nothing to keep. Always success. */
uint32_t KD_API KdSave(uint8_t sleeping);
uint32_t KD_API KdRestore(uint8_t sleeping);

/* Sends one packet and returns when it was acknowledged or abandoned (2.6).
 * type     in      enum kd_type, a data type
 * header   in      Length and Buffer; Length up to KD_BODY_BYTES_MAX
 * data     in      may be NULL, may have Length 0; header and data together up to KD_BODY_BYTES_MAX, a longer
 *                  packet is dropped as if abandoned
 * context  in/out  KdpDefaultRetries is read; KdpControlCPending is set when a break-in was seen */
void KD_API KdSendPacket(uint32_t type, const struct kd_string *header, const struct kd_string *data,
                         struct kd_context *context);

/* Waits for one packet of a type, or, with KD_TYPE_POLL and every pointer NULL, asks for a break-in (2.5, 2.7).
 * header   in/out  MaximumLength bytes exactly go to Buffer; Length is set
 * data     in/out  up to MaximumLength bytes go to Buffer; Length is set; NULL where no data is wanted
 * length   out     data bytes
 * Returns  KD_RECEIVED; KD_TIMEOUT; KD_RESEND. On the last two buffers and lengths are undefined. A poll: KD_RECEIVED
 *          for a break-in, else KD_TIMEOUT */
uint32_t KD_API KdReceivePacket(uint32_t type, struct kd_string *header, struct kd_string *data, uint32_t *length,
                                struct kd_context *context);

/* Windows 8 and later; NOT_SUPPORTED is what kdcom's own return (3.1, 3.3 rule 6). */
uint32_t KD_API KdSetHiberRange(void *range);
uint32_t KD_API KdPower(void *first, void *second);

/* Windows 10 and later: phase 0 is KdDebuggerInitialize0, any other phase is KdDebuggerInitialize1. */
uint32_t KD_API KdInitialize(int32_t phase, void *loader_block, void *context);

#endif
