/* The protocol's shapes, and what is refused of what the other side says. */
#include "flow/2-agent/wire.h"

#include "base/digest.h"
#include "base/glob.h"

#define NAME(name, text) [name] = text,
const char *const order_kind_names[] = {ORDER_MAP(NAME)};

static const struct shape_field job_fields[] = {
	SHAPE_STR(struct agent_job, job),
	SHAPE_U32(struct agent_job, attempt),
};
const struct shape shape_agent_job = SHAPE(struct agent_job, job_fields);

static const struct shape_field hello_fields[] = {
	SHAPE_U32(struct agent_hello, protocol),
	SHAPE_U32(struct agent_hello, oldest),
	SHAPE_STR(struct agent_hello, name),
	SHAPE_STR(struct agent_hello, version),
	SHAPE_STR(struct agent_hello, instance),
	SHAPE_STRS(struct agent_hello, labels),
	SHAPE_U32(struct agent_hello, cpu),
	SHAPE_U64(struct agent_hello, memory),
	SHAPE_U64(struct agent_hello, time),
	SHAPE_BOOL(struct agent_hello, draining),
	SHAPE_LIST(struct agent_hello, jobs, shape_agent_job),
};
const struct shape shape_agent_hello = SHAPE(struct agent_hello, hello_fields);

static const struct shape_field order_fields[] = {
	SHAPE_ENUM(struct agent_order, kind, order_kind_names),
	SHAPE_STR(struct agent_order, session),
	SHAPE_U32(struct agent_order, protocol),
	SHAPE_U64(struct agent_order, time),
	SHAPE_STR(struct agent_order, job),
	SHAPE_U32(struct agent_order, attempt),
	SHAPE_U64(struct agent_order, have),
	SHAPE_SUB(struct agent_order, spec, shape_job_spec),
	SHAPE_STR(struct agent_order, sources),
	SHAPE_LIST(struct agent_order, secrets, shape_pair),
};
const struct shape shape_agent_order = SHAPE(struct agent_order, order_fields);

static const struct shape_field end_fields[] = {
	SHAPE_SUB(struct agent_end, end, shape_exec_end),
	SHAPE_U64(struct agent_end, log_size),
};
const struct shape shape_agent_end = SHAPE(struct agent_end, end_fields);

static const struct shape_field answer_fields[] = {
	SHAPE_BOOL(struct agent_answer, forget),
	SHAPE_U64(struct agent_answer, have),
};
const struct shape shape_agent_answer = SHAPE(struct agent_answer, answer_fields);

static const struct shape_field digests_fields[] = {SHAPE_STRS(struct agent_digests, digests)};
const struct shape shape_agent_digests = SHAPE(struct agent_digests, digests_fields);

bool agent_is_name(struct str s)
{
	if (s.n == 0 || s.n > AGENT_NAME_MAX || str_is(s, "local") || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_' || c == '.'))
			return false;
	}
	return true;
}

/* Job ids become names of files: as the executors take them, and no more. */
static enum rc check_job(const char *job, struct err *err)
{
	if (!job || !*job || *job == '.' || strlen(job) > 200 || strchr(job, '+') ||
	    path_check(str_of(job), NULL) != RC_OK)
		return err_set(err, RC_INVALID, "\"%.80s\" is not a job's id", job ? job : "");
	return RC_OK;
}

enum rc agent_job_check(const struct agent_job *j, struct err *err)
{
	return check_job(j->job, err);
}

static bool is_digest(const char *text)
{
	struct digest d;

	return digest_parse(str_of(text), &d);
}

static enum rc check_hello(const struct agent_hello *h, struct err *err)
{
	if (!agent_is_name(str_of(h->name)))
		return err_set(
			err, RC_INVALID,
			"\"%.80s\" is no name of an agent: letters, digits, - _ . up to %d, and not \"local\"",
			h->name ? h->name : "", AGENT_NAME_MAX);
	if (!h->instance || !*h->instance || strlen(h->instance) > 64)
		return err_set(err, RC_INVALID, "the hello has no instance");
	if (h->version && strlen(h->version) > 64)
		return err_set(err, RC_INVALID, "the hello's version is no version");
	if (h->labels.n > AGENT_LABELS_MAX)
		return err_set(err, RC_TOO_BIG, "an agent has at most %d labels", AGENT_LABELS_MAX);
	vec_each(label, &h->labels)
		if (!agent_is_name(str_of(*label)))
			return err_set(
				err, RC_INVALID,
				"\"%.80s\" is no label: letters, digits, - _ . up to %d, and not \"local\"",
				*label, AGENT_NAME_MAX);
	if (h->jobs.n > AGENT_JOBS_MAX)
		return err_set(err, RC_TOO_BIG, "an agent has at most %d jobs", AGENT_JOBS_MAX);
	vec_each(j, &h->jobs) {
		enum rc rc = check_job(j->job, err);

		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

enum rc agent_hello_read(struct str text, struct agent_hello *ret, struct err *err)
{
	enum rc rc = shape_parse(text, AGENT_HELLO_MAX, &shape_agent_hello, ret, err);

	if (rc == RC_OK)
		rc = check_hello(ret, err);
	if (rc != RC_OK)
		shape_done(&shape_agent_hello, ret);
	return rc;
}

static enum rc check_order(const struct agent_order *o, struct err *err)
{
	switch (o->kind) {
	case ORDER_WELCOME:
		return o->session && *o->session
			       ? RC_OK
			       : err_set(err, RC_INVALID, "a welcome without a session");
	case ORDER_PING:
		return RC_OK;
	case ORDER_START:
		if (o->sources && !is_digest(o->sources))
			return err_set(err, RC_INVALID, "\"%.80s\" is no digest of sources",
				       o->sources);
		return check_job(o->spec.job, err);
	case ORDER_KEEP:
	case ORDER_CANCEL:
	case ORDER_FORGET:
		break;
	}
	return check_job(o->job, err);
}

void agent_order_done(struct agent_order *o)
{
	vec_each(s, &o->secrets)
		if (s->value)
			mem_wipe(s->value, strlen(s->value));
	shape_done(&shape_agent_order, o);
}

enum rc agent_order_read(struct str line, struct agent_order *ret, struct err *err)
{
	enum rc rc = shape_parse(line, AGENT_ORDER_MAX, &shape_agent_order, ret, err);

	if (rc == RC_OK)
		rc = check_order(ret, err);
	if (rc != RC_OK)
		agent_order_done(ret);
	return rc;
}

void agent_order_write(struct strbuf *to, const struct agent_order *o)
{
	struct json_out out = JSON_OUT(to);

	shape_write(&out, NULL, &shape_agent_order, o);
	strbuf_addc(to, '\n');
}

enum rc agent_job_read(struct str text, struct agent_job *ret, struct err *err)
{
	enum rc rc = shape_parse(text, AGENT_HELLO_MAX, &shape_agent_job, ret, err);

	if (rc == RC_OK)
		rc = check_job(ret->job, err);
	if (rc != RC_OK)
		shape_done(&shape_agent_job, ret);
	return rc;
}

static enum rc check_end(const struct exec_end *e, struct err *err)
{
	const char *const blobs[] = {e->log, e->outputs, e->report.blob};
	enum rc rc = check_job(e->job, err);

	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(blobs); i++)
		if (blobs[i] && !is_digest(blobs[i]))
			return err_set(err, RC_INVALID, "%s: \"%.80s\" is no digest", e->job,
				       blobs[i]);
	if (e->outputs && e->failure != FAILURE_NONE)
		return err_set(err, RC_INVALID, "%s: only a job that passed has outputs", e->job);
	if (e->junit.failures.n > 100 || e->times.n > AGENT_TIMES_MAX)
		return err_set(
			err, RC_TOO_BIG,
			"%s: names of more than 100 failed tests, or times of more than %d files",
			e->job, AGENT_TIMES_MAX);
	return RC_OK;
}

enum rc agent_end_read(struct str text, struct agent_end *ret, struct err *err)
{
	enum rc rc = shape_parse(text, AGENT_HELLO_MAX, &shape_agent_end, ret, err);

	if (rc == RC_OK)
		rc = check_end(&ret->end, err);
	if (rc != RC_OK)
		shape_done(&shape_agent_end, ret);
	return rc;
}

enum rc agent_digests_read(struct str text, struct agent_digests *ret, struct err *err)
{
	enum rc rc = shape_parse(text, AGENT_HELLO_MAX, &shape_agent_digests, ret, err);

	if (rc == RC_OK && ret->digests.n > AGENT_DIGESTS)
		rc = err_set(err, RC_TOO_BIG, "more than %d digests at once", AGENT_DIGESTS);
	for (size_t i = 0; rc == RC_OK && i < ret->digests.n; i++)
		if (!is_digest(ret->digests.v[i]))
			rc = err_set(err, RC_INVALID, "\"%.80s\" is no digest", ret->digests.v[i]);
	if (rc != RC_OK)
		shape_done(&shape_agent_digests, ret);
	return rc;
}

uint32_t agent_protocol(const struct agent_hello *h, struct err *err)
{
	const char *version = h->version ? h->version : "?";

	if (h->protocol < AGENT_PROTOCOL_OLDEST)
		err_set(err, RC_CONFLICT,
			"agent %s (Penstock %s) speaks protocol %u, this daemon (Penstock %s) speaks %u and newer: install Penstock %s on the agent",
			h->name, version, h->protocol, PENSTOCK_VERSION, AGENT_PROTOCOL_OLDEST,
			PENSTOCK_VERSION);
	else if (h->oldest > AGENT_PROTOCOL)
		err_set(err, RC_CONFLICT,
			"agent %s (Penstock %s) speaks protocol %u and newer, this daemon (Penstock %s) speaks up to %u: update the daemon, or install Penstock %s on the agent",
			h->name, version, h->oldest, PENSTOCK_VERSION, AGENT_PROTOCOL,
			PENSTOCK_VERSION);
	else
		return MIN_OF(h->protocol, (uint32_t)AGENT_PROTOCOL);
	return 0;
}
