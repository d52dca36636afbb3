/*
 * What an agent and the daemon say to each other. The agent asks, over HTTP; nothing ever connects to it:
 *
 *	POST /agent/stream           hello -> 200 and, as long as the connection lives, one order a line: the daemon pushes
 *	POST /agent/beat             each AGENT_BEAT; who is not heard for AGENT_LOST is lost, its jobs run elsewhere
 *	POST /agent/started          job_ref: it runs, its start need not be sent again
 *	POST /agent/log?job=&attempt=&from=   bytes of the (masked) log -> answer.have
 *	POST /agent/marks?...        the same of the marks beside it (base/logmark.h), before the bytes that they speak of
 *	POST /agent/ended            end -> answer.forget: nobody waits for it; answer.have below end.log_size: first the rest of the log
 *	POST /agent/drain, /agent/bye         no more jobs, please; I leave now and hold no job
 *	POST /agent/missing          {"digests"} -> {"digests"}: those that the daemon lacks
 *	POST /agent/pack             {"digests"} -> for each, "<hex> <size>\n" and its bytes; as many as fit into AGENT_PACK
 *	GET, PUT /agent/blobs/<hex>
 *
 * The token's scope is "agent/NAME". All but the hello carry the session that the welcome named, in a header; an old one is answered with 409:
 * say hello again. What the hello lists as its jobs is answered by keep or forget for each, so that both sides agree again after either
 * was away. Everything may be said twice.
 */
#pragma once
#include "core/effect.h"
#include "ports/exec.h"

#define AGENT_PROTOCOL        1 /* the newest that we speak */
#define AGENT_PROTOCOL_OLDEST 1
#define AGENT_BASE            "/agent/"
#define AGENT_SESSION         "Penstock-Session"
#define AGENT_SCOPE           "agent/"
#define AGENT_NAME_MAX        50
#define AGENT_LABELS_MAX      64
#define AGENT_JOBS_MAX        4096
#define AGENT_TIMES_MAX       20000
#define AGENT_HELLO_MAX       ((size_t)1 << 20)
#define AGENT_ORDER_MAX       ((size_t)16 << 20)
#define AGENT_LOG_PIECE       ((size_t)512 << 10)
#define AGENT_LOG_MAX         ((uint64_t)1 << 30) /* of one job's log */
#define AGENT_DIGESTS         8000                /* of one question */
#define AGENT_PACK            ((uint64_t)32 << 20)
#define AGENT_PACK_EACH       ((uint64_t)1 << 20) /* bigger blobs are fetched one by one */
#define AGENT_BEAT            (2 * USEC_SEC)
#define AGENT_LOST            (10 * USEC_SEC)
#define AGENT_SKEW            (5 * USEC_SEC) /* a clock that is more wrong than this is told of */

struct agent_job {
	char *job;
	uint32_t attempt;
};
struct agent_hello {
	uint32_t protocol, oldest;       /* the newest and the oldest that it speaks */
	char *name, *version, *instance; /* instance: of this process */
	texts labels;
	uint32_t cpu;
	uint64_t memory;
	uint64_t time; /* its clock, usec */
	bool draining;
	VEC(struct agent_job) jobs; /* all that it has: running, or ended and not forgotten */
};

#define ORDER_MAP(X)                                                                     \
	X(ORDER_WELCOME, "welcome") /* session, protocol, time: the daemon's */          \
	X(ORDER_KEEP, "keep")       /* job, attempt; have: bytes of its log that came */ \
	X(ORDER_START, "start")     /* spec, sources, secrets */                         \
	X(ORDER_CANCEL, "cancel")   /* job, attempt */                                   \
	X(ORDER_FORGET, "forget")   /* job, attempt: end it if it runs, remove it */     \
	X(ORDER_PING, "ping")
#define ORDERS 6
ENUM_DECLARE(order_kind, ORDER_MAP, ORDERS)
struct agent_order {
	enum order_kind kind;
	char *session;
	uint32_t protocol;
	uint64_t time;
	char *job;
	uint32_t attempt;
	uint64_t have;
	struct job_spec spec;
	char *sources; /* digest of a manifest: what spec.reads names; NULL: nothing */
	pairs secrets; /* reference -> value: for this job alone, never on a disk */
};

struct agent_end {
	struct exec_end end; /* its blobs were brought before */
	uint64_t log_size;
};
struct agent_answer {
	bool forget;
	uint64_t have;
};
struct agent_digests {
	texts digests;
};
extern const struct shape shape_agent_hello, shape_agent_order, shape_agent_job, shape_agent_end,
	shape_agent_answer, shape_agent_digests;

/* Read what came from outside: shape, caps, names. ret must be zeroed; it is zeroed again on failure. */
MUST_CHECK enum rc agent_hello_read(struct str text, struct agent_hello *ret, struct err *err);
MUST_CHECK enum rc agent_order_read(struct str line, struct agent_order *ret, struct err *err);
MUST_CHECK enum rc agent_job_read(struct str text, struct agent_job *ret, struct err *err);
MUST_CHECK enum rc agent_job_check(const struct agent_job *j, struct err *err);
MUST_CHECK enum rc agent_end_read(struct str text, struct agent_end *ret, struct err *err);
MUST_CHECK enum rc agent_digests_read(struct str text, struct agent_digests *ret, struct err *err);
/* Secrets are wiped. */
void agent_order_done(struct agent_order *o);
/* One line, with its end. */
void agent_order_write(struct strbuf *to, const struct agent_order *o);
/* The protocol that both speak, or 0: *err says who must be updated. */
uint32_t agent_protocol(const struct agent_hello *h, struct err *err);
/* Letters, digits, - _ . up to AGENT_NAME_MAX, and not "local". */
bool agent_is_name(struct str s);
