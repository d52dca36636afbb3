/*
 * The simulator: the whole engine on a virtual clock in a fake world, one history a seed. What happens is drawn; what must hold is checked after every
 * event (invariants, on a model that is fed from the journal alone) and at the end of the history (the world, the journal, nothing left hanging).
 */
#pragma once
#include "base/map.h"
#include "core/invariant.h"
#include "engine/engine.h"
#include "rng.h"
#include "runner_sim.h"

#define REPO       "shop"
#define MAIN_REF   "refs/heads/main"
#define SECRET     "s3cr3t-0f-the-w0rld-4711" /* may be seen nowhere */
#define SECRET_REF "file:token"
#define SERVICES   5
#define TRACE_KEEP 400
#define SIM_BEGIN  ((usec_t)1767600000 * USEC_SEC) /* a Monday morning */

enum sim_port {
	PORT_SCM,
	PORT_EXEC,
	PORT_PACK,
	PORT_SIGN,
	PORT_DESIRED,
	PORT_RUNTIME,
	PORT_ROUTE,
	PORT_NOTIFY,
	PORTS
};

/* What a version does. */
enum content { GOOD, ERRORS, SLOW, CRASH, NEVER, BUILD_FAILS, TEST_FAILS, FLAKY, CONTENTS };
extern const char *const content_names[CONTENTS];

struct sim_options {
	bool faults, people;
	bool access;     /* users, tokens, sessions, grants come and go */
	bool ci;         /* requests, tags, jobs by hand, the clock */
	bool trace;      /* print while it happens */
	bool keep_trace; /* print the last lines when it fails */
	unsigned pushes; /* 0: drawn */
	const char *
		script; /* one letter a push to s0: g good, e errors, s slow, c crash, n never, b build fails, t test fails; NULL: drawn */
};
struct sim_result {
	uint64_t events, records, crashes, live, rolled_back, injected;
	uint64_t landed, lost_agents, superseded, scheduled;
	uint64_t nowhere; /* requests to a live service that no server took */
	unsigned number;  /* of the broken invariant; 0: something else */
	bool failed;
	char why[700];
};

struct sim_image {
	char *image;
	enum content content;
};
struct sim_left { /* an attempt that an agent had when it died */
	char *job, *outputs;
	uint32_t attempt;
};
#define SIM_AGENTS 3
struct sim_agent {
	bool up, label;
	uint32_t cpu;
	uint64_t memory;
	usec_t seen_at; /* what happened to it is not heard before */
	VEC(struct sim_left) left;
};
struct mirror;
struct sim {
	uint64_t seed;
	struct sim_options o;
	struct rng rng, fault_rng, runner_rng;
	struct runner *runner;
	struct store *store;
	struct engine *engine;
	struct world w;
	/* the fakes themselves; the engine sees wrappers of them */
	struct scm *scm;
	struct pack *pack;
	struct sign *sign;
	struct desired *desired;
	struct runtime *runtime;
	struct route *route;
	struct blobs *blobs;
	struct {
		struct scm scm;
		struct pack pack;
		struct sign sign;
		struct desired desired;
		struct runtime runtime;
		struct route route;
		struct notify notify;
		struct blobs blobs;
	} wrap;
	struct exec *exec;
	/* the project */
	unsigned services;
	bool approvals;
	char *yml;
	char *yml_times, *yml_theirs; /* with other times; as a request would like it */
	enum forks forks;
	bool other_times;
	unsigned tags;
	usec_t requests_pause;
	uint32_t contents;   /* numbers given */
	enum content bad_of; /* kind of the last bad content */
	VEC(char *) said;    /* contents that were pushed, to be pushed again */
	VEC(struct sim_image) images;
	VEC(struct route_fact) facts; /* texts borrowed from images, units and constants */
	const char *earlier;          /* a commit of main that a force push goes back to */
	char *told;                   /* the tip that the watcher told last */
	unsigned pushes;
	bool pushing, traffic_on;
	unsigned load; /* requests a fifth of a second while a canary is judged */
	uint32_t slots;
	/* agents, and the merge queue */
	bool with_agents, with_queue, agents_on;
	struct sim_agent agents[SIM_AGENTS];
	usec_t agents_pause;
	unsigned queued, queue_most;
	struct map made; /* key -> what the executor made of it first */
	/* faults */
	struct {
		usec_t until;
		enum rc rc;
	} down[PORTS];
	double p_before, p_after,
		p_twice; /* a call fails before, after having been done; is done twice */
	double p_again;  /* an answer comes a second time */
	usec_t fault_pause, people_pause;
	bool people_on, faults_on, crash_due, jumped;
	int64_t jump;              /* of the clock, at the next restart */
	usec_t outage;             /* how long something was away, in all */
	struct sim_access *access; /* NULL: nobody comes in */
	struct mirror *mirror;
	struct book *book;
	struct sim_result result;
	/* trace */
	char *lines[TRACE_KEEP];
	size_t n_lines;
};

/* sim.c */
void sim_run(uint64_t seed, const struct sim_options *o, struct sim_result *ret);
void sim_fail(struct sim *s, unsigned number, const char *fmt, ...) PRINTF(3, 4);
usec_t sim_now(const struct sim *s);
void sim_crash(struct sim *s); /* kill -9 and a new daemon on what was durable */
/* trace.c */
void sim_say(struct sim *s, const char *fmt, ...) PRINTF(2, 3);
void sim_trace_record(struct sim *s, const struct record *r, const struct event *ev,
		      const struct effects *out);
void sim_trace_print(const struct sim *s);
void sim_trace_done(struct sim *s);
/* ports_sim.c */
void ports_init(struct sim *s);
void ports_done(struct sim *s);
bool sim_trouble(struct sim *s, enum sim_port port, const char *call, struct err *err);
bool sim_twice(struct sim *s, const char *call);
bool sim_unheard(struct sim *s, enum sim_port port, const char *call, struct err *err);
enum content sim_content_at(struct sim *s, const char *commit, const char *path);
enum content sim_content_of(const struct sim *s, const char *image);
/* blobs_sim.c */
extern const struct blobs_ops blobs_sim_ops;
/* exec_sim.c */
struct exec *exec_sim_new(struct sim *s);
void exec_sim_lose(struct exec *x); /* a running job is gone without a trace */
void exec_sim_agent_dies(struct exec *x, const char *agent, struct sim_agent *a);
void exec_sim_agent_stalls(struct exec *x, const char *agent); /* what it runs does not end */
bool exec_sim_agent_is_stalled(struct exec *x, const char *agent);
/* agents.c */
void agents_start(struct sim *s);
void agents_settle(struct sim *s); /* the end: all are there, none is drained */
void agents_done(struct sim *s);
bool agent_is_up(const struct sim *s, const char *name);
/* queue.c */
void queue_start(struct sim *s);
bool queue_is_quiet(const struct sim *s);
void queue_check(struct sim *s);
/* requests.c */
void requests_start(struct sim *s);
void requests_settle(struct sim *s);
void requests_on(struct sim *s, struct strbuf *b); /* penstock.yml: what starts runs */
void requests_jobs(struct sim *s, struct strbuf *b);
void requests_yml(struct sim *s);
bool request_is_fork(const char *number);
void requests_refs(struct sim *s, bool (*each)(void *, const char *, const char *),
		   void *ctx); /* the fake lists branches alone */
/* project.c */
void project_make(struct sim *s);
void project_push(struct sim *s);
void project_start(struct sim *s);
void project_done(struct sim *s);
/* traffic.c */
void traffic_begin(struct sim *s);
/* access.c */
void access_start(struct sim *s);
void access_settle(struct sim *s); /* the end: what ended stays so */
void access_done(struct sim *s);
/* people.c */
void people_start(struct sim *s);
void people_settle(struct sim *s); /* the end: what still waits for a person is decided */
/* faults.c */
void faults_start(struct sim *s);
void faults_stop(struct sim *s);
/* mirror.c: the journal is replayed as it grows */
void mirror_start(struct sim *s);
void mirror_done(struct sim *s);
void mirror_listen(struct sim *s);
void mirror_compare(struct sim *s,
		    const char *when); /* snapshots of store and mirror, byte for byte */
const struct model *mirror_model(const struct sim *s);
/* check_ci.c */
void check_ci_start(struct sim *s);
void check_ci_done(struct sim *s);
void check_ci(struct sim *s, const struct model *m, const struct event *ev,
	      const struct effects *out); /* after a step */
void check_ci_end(struct sim *s);
void check_ci_kept(struct sim *s, const struct result *r); /* it is about to be kept */
void check_ci_resumed(struct sim *s, const char *outputs); /* they were made in a kept workspace */
bool check_ci_is_resumed(const struct sim *s, const char *outputs);
/* check.c */
bool is_quiet(struct sim *s);
void check_end(struct sim *s);
