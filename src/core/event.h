/*
 * What happened. An event carries its time and its actor, so that nothing in core asks a clock. One flat struct whose fields are used by kind
 * (the table says which): the journal stays readable and old journals stay readable.
 */
#pragma once
#include "core/model.h"

#define EVENT_MAP(X)                                                                                                                      \
	X(EV_STARTED, "engine.started") /* slots, version */                                                                              \
	X(EV_REF_MOVED,                                                                                                                   \
	  "source.ref_moved") /* repo, ref, commit (NULL: deleted), base (old), ok: it stood there when we first looked */                \
	X(EV_CHANGE_PLANNED,                                                                                                              \
	  "source.change_planned") /* change, config_digest, config (when new), plan; answers EF_READ_CHANGE */                           \
	X(EV_CHANGE_REFUSED, "source.change_refused")   /* change, error */                                                               \
	X(EV_CHANGE_REVERTED, "source.change_reverted") /* release, commit; or error */                                                   \
	X(EV_JOB_STARTED, "job.started")                /* job */                                                                         \
	X(EV_JOB_ENDED,                                                                                                                   \
	  "job.ended") /* job, count (attempt), exit, failure, error, log, outputs, image, junit, report, times */                        \
	X(EV_ATTESTED,                                                                                                                    \
	  "evidence.attested") /* release, image, type, stage, digest of the envelope; or error */                                        \
	X(EV_EVIDENCE_VERIFIED, "evidence.verified")    /* release, environment, ok, error */                                             \
	X(EV_DEPLOY_PLANNED, "deploy.planned")          /* rollout, digest = plan hash */                                                 \
	X(EV_DESIRED_WRITTEN, "deploy.desired_written") /* rollout, commit */                                                             \
	X(EV_REPLICA,                                                                                                                     \
	  "deploy.replica") /* environment, unit, image, index, replica, count (restarts), probes, ready (of the set), exit, text */      \
	X(EV_REPLICAS_STARTED, "deploy.replicas_started") /* rollout, ok, error, failure */                                               \
	X(EV_REPLICAS_STOPPED, "deploy.replicas_stopped") /* environment, unit, image, rollout */                                         \
	X(EV_WEIGHT_SET, "route.weight_set") /* rollout, weight as confirmed at the data plane */                                         \
	X(EV_FACTS, "watch.facts")           /* rollout, window */                                                                        \
	X(EV_HISTORY,                                                                                                                     \
	  "watch.history") /* rollout, text = base64 of the placebo state, answers EF_WATCH */                                            \
	X(EV_NOTIFIED, "notify.sent") /* incident, text = notifier; or error */                                                           \
	X(EV_TIMER, "engine.timer")   /* subject, text = what for */                                                                      \
	X(EV_APPROVE,                                                                                                                     \
	  "person.approve") /* release, or a run that waits; ok (yes or no), text = comment */                                            \
	X(EV_PROMOTE, "person.promote")   /* rollout: the next step now, without waiting */                                               \
	X(EV_ABORT, "person.abort")       /* rollout or release or run, text = reason */                                                  \
	X(EV_ROLLBACK, "person.rollback") /* environment, unit, text = reason */                                                          \
	X(EV_PIN, "person.pin")           /* environment, unit, image, until, text */                                                     \
	X(EV_UNPIN, "person.unpin")       /* environment, id, text = reason */                                                            \
	X(EV_VETO, "person.veto")         /* environment, unit, image, until, text */                                                     \
	X(EV_UNVETO, "person.unveto")     /* environment, id, text = reason */                                                            \
	X(EV_HOLD, "person.hold")         /* environment, unit or NULL, until, text */                                                    \
	X(EV_UNHOLD, "person.unhold")     /* environment, id, text = reason */                                                            \
	X(EV_INCIDENT_NOTE, "person.incident_note")         /* incident, text */                                                          \
	X(EV_INCIDENT_CLOSE, "person.incident_close")       /* incident, text */                                                          \
	X(EV_INCIDENT_MITIGATE, "person.incident_mitigate") /* incident, text */                                                          \
	X(EV_RERUN, "person.rerun")                         /* run: failed jobs again; change: of a run that is not in memory any more */ \
	X(EV_REFUSED, "person.refused") /* text = what was asked, error, rc: nothing changes */                                           \
	X(EV_AGENT,                                                                                                                       \
	  "agent.seen") /* id, ok (connected or lost), labels = ids, cpu, memory, text = version, type = address; error */                \
	X(EV_MERGED, "queue.merged") /* id, commit or error, ids: entries that do not merge */                                            \
	X(EV_LANDED, "queue.landed") /* id, ok or error */                                                                                \
	X(EV_DRAIN, "person.drain")  /* id of an agent, ok: no more jobs; not ok: jobs again */                                           \
	X(EV_START_JOB,                                                                                                                   \
	  "person.start_job") /* job: a manual one, or with ok: a failed one again in its kept workspace */                               \
	X(EV_QUEUE_ADD,                                                                                                                   \
	  "person.queue_add") /* repo, ref, commit, type = target branch, digest = number */                                              \
	X(EV_QUEUE_DEL, "person.queue_remove") /* repo, ref, type = target */                                                             \
	X(EV_QUARANTINE,                                                                                                                  \
	  "person.quarantine") /* unit or NULL, id = test, type = owner, until, text = reason */                                          \
	X(EV_UNQUARANTINE, "person.unquarantine") /* unit or NULL, id = test */                                                           \
	X(EV_USER,                                                                                                                        \
	  "access.user") /* id, text = name, type = email, ids = groups, ok: may log in; base, ref: issuer and subject */                 \
	X(EV_TOKEN,                                                                                                                       \
	  "access.token") /* type = name, digest, owner = text, role, environment, ids = groups, base = scope, ready: read-only, until */ \
	X(EV_TOKEN_END, "access.token_end")   /* id */                                                                                    \
	X(EV_TOKEN_USED, "access.token_used") /* id: at most one an hour */                                                               \
	X(EV_LOGIN,                                                                                                                       \
	  "access.login") /* text = actor, digest, id = token or NULL, type = browser, until */                                           \
	X(EV_LOGOUT, "access.logout")       /* id of the session */                                                                       \
	X(EV_GRANT, "access.grant")         /* type = who, role, environment */                                                           \
	X(EV_GRANT_END, "access.grant_end") /* id */                                                                                      \
	X(EV_DENIED,                                                                                                                      \
	  "access.denied") /* text = what was asked, error, count: how often since the last record: nothing changes */                    \
	X(EV_CACHE_PRUNE,                                                                                                                 \
	  "person.cache_prune") /* id = scope or "all", memory = bytes that may stay, text: what went: nothing changes here */            \
	X(EV_EFFECT_FAILED,                                                                                                               \
	  "engine.effect_failed") /* kind, subject, error: an effect that will not be tried again */
#define EVENT_KINDS 54
ENUM_DECLARE(event_kind, EVENT_MAP, EVENT_KINDS)

/* A member of an aggregate, before and after, as JSON of at most 1 KiB; NULL: it was not there. */
struct field_change {
	char *subject, *field, *before, *after;
};

struct event {
	/* header: columns of the journal, not in the payload's shape */
	uint64_t seq; /* given by the engine: dense from 1 */
	usec_t time;
	char *actor; /* "engine", "git", "user:root", "token:ci" */
	enum event_kind kind;
	/* payload */
	char *address,
		*via; /* of a person: where from; by which credential: "tok-...", "ses-...", "socket" */
	char *once, *what; /* hash of who and idempotency key; hash of what was ordered with it */
	VEC(struct field_change)
	changes; /* set by the engine: what a person's event did, and the states that any event led to */
	char *effect; /* "seq.index" of the effect that this answers; a second answer is ignored */
	char *cause;  /* free text for people: what led here */
	char *repo, *ref, *commit, *base;
	struct change change;
	char *config_digest;
	struct config config;
	struct plan plan;
	char *run, *job, *release, *rollout, *environment, *unit, *image, *incident, *id;
	char *type, *digest, *text, *error;
	enum rc rc;
	enum role role;
	enum stage stage;
	enum failure failure;
	enum replica_state replica;
	bool ok;
	uint32_t index, count, slots, probes, ready;
	int64_t exit;
	uint64_t until;
	double weight;
	char *log, *outputs;
	struct junit junit;
	struct job_report report;
	VEC(struct file_time) times;
	uint32_t cpu;
	uint64_t memory;
	struct facts_window window;
	uint64_t started_at, ended_at; /* the world's own times */
	texts ids;
};
extern const struct shape shape_event; /* the payload */
void event_done(struct event *e);
/* The event that a record of the journal holds, with its seq, time and actor; *ret is the caller's (event_done). RC_CORRUPT: there is no such kind. */
struct record;
MUST_CHECK enum rc event_read(const struct record *r, struct event *ret, struct err *err);
/* The aggregate an event is about, for the journal's column and filters ("run-7", "ro-12", "production"). */
const char *event_subject(const struct event *e);
