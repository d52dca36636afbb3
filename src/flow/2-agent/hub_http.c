/* What agents ask of the daemon: who may, and what is answered. */
#include "flow/2-agent/hub.h"

#include "base/log.h"
#include "io/clock.h"

static void reply_json(struct request *r, unsigned status, const struct strbuf *body)
{
	request_reply(r, status, "application/json", strbuf_str(body));
}

void hub_refuse(struct request *r, unsigned status, const struct err *err)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(4096);
	struct json_out o = JSON_OUT(&body);

	json_open(&o, NULL);
	json_cstr(&o, "error", "refused");
	json_cstr(&o, "code", rc_name(err->rc));
	json_cstr(&o, "detail", err->msg);
	json_close(&o);
	strbuf_addc(&body, '\n');
	request_reply(r, status, "application/problem+json", strbuf_str(&body));
}

static void answer(struct request *r, const struct agent_answer *a)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(256);
	struct json_out o = JSON_OUT(&body);

	shape_write(&o, NULL, &shape_agent_answer, a);
	reply_json(r, 200, &body);
}

/* The name that the token is for; NULL: it is no agent's. */
static const char *name_of(const struct request *r)
{
	const char *scope = request_scope(r);

	return scope && str_starts(str_of(scope), AGENT_SCOPE) ? scope + strlen(AGENT_SCOPE) : NULL;
}

static struct hub_agent *agent_of(struct hub *h, const struct request *r)
{
	const char *session = request_header(r, AGENT_SESSION);
	struct hub_agent *a = map_get(&h->agents, str_of(name_of(r)));

	return a && session && *session && streq(a->session, session) ? a : NULL;
}

/* Is the job this agent's, in this attempt? */
static struct hub_job *job_of(struct hub *h, const struct hub_agent *a, const char *id,
			      uint32_t attempt)
{
	struct hub_job *job = map_get(&h->jobs, str_of(id));

	return job && job->attempt == attempt && streq(job->agent, a->name) ? job : NULL;
}

static void on_beat(struct hub *h, struct hub_agent *a, struct request *r)
{
	(void)h, (void)a;
	answer(r, &(struct agent_answer){0});
}

static void on_drain(struct hub *h, struct hub_agent *a, struct request *r)
{
	answer(r, &(struct agent_answer){0});
	LOG(LOG_INFO, "an agent asks for no more jobs", LF("agent", a->name));
	if (h->owner.drain)
		h->owner.drain(h->owner.ctx, a->name);
}

static void on_bye(struct hub *h, struct hub_agent *a, struct request *r)
{
	answer(r, &(struct agent_answer){0});
	hub_agent_lose(h, a, "it left");
}

static void on_started(struct hub *h, struct hub_agent *a, struct request *r)
{
	struct agent_job said = {0};
	struct err err = {0};

	if (agent_job_read(request_body(r), &said, &err) != RC_OK) {
		hub_refuse(r, 400, &err);
		return;
	}
	hub_lock(h);
	struct hub_job *job = job_of(h, a, said.job, said.attempt);
	if (job) {
		hub_text_free(job->start);
		job->start = NULL;
	}
	hub_unlock(h);
	answer(r, &(struct agent_answer){.forget = !job});
	shape_done(&shape_agent_job, &said);
}

static void take_log(struct hub *h, struct hub_agent *a, struct request *r, enum hub_log what)
{
	const char *id = request_query(r, "job"), *attempt = request_query(r, "attempt"),
		   *from = request_query(r, "from");
	struct agent_job said = {.job = (char *)(uintptr_t)id};
	struct agent_answer ret = {0};
	struct err err = {0};
	uint64_t at = 0;

	if (!attempt || !from || !parse_u32(str_of(attempt), &said.attempt) ||
	    !parse_u64(str_of(from), &at) || at > AGENT_LOG_MAX ||
	    agent_job_check(&said, &err) != RC_OK) {
		err_set(&err, RC_INVALID,
			"?job=, ?attempt= and ?from= say what this is the log of");
		hub_refuse(r, 400, &err);
		return;
	}
	hub_lock(h);
	const struct hub_job *job = job_of(h, a, id, said.attempt);
	ret.forget = !job;
	enum rc rc = job && !job->end ? hub_log_write(h, id, said.attempt, what, at,
						      request_body(r), &ret.have, &err)
				      : RC_OK;
	hub_unlock(h);
	if (rc == RC_OK)
		answer(r, &ret);
	else
		hub_refuse(r, rc == RC_TOO_BIG ? 413 : 507, &err);
}

static void on_log(struct hub *h, struct hub_agent *a, struct request *r)
{
	take_log(h, a, r, HUB_LOG);
}

static void on_marks(struct hub *h, struct hub_agent *a, struct request *r)
{
	take_log(h, a, r, HUB_MARKS);
}

/* The agent's clock, translated. */
static uint64_t our_time(const struct hub_agent *a, uint64_t theirs)
{
	int64_t t = (int64_t)MIN_OF(theirs, (uint64_t)INT64_MAX / 2) + a->offset;

	return theirs && t > 0 ? (uint64_t)t : 0;
}

static void keep_end(struct hub *h, const struct hub_agent *a, struct hub_job *job,
		     struct agent_end *said)
{
	struct exec_end *end = &said->end;

	end->started_at = our_time(a, end->started_at);
	end->ended_at = MAX_OF(our_time(a, end->ended_at), end->started_at);
	job->end = xcalloc(1, sizeof(*job->end));
	*job->end = *said;
	*said = (struct agent_end){0};
	hub_text_free(job->start);
	job->start = NULL;
	hub_tell(h);
}

static void on_ended(struct hub *h, struct hub_agent *a, struct request *r)
{
	struct agent_answer ret = {0};
	struct agent_end said = {0};
	struct err err = {0};

	if (agent_end_read(request_body(r), &said, &err) != RC_OK) {
		hub_refuse(r, 400, &err);
		return;
	}
	hub_lock(h);
	struct hub_job *job = job_of(h, a, said.end.job, said.end.attempt);
	ret.forget = !job;
	if (job)
		ret.have = hub_log_size(h, said.end.job, said.end.attempt, HUB_LOG);
	if (job && !job->end && ret.have >= said.log_size)
		keep_end(h, a, job, &said);
	hub_unlock(h);
	if (ret.forget)
		LOG(LOG_INFO, "a result comes too late and is not used", LF("agent", a->name),
		    LF("job", said.end.job), LFN("attempt", said.end.attempt));
	answer(r, &ret);
	shape_done(&shape_agent_end, &said);
}

static const struct {
	const char *path;
	void (*fn)(struct hub *h, struct hub_agent *a, struct request *r);
} routes[] = {
	{"beat", on_beat},   {"started", on_started}, {"log", on_log}, {"marks", on_marks},
	{"ended", on_ended}, {"drain", on_drain},     {"bye", on_bye},
};

bool hub_session(struct hub *h, struct request *r, struct hub_agent **ret)
{
	struct err err = {0};

	*ret = agent_of(h, r);
	if (*ret) {
		(*ret)->heard = clock_mono();
		return true;
	}
	err_set(&err, RC_CONFLICT, "this session is over: say hello again");
	hub_refuse(r, 409, &err);
	return false;
}

static void whole(void *ctx, struct request *r)
{
	struct hub *h = ctx;
	struct str path = str_of(request_path(r) + strlen(AGENT_BASE));
	struct hub_agent *a;
	struct err err = {0};

	if (str_is(path, "stream")) {
		hub_agent_hello(h, r);
		return;
	}
	if (!hub_session(h, r, &a))
		return;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (str_is(path, routes[i].path)) {
			routes[i].fn(h, a, r);
			return;
		}
	err_set(&err, RC_NOT_FOUND, "%s: there is nothing here for agents", request_path(r));
	hub_refuse(r, 404, &err);
}

/* Who has no name here at all was refused before us. */
void hub_denied(struct hub *h, struct request *r, const char *what, const char *why)
{
	if (h->owner.denied && (request_actor(r) || request_holder(r)))
		h->owner.denied(h->owner.denied_ctx, r, what, why);
}

bool hub_take(void *ctx, struct request *r)
{
	struct hub *h = ctx;
	struct str path = str_of(request_path(r));
	struct err err = {0};

	if (!str_starts(path, AGENT_BASE))
		return false;
	path = (struct str){path.p + strlen(AGENT_BASE), path.n - strlen(AGENT_BASE)};
	if (!name_of(r)) {
		err_set(&err, RC_DENIED,
			"this is for agents: bring a token that `penstock agent token NAME` made");
		hub_denied(h, r, "to come as an agent", "its token is not for agents");
		request_add_header(r, "WWW-Authenticate", "Bearer realm=\"penstock agents\"");
		hub_refuse(r, 401, &err);
	} else if (!hub_blobs_take(h, r, path)) {
		if (streq(request_method(r), "POST")) {
			request_take_whole(r, whole, h);
			return true;
		}
		err_set(&err, RC_UNSUPPORTED, "%s is not for %s", request_path(r),
			request_method(r));
		hub_refuse(r, 405, &err);
	}
	return true;
}
