/* Inside the API: shared by src/api, for nobody else. */
#pragma once
#include "api/api.h"
#include "api/identity.h"
#include "api/table.h"
#include "api/wire.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "clients/workload.h"
#include "core/access.h"
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
	struct httpd *httpd;
	char *archives;           /* their folder; NULL: none */
	struct call *calls;       /* not answered yet */
	struct follow *follows;   /* readers of the journal */
	struct log_hub *log_hubs; /* readers of logs, by job */
	struct catalog *catalog;  /* catalog.h; NULL: nobody asked yet */
	struct insights *insights;
	struct stories *stories; /* curves.c; NULL: nobody asked yet */
	unsigned turn;     /* of the workers */
	uint64_t last_seq; /* durable and told */
	usec_t started;
	struct job_tokens *job_tokens; /* identity.c */
	struct map noted;   /* token -> the hour of its use that is on its way into the journal */
	struct map tried;   /* sessions.c: address -> who tried wrong tokens */
	struct map denials; /* what was refused lately */
	struct logins *logins;   /* sso.c; NULL: none under way */
	unsigned asking;         /* sso.c: calls that wait for the provider */
	struct devices *devices; /* device.c; NULL: none asked yet */
	struct rerun *reruns;    /* rerun.c: orders whose new run is waited for */
	uint64_t failed_logins;
	usec_t strangers_since; /* denials.c */
	uint32_t strangers;
	uint64_t archived; /* records up to this one have left the journal; 0: none */
	usec_t archived_at;
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

/* answer.c: each answers and frees the call */
void call_json(struct call *c, unsigned status, struct strbuf *body);
void call_status(struct call *c, unsigned status); /* without a body */
void call_text(struct call *c, const char *type, struct strbuf *body);
void call_fail(struct call *c, const struct err *err);
void call_failf(struct call *c, enum rc rc, const char *fmt, ...) PRINTF(3, 4);
/* With a status that the code alone does not give. */
void call_problem(struct call *c, unsigned status, enum rc rc, const char *fmt, ...) PRINTF(4, 5);
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

/* check.c */
/* The query and the body are what the table says; false: answered. */
MUST_CHECK bool call_check(struct call *c);
/* Of a checked body. NULL: not given, or empty. The caller's. */
char *body_take(const struct call *c, const char *name);
bool body_truth(const struct call *c, const char *name, bool otherwise);
void body_texts(const struct call *c, const char *name, texts *ret);
enum role body_role(const struct call *c, const char *name);
/* "until" or "for"; 0: neither. False: answered, it lies in the past. */
MUST_CHECK bool body_end(struct call *c, uint64_t *ret);

/* identity.c */
struct job_tokens *job_tokens_new(void);
void job_tokens_free(struct job_tokens *t);
void secret_make(const char *prefix, char ret[SECRET_TEXT + 1]);
void secret_hash(struct str secret, char ret[DIGEST_HEX + 1]);
void who_asks(struct api *api, const struct request *r, texts *groups, struct who *ret);
/* What let it in is good still, also when its body took a while. */
bool call_is_known(const struct call *c);
/* Streams that were opened by what is not good any more end. */
void streams_look(struct api *api);
MUST_CHECK bool call_allowed(
	struct call *c); /* has the role; false: answered, and in the journal */
/* sessions.c */
void failed_login(struct api *api, struct request *r);
void call_nobody(struct call *c); /* answers 401 */
void call_denied(struct call *c, const char *fmt, ...)
	PRINTF(2, 3);                           /* answers 403, and in the journal */
MUST_CHECK bool call_same_site(struct call *c); /* false: answered */
/* begun: when the person logged in; 0: now. */
void session_begin(struct call *c, const char *actor, const char *token, usec_t begun);
void tried_free(struct api *api);
/* denials.c */
/* what NULL: the method and the path. Whoever has no name here is "nobody". */
void denial_note(struct api *api, struct request *r, const char *what, const char *why);
void denials_free(struct api *api);
void get_me(struct call *c);
void get_login(struct call *c);
void post_login(struct call *c);
void post_logout(struct call *c);
void post_rotate(struct call *c);
/* A session's event, but for who answers it; ret_secret is the cookie's value. */
void session_event(struct call *c, const char *actor, const char *token, struct event *ev,
		   char ret_secret[SECRET_TEXT + 1]);
void session_cookie(struct call *c, const char *secret);
/* sso.c */
void logins_free(struct logins *l);
void get_login_oidc(struct call *c);
void get_login_oidc_callback(struct call *c);
void get_workload_discovery(struct call *c);
void get_workload_keys(struct call *c);
/* device.c */
void devices_free(struct devices *d);
void post_device(struct call *c);
void post_device_token(struct call *c);
void post_device_approve(struct call *c);
/* people.c */
/* No more than what the caller came by; false: answered. */
MUST_CHECK bool token_limit(struct call *c, enum role *role, char **environment, uint64_t *until);
void device_token(struct call *c, const char *actor, const char *name, enum role role,
		  const char *environment, usec_t until); /* answers with a new token */
void get_my_tokens(struct call *c);
void post_my_token(struct call *c);
void delete_my_token(struct call *c);
void post_user(struct call *c);
void post_token(struct call *c);
void delete_token(struct call *c);
void post_grant(struct call *c);
void delete_grant(struct call *c);
void delete_session(struct call *c);
/* once.c */
/* An order with an idempotency key that was carried out already is answered; false: answered. */
MUST_CHECK bool call_first(struct call *c);
void call_once(struct call *c, struct event *ev); /* the event remembers the key */
/* openapi.c */
struct api_schema {
	const char *name;
	enum aggregate_kind kind;
};
extern const struct api_schema api_schemas[]; /* up to a NULL name */
/* The path as others write it: "/api/v1/{a:runs}/{b+}" -> "/api/v1/runs/{b}" */
void route_path(const struct api_route *r, struct strbuf *to);
void get_openapi(struct call *c);

/* things.c */
/* An object is open in *o after this; close it with json_close(). State is always there; what only the program needs is not. */
void thing_open(struct json_out *o, const char *key, enum aggregate_kind kind, const void *thing);
void thing_write(struct json_out *o, const char *key, enum aggregate_kind kind, const void *thing);
void get_thing(struct call *c);
/* A snapshot, as thing_write() writes it. False: err says why. */
bool thing_write_stored(struct json_out *o, enum aggregate_kind kind, struct str json,
			struct err *err);
enum aggregate_kind thing_kind(const char *plural); /* "runs"; AGG_KINDS: none */
/* list.c, jobs.c */
void get_list(struct call *c);
void get_jobs(struct call *c);
void get_run_jobs(struct call *c);
/* named.c */
void get_named(struct call *c);
void get_schedules(struct call *c);
/* catalog.c */
struct catalog;
void catalog_free(struct catalog *c);
/* insights.c */
struct insights;
void insights_free(struct insights *i);
/* curves.c */
struct stories;
void stories_free(struct stories *s);
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
void get_events(struct call *c);
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
void call_sign(struct call *c, struct event *ev); /* who, with which groups, from where, by what */
void call_groups(const struct call *c, struct event *ev); /* into ids */
void call_order(struct call *c, struct event *ev);        /* signs, asks the engine, answers */
void call_done_at(struct call *c, enum rc rc, const struct err *err, uint64_t seq);
void post_mitigate(struct call *c);
void post_approve(struct call *c);
void post_promote(struct call *c);
void post_abort_rollout(struct call *c);
void post_abort_release(struct call *c);
void post_abort_run(struct call *c);
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
/* rerun.c */
void post_rerun(struct call *c);
void reruns_told(struct api *api, const struct record *r);
void reruns_free(struct api *api);
/* image.c: a whole digest, the beginning of one that is known, or a release's id. The caller's; NULL: err says why. */
char *digest_resolve(const struct model *m, const char *unit, const char *text, struct err *err);
/* metrics.c */
void get_metrics(struct call *c);
void get_healthz(struct call *c);
void get_readyz(struct call *c);
void metrics_answered(struct call *c, unsigned status);
void metrics_look(struct api *api, bool count);
void metrics_free(struct api *api);
