/* Inside the API: shared by src/api, for nobody else. */
#pragma once
#include "api/api.h"
#include "api/wire.h"
#include "base/json.h"
#include "base/log.h"
#include "core/state.h"

#define TEXT_MAX   ((size_t)64 << 20) /* of one JSON answer, and of one snapshot */
#define NOTE_MAX   4096               /* bytes of a reason, a comment, a note */
#define WORKERS    4
#define ROUTES_MAX 128
#define BUCKETS    12

struct histogram {
	uint64_t bucket[BUCKETS + 1]; /* not cumulative; the last one: above all bounds */
	uint64_t n;
	double sum;
};
void histogram_add(struct histogram *h, const double *bounds, double value);

struct route_counts {
	uint64_t by_class[6]; /* of the status */
	uint64_t usec;
};
struct seen; /* what was last counted of an aggregate */

struct api {
	struct api_options o;
	struct engine *e;
	struct runner *runner;
	const struct httpd *httpd;
	struct call *calls;       /* not answered yet */
	struct follow *follows;   /* readers of the journal */
	struct log_hub *log_hubs; /* readers of logs, by job */
	struct catalog *catalog;  /* catalog.h; NULL: nobody asked yet */
	struct insights *insights;
	unsigned turn;            /* of the workers */
	uint64_t last_seq;        /* durable and told */
	usec_t started;
	/* metrics.c */
	struct route_counts routes[ROUTES_MAX];
	struct histogram latency;
	struct map seen; /* id -> struct seen * */
	struct histogram lead_time;
	uint64_t runs_ended[6], releases_ended[10], rollouts_ended[10], verdicts[3],
		incidents_opened, events, streams;
};

/* One request on its way to an answer. */
struct call {
	struct call *prev, *next;
	struct api *api;
	struct request *r;
	const struct api_route *route;
	char *arg[2];      /* what stood for {a} and {b} in the path */
	struct json *body; /* POST: what was sent; an empty map when that was nothing */
	usec_t began;
	/* for work on a thread */
	struct strbuf out;
	enum rc rc;
	struct err err;
	void (*fn)(struct call *c); /* fills out, or rc and err */
	void *data;                 /* of fn's own */
	void (*free_data)(void *data);
};

struct api_route {
	const char *method, *path; /* {a}: one segment; {a+}: one or more */
	void (*fn)(struct call *c);
	unsigned flags;
	const char *summary;
};
enum { ROUTE_OPEN = 1 }; /* nobody needs to say who they are */
extern const struct api_route api_routes[];
extern const size_t api_n_routes;

/* answer.c: each answers and frees the call */
void call_json(struct call *c, unsigned status, struct strbuf *body);
void call_text(struct call *c, const char *type, struct strbuf *body);
void call_fail(struct call *c, const struct err *err);
void call_failf(struct call *c, enum rc rc, const char *fmt, ...) PRINTF(3, 4);
/* Answer by a stream; NULL: nobody waits, and ops was not used. */
struct stream *call_stream(struct call *c, const char *type, const struct stream_ops *ops,
			   void *ctx);
struct stream *call_stream_as(struct call *c, unsigned status, const char *type,
			      const struct stream_ops *ops, void *ctx);
/* fn on a worker; then its out is the answer (JSON), or its err. */
void call_work(struct call *c, void (*fn)(struct call *c));
void call_free(struct call *c);
unsigned status_of(enum rc rc);
/* ?key=N, at most max. False: it was answered with what is wrong. */
MUST_CHECK bool call_number(struct call *c, const char *key, uint64_t otherwise, uint64_t max,
			    uint64_t *ret);
void api_work(struct api *api, void (*fn)(void *), void (*done)(void *), void *arg);

/* things.c */
/* An object is open in *o after this; close it with json_close(). State is always there; what only the program needs is not. */
void thing_open(struct json_out *o, const char *key, enum aggregate_kind kind, const void *thing);
void thing_write(struct json_out *o, const char *key, enum aggregate_kind kind, const void *thing);
void get_thing(struct call *c);
void get_schedules(struct call *c);
/* A snapshot, as thing_write() writes it. False: err says why. */
bool thing_write_stored(struct json_out *o, enum aggregate_kind kind, struct str json,
			struct err *err);
enum aggregate_kind thing_kind(const char *plural); /* "runs"; AGG_KINDS: none */
/* list.c, jobs.c */
void get_list(struct call *c);
void get_jobs(struct call *c);
void get_run_jobs(struct call *c);
/* catalog.c */
struct catalog;
void catalog_free(struct catalog *c);
/* keys.c */
void get_key(struct call *c);
void get_tests(struct call *c);
/* status.c, look.c */
void get_status(struct call *c);
void get_evidence(struct call *c);
void get_traffic(struct call *c);
void get_replicas(struct call *c);
void get_doors(struct call *c);
/* journal.c */
void get_journal(struct call *c);
void record_write(struct json_out *o, const struct record *r);
void journal_told(struct api *api, const struct record *r);
void journal_beat(struct api *api); /* readers who wait hear that we live */
/* logs.c */
void get_log(struct call *c);
void log_hubs_free(struct api *api);
/* reports.c */
void get_job_report(struct call *c);
void get_run_report(struct call *c);
/* actions.c */
void post_approve(struct call *c);
void post_promote(struct call *c);
void post_abort_rollout(struct call *c);
void post_abort_release(struct call *c);
void post_abort_run(struct call *c);
void post_rerun(struct call *c);
void post_approve_run(struct call *c);
void post_start_job(struct call *c);
void post_quarantine(struct call *c);
void post_drain(struct call *c);
void post_queue(struct call *c);
void post_rollback(struct call *c);
void post_pin(struct call *c);
void post_veto(struct call *c);
void post_hold(struct call *c);
void delete_pin(struct call *c);
void delete_veto(struct call *c);
void delete_hold(struct call *c);
void post_note(struct call *c);
void post_close(struct call *c);
void post_hook(struct call *c);
/* image.c: a whole digest, the beginning of one that is known, or a release's id. The caller's; NULL: err says why. */
char *digest_resolve(const struct model *m, const char *unit, const char *text, struct err *err);
/* metrics.c */
void get_metrics(struct call *c);
void get_healthz(struct call *c);
void get_readyz(struct call *c);
void metrics_answered(struct call *c, unsigned status);
void metrics_look(struct api *api, bool count);
void metrics_free(struct api *api);
