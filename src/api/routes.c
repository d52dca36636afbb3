/* The way in: the table of all paths, and who may go there. */
#include "api/api_impl.h"
#include "api/reads.h"

#define BEAT (20 * USEC_SEC)

/* clang-format off */
const struct api_route api_routes[] = {
	{"GET",    WIRE_STATUS,                              get_status,         0, "everything that is under way"},
	{"GET",    WIRE_BASE "/{a:runs}",                    get_list,           0, "runs, newest first; ?limit=&cursor=&sort=&state=&repo=&branch=&ref=&author=&kind=&since=&until=&text="},
	{"GET",    WIRE_BASE "/{a:releases}",                get_list,           0, "releases, newest first; ?limit=&cursor=&sort=&state=&repo=&branch=&author=&unit=&environment=&run=&since=&until=&text="},
	{"GET",    WIRE_BASE "/{a:rollouts}",                get_list,           0, "rollouts, newest first; ?limit=&cursor=&sort=&state=&environment=&unit=&release=&since=&until="},
	{"GET",    WIRE_BASE "/{a:incidents}",               get_list,           0, "incidents, newest first; ?limit=&cursor=&sort=&state=&environment=&unit=&release=&rollout=&since=&until=&text="},
	{"GET",    WIRE_BASE "/{a:environments}",            get_list,           0, "environments"},
	{"GET",    WIRE_BASE "/{a:agents}",                  get_list,           0, "machines that run jobs, with what they have and what is in use"},
	{"GET",    WIRE_BASE "/{a:queues}",                  get_list,           0, "merge queues, with their entries"},
	{"GET",    WIRE_BASE "/{a:history}",                 get_list,           0, "what is known of each unit's jobs: how long they take, their flaky tests"},
	{"GET",    WIRE_SCHEDULES,                           get_schedules,      0, "runs by the clock: when each is due next, what became of the last time"},
	{"GET",    WIRE_BASE "/{a:agents}/{b}",              get_thing,          0, "one agent"},
	{"GET",    WIRE_BASE "/{a:queues}/{b+}",             get_thing,          0, "one merge queue: REPO:refs/heads/BRANCH"},
	{"GET",    WIRE_BASE "/{a:history}/{b+}",            get_thing,          0, "one job's history: UNIT/JOB, -/JOB of the project"},
	{"GET",    WIRE_BASE "/{a:runs}/{b}",                get_thing,          0, "one run, also an ended one"},
	{"GET",    WIRE_BASE "/{a:releases}/{b}",            get_thing,          0, "one release"},
	{"GET",    WIRE_BASE "/{a:rollouts}/{b}",            get_thing,          0, "one rollout"},
	{"GET",    WIRE_BASE "/{a:incidents}/{b}",           get_thing,          0, "one incident"},
	{"GET",    WIRE_BASE "/{a:environments}/{b}",        get_thing,          0, "one environment"},
	{"GET",    WIRE_ROLLOUTS "/{a}/curves",              get_curves,         0, "its two curves with the verdict's numbers, and who decided what"},
	{"GET",    WIRE_GRAPH,                               get_graph,          0, "services and libraries, what they need of one another, what is live"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/history",         get_environment_history, 0, "which version of each service was live from when to when; ?unit=&limit=&cursor="},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/compare",         get_compare,        0, "what one environment has and the other has not; ?with="},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/drift",           get_drift,          0, "what is desired in Git against what is live"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/windows",         get_windows,        0, "when releases may go there, as a calendar; ?from=&to="},
	{"GET",    WIRE_RELEASES "/{a}/diff",                get_diff,           0, "what it will change: images, commits, files, penstock.yml, the plans' hashes; ?environment="},
	{"GET",    WIRE_RUNS "/{a}/jobs",                    get_run_jobs,       0, "a run's jobs"},
	{"GET",    WIRE_JOBS,                                get_jobs,           0, "jobs, newest first, or a run's; ?run=&state=&stage=&unit=&name=&limit=&cursor="},
	{"GET",    WIRE_JOBS "/{a+}/log",                    get_log,            0, "a job's log; ?from=BYTE&follow=1&format=json|text&step=&tail=N&timestamps=1, Range, ?search=TEXT or /ERE/"},
	{"GET",    WIRE_JOBS "/{a+}/report",                 get_job_report,     0, "a job's tests, annotations, coverage, summary, likely cause"},
	{"GET",    WIRE_RUNS "/{a}/report",                  get_run_report,     0, "the same of all jobs of a run, coverage with its change against the base"},
	{"GET",    WIRE_JOBS "/{a+}/key",                    get_key,            0, "the lines that a job's key is made of, read again from its commit"},
	{"GET",    WIRE_TESTS,                               get_tests,          0, "tests in quarantine, and tests that were seen to be flaky"},
	{"GET",    WIRE_BASE "/{a:jobs}/{b+}",               get_thing,          0, "one job"},
	{"GET",    WIRE_JOURNAL,                             get_journal,        0, "records as NDJSON or events; ?from=SEQ&limit=N&last=N&follow=1&type=&subject="},
	{"GET",    WIRE_RELEASES "/{a}/evidence",            get_evidence,       0, "a release's envelopes; ?verify=1: each is verified now"},
	{"GET",    WIRE_TRAFFIC,                             get_traffic,        0, "what each version's clients saw; ?environment="},
	{"GET",    WIRE_REPLICAS,                            get_replicas,       0, "all replicas as last seen"},
	{"GET",    WIRE_DOORS,                               get_doors,          0, "where services are reached"},
	{"POST",   WIRE_RELEASES "/{a}/approve",             post_approve,       0, "{ok, comment}"},
	{"POST",   WIRE_RELEASES "/{a}/abort",               post_abort_release, 0, "{reason}"},
	{"POST",   WIRE_ROLLOUTS "/{a}/promote",             post_promote,       0, "the next step now"},
	{"POST",   WIRE_ROLLOUTS "/{a}/abort",               post_abort_rollout, 0, "{reason}"},
	{"POST",   WIRE_RUNS "/{a}/abort",                   post_abort_run,     0, "{reason}"},
	{"POST",   WIRE_RUNS "/{a}/approve",                 post_approve_run,   0, "{ok, comment}: a change from a fork may run"},
	{"POST",   WIRE_JOBS "/{a+}/start",                  post_start_job,     0, "{resume, reason}: a manual job; resume: a failed one again in its kept workspace"},
	{"POST",   WIRE_TESTS "/quarantine",                 post_quarantine,    0, "{test, unit, owner, until or for, reason} or {test, unit, lift}"},
	{"POST",   WIRE_AGENTS "/{a}/drain",                 post_drain,         0, "{ok}: no more jobs; with ok false: jobs again"},
	{"POST",   WIRE_QUEUES,                              post_queue,         0, "{repo, ref, target, commit, number}: merge it when it passes; {repo, ref, target, remove}"},
	{"POST",   WIRE_RUNS "/{a}/rerun",                   post_rerun,         0, "what did not pass, again"},
	{"POST",   WIRE_ENVIRONMENTS "/{a}/rollback",        post_rollback,      0, "{unit, image, reason}"},
	{"POST",   WIRE_ENVIRONMENTS "/{a}/pins",            post_pin,           0, "{unit, image, until or for, reason}"},
	{"POST",   WIRE_ENVIRONMENTS "/{a}/vetoes",          post_veto,          0, "{unit, image, until or for, reason}"},
	{"POST",   WIRE_ENVIRONMENTS "/{a}/holds",           post_hold,          0, "{unit, until or for, reason}"},
	{"DELETE", WIRE_ENVIRONMENTS "/{a}/pins/{b}",        delete_pin,         0, "lift a pin"},
	{"DELETE", WIRE_ENVIRONMENTS "/{a}/vetoes/{b}",      delete_veto,        0, "lift a veto"},
	{"DELETE", WIRE_ENVIRONMENTS "/{a}/holds/{b}",       delete_hold,        0, "lift a hold"},
	{"POST",   WIRE_INCIDENTS "/{a}/note",               post_note,          0, "{text}"},
	{"POST",   WIRE_INCIDENTS "/{a}/close",              post_close,         0, "{text}"},
	{"POST",   WIRE_HOOK,                                post_hook,          0, "{repo, refs}: a push happened"},
	{"GET",    WIRE_METRICS,                             get_metrics,        ROUTE_OPEN, "for Prometheus"},
	{"GET",    WIRE_HEALTHZ,                             get_healthz,        ROUTE_OPEN, "the process answers"},
	{"GET",    WIRE_READYZ,                              get_readyz,         ROUTE_OPEN, "changes can be taken"},
};
/* clang-format on */
const size_t api_n_routes = ARRAY_LEN(api_routes);
_Static_assert(ARRAY_LEN(api_routes) <= ROUTES_MAX, "room for the counts of each route");

/* One segment of the pattern, "{a:runs}" "{b}" "{a+}" or a word, against the path. */
static bool match_segment(struct str want, struct str *path, struct str left, struct str arg[2])
{
	if (want.n < 3 || want.p[0] != '{')
		return str_eq(str_cut(path, '/'), want);
	struct str *ret = &arg[want.p[1] - 'a'], start = *path;
	struct str word = {want.p + 3, want.n - 4};

	if (want.p[2] == '+') { /* up to what follows in the pattern */
		size_t tail = left.p ? left.n + 1 : 0;

		if (start.n <= tail || (tail && !str_ends(start, left.p)))
			return false;
		*ret = (struct str){start.p, start.n - tail};
		*path = tail ? (struct str){start.p + ret->n + 1, left.n} : (struct str){NULL, 0};
		return (!tail || start.p[ret->n] == '/') && ret->p[0] != '/' &&
		       ret->p[ret->n - 1] != '/';
	}
	*ret = str_cut(path, '/');
	return ret->n > 0 && (want.p[2] != ':' || str_eq(*ret, word));
}

static bool match(const char *pattern, const char *text, struct str arg[2])
{
	struct str want = str_of(pattern), path = str_of(text);

	arg[0] = arg[1] = (struct str){NULL, 0};
	while (want.p) {
		struct str segment = str_cut(&want, '/');

		if (!path.p || !match_segment(segment, &path, want, arg))
			return false;
	}
	return !path.p;
}

/* HEAD is answered as GET: the server leaves the body out. */
static bool is_method(const char *route, const char *method)
{
	return streq(route, method) || (streq(route, "GET") && streq(method, "HEAD"));
}

static const struct api_route *find(struct request *r, struct str arg[2], bool *ret_known)
{
	for (size_t i = 0; i < api_n_routes; i++) {
		if (!match(api_routes[i].path, request_path(r), arg))
			continue;
		*ret_known = true;
		if (is_method(api_routes[i].method, request_method(r)))
			return &api_routes[i];
	}
	return NULL;
}

/* Ids from paths end in the journal: text that any reader of it takes. */
static bool is_plain(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
			return false;
	return n <= 1024 && str_is_utf8((struct str){path, n});
}

static bool read_body(struct call *c)
{
	struct str text = str_trim(request_body(c->r));
	struct err err = {0};

	if (!streq(c->route->method, "POST"))
		return true;
	if (json_read(text.n ? text : STR("{}"), HTTPD_MAX_BODY, &c->body, &err) != RC_OK) {
		err_wrap(&err, "the body");
		call_fail(c, &err);
		return false;
	}
	if (json_kind_of(c->body) != JSON_MAP) {
		call_failf(c, RC_INVALID, "the body must be a JSON object");
		return false;
	}
	return true;
}

void api_handle(void *ctx, struct request *r)
{
	struct api *api = ctx;
	struct call *c = xcalloc(1, sizeof(*c));
	struct str arg[2];
	bool known = false;

	*c = (struct call){.api = api,
			   .r = r,
			   .out = STRBUF(TEXT_MAX),
			   .began = runner_now(api->runner),
			   .next = api->calls};
	if (c->next)
		c->next->prev = c;
	api->calls = c;
	if (!is_plain(request_path(r))) {
		call_failf(c, RC_INVALID, "this path is no plain text of at most 1024 bytes");
		return;
	}
	const struct api_route *route = find(r, arg, &known);
	if (!request_actor(r) && !(route && route->flags & ROUTE_OPEN)) {
		request_add_header(r, "WWW-Authenticate", "Bearer realm=\"penstock\"");
		call_failf(c, RC_DENIED,
			   "who are you? send a token of the daemon's: Authorization: Bearer ...");
		return;
	}
	if (!route) {
		call_failf(c, known ? RC_UNSUPPORTED : RC_NOT_FOUND,
			   known ? "%s is not for %s" : "%s%s: there is nothing here",
			   known ? request_path(r) : "",
			   known ? request_method(r) : request_path(r));
		return;
	}
	c->route = route;
	for (int i = 0; i < 2; i++)
		c->arg[i] = arg[i].p ? xstrndup(arg[i].p, arg[i].n) : NULL;
	if (read_body(c))
		route->fn(c);
}

static void told(void *ctx, const struct record *r)
{
	struct api *api = ctx;

	api->last_seq = r->seq;
	api->events++;
	journal_told(api, r);
	metrics_look(api, true);
}

static void beat(void *arg)
{
	struct api *api = arg;

	journal_beat(api);
	runner_timer(api->runner, runner_now(api->runner) + BEAT, beat, api);
}

struct api *api_new(const struct api_options *o)
{
	struct api *api = xcalloc(1, sizeof(*api));

	api->o = *o;
	api->e = o->engine;
	api->runner = engine_world(o->engine)->runner;
	api->started = runner_now(api->runner);
	metrics_look(api, false);
	engine_listen(api->e, told, api);
	beat(api);
	return api;
}

void api_behind(struct api *api, const struct httpd *h)
{
	api->httpd = h;
}

void api_free(struct api *api)
{
	if (!api)
		return;
	engine_unlisten(api->e, told, api);
	while (api->calls) {
		request_reply(api->calls->r, 503, "text/plain", STR(""));
		call_free(api->calls);
	}
	log_hubs_free(api);
	catalog_free(api->catalog);
	metrics_free(api);
	xfree(api);
}
