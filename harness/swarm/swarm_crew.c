#include "harness/swarm/swarm_crew.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_MS = 500 };

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * SIM_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t swarm_crew_seconds(void)
{
    return clock_ns(CLOCK_MONOTONIC) / SIM_NS_PER_SECOND;
}

static void describe(uint64_t seed, const struct swarm_scope *scope, struct swarm_row *row, struct swarm_plan *plan)
{
    swarm_plan_draw(plan, seed, scope);
    memset(row, 0, sizeof *row);
    row->seed = seed;
    row->link = plan->link;
    row->arch = plan->arch;
}

void swarm_crew_play(uint64_t seed, const struct swarm_scope *scope, struct swarm_row *row)
{
    struct swarm_plan plan;
    describe(seed, scope, row, &plan);
    uint64_t from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    swarm_play(&plan, &row->result);
    row->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
}

/* ---- a worker ------------------------------------------------------------------------------------------------ */

struct worker {
    pid_t pid;
    int pipe;
    uint64_t next; /* the seed it is at */
    bool ended;    /* there are no more seeds for it */
    size_t have;   /* bytes of a row that arrived */
    struct swarm_row row;
};

struct crew {
    const struct swarm_crew *wish;
    struct worker workers[SWARM_JOBS_MAX];
    struct pollfd polls[SWARM_JOBS_MAX];
    uint64_t until; /* seconds */
};

/* The seed after this one for the same worker; false: there is none. */
static bool advance(const struct swarm_crew *wish, uint64_t *seed)
{
    uint64_t stride = wish->shards * wish->jobs;
    if (wish->last - *seed < stride)
        return false;
    *seed += stride;
    return true;
}

static bool write_row(int pipe, const struct swarm_row *row)
{
    const char *at = (const char *)row;
    size_t left = sizeof *row;
    while (left > 0) {
        ssize_t done = write(pipe, at, left);
        if (done < 0 && errno != EINTR)
            return false;
        at += done > 0 ? done : 0;
        left -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

/* Status 0 when it played all its seeds, or time was up. */
static _Noreturn void work(const struct crew *crew, int pipe, uint64_t seed)
{
    struct swarm_row row;
    do {
        if (crew->until != 0 && swarm_crew_seconds() >= crew->until)
            break;
        crew->wish->play(seed, &crew->wish->scope, &row);
        if (!write_row(pipe, &row))
            _exit(1);
    } while (advance(crew->wish, &seed));
    _exit(0);
}

static enum kd_status hire(struct crew *crew, struct worker *worker)
{
    int ends[2];
    worker->ended = true;
    if (pipe(ends) != 0)
        return KD_ERR_NO_DEVICE;
    fflush(NULL);
    worker->pid = fork();
    if (worker->pid == 0) {
        close(ends[0]);
        work(crew, ends[1], worker->next);
    }
    close(ends[1]);
    worker->pipe = ends[0];
    worker->have = 0;
    worker->ended = worker->pid < 0;
    if (!worker->ended)
        return KD_OK;
    close(ends[0]);
    return KD_ERR_NO_DEVICE;
}

/* ---- the crew ------------------------------------------------------------------------------------------------ */

/* The seed it was at did not let it live; another worker goes on behind it. */
static enum kd_status replace(struct crew *crew, struct worker *worker, int status)
{
    struct swarm_row row;
    struct swarm_plan plan;
    describe(worker->next, &crew->wish->scope, &row, &plan);
    row.result.failed = true;
    snprintf(row.result.text, sizeof row.result.text, "the process ended with %s %d",
             WIFSIGNALED(status) ? "signal" : "exit code", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    crew->wish->row(crew->wish->context, &row);
    return advance(crew->wish, &worker->next) ? hire(crew, worker) : KD_OK;
}

static enum kd_status dismiss(struct crew *crew, struct worker *worker)
{
    int status;
    close(worker->pipe);
    worker->ended = true;
    waitpid(worker->pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? KD_OK : replace(crew, worker, status);
}

static enum kd_status read_row(struct crew *crew, struct worker *worker)
{
    ssize_t got = read(worker->pipe, (char *)&worker->row + worker->have, sizeof worker->row - worker->have);
    if (got < 0 && errno == EINTR)
        return KD_OK;
    if (got <= 0)
        return dismiss(crew, worker);
    worker->have += (size_t)got;
    if (worker->have < sizeof worker->row)
        return KD_OK;
    worker->have = 0;
    crew->wish->row(crew->wish->context, &worker->row);
    (void)advance(crew->wish, &worker->next);
    return KD_OK;
}

/* Returns how many still work. */
static unsigned list_pipes(struct crew *crew)
{
    unsigned alive = 0;
    for (unsigned i = 0; i < crew->wish->jobs; i++) {
        const struct worker *worker = &crew->workers[i];
        crew->polls[i] = (struct pollfd){.fd = worker->ended ? -1 : worker->pipe, .events = POLLIN};
        alive += !worker->ended;
    }
    return alive;
}

static enum kd_status listen_to_all(struct crew *crew)
{
    enum kd_status status = KD_OK;
    while (status == KD_OK && list_pipes(crew) > 0) {
        int ready = poll(crew->polls, crew->wish->jobs, PROGRESS_MS);
        for (unsigned i = 0; ready > 0 && status == KD_OK && i < crew->wish->jobs; i++)
            if (crew->polls[i].revents != 0)
                status = read_row(crew, &crew->workers[i]);
        crew->wish->progress(crew->wish->context);
    }
    return status;
}

enum kd_status swarm_crew_run(const struct swarm_crew *wish)
{
    static struct crew crew;
    assert(wish->jobs > 0 && wish->jobs <= SWARM_JOBS_MAX && wish->shard < wish->shards);
    crew = (struct crew){.wish = wish, .until = wish->seconds == 0 ? 0 : swarm_crew_seconds() + wish->seconds};
    enum kd_status status = KD_OK;
    for (unsigned i = 0; i < wish->jobs; i++) {
        uint64_t offset = wish->shard + wish->shards * i;
        crew.workers[i].ended = true;
        crew.workers[i].next = wish->first + offset;
        if (status == KD_OK && wish->last - wish->first >= offset)
            status = hire(&crew, &crew.workers[i]);
    }
    return status == KD_OK ? listen_to_all(&crew) : status;
}
