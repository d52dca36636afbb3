/* Numbers of the daemon and of the pipeline, for Prometheus (text format 0.0.4); whether it lives and takes changes. */
#include "api/api_impl.h"

#include <unistd.h>

struct seen {
	unsigned state;
	char *answer; /* rollouts: the verdict's last */
	bool there;   /* in the last look */
};

static const double latency_bounds[BUCKETS] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
					       0.05,   0.1,   0.25,   1,     2.5,  10};
static const double lead_bounds[BUCKETS] = {5,   10,  20,   30,   60,    120,
					    300, 600, 1800, 3600, 14400, 86400};
static const char *const answers[3] = {"wait", "pass", "fail"};

void histogram_add(struct histogram *h, const double *bounds, double value)
{
	size_t i = 0;

	while (i < BUCKETS && value > bounds[i])
		i++;
	h->bucket[i]++;
	h->n++;
	h->sum += value;
}

void metrics_answered(struct call *c, unsigned status)
{
	usec_t took = runner_now(c->api->runner) - c->began;

	histogram_add(&c->api->latency, latency_bounds, (double)took / 1e6);
	if (!c->route)
		return;
	struct route_counts *counts = &c->api->routes[c->route - api_routes];
	counts->by_class[MIN_OF(status / 100, 5u)]++;
	counts->usec += took;
}

/* ---- the pipeline: what changed since the last look ---- */

static struct seen *seen_of(struct api *api, const char *id, bool *ret_new)
{
	struct seen *s = map_get(&api->seen, str_of(id));

	*ret_new = !s;
	if (!s) {
		s = xcalloc(1, sizeof(*s));
		map_put(&api->seen, str_of(id), s);
	}
	s->there = true;
	return s;
}

/* True when it is in this state since the last look. */
static bool moved(struct api *api, const char *id, unsigned state, bool count)
{
	bool fresh;
	struct seen *s = seen_of(api, id, &fresh);
	bool ret = count && (fresh || s->state != state);

	s->state = state;
	return ret;
}

static void look_at_rollout(struct api *api, const struct rollout *ro, bool count)
{
	struct seen *s;
	bool fresh;

	if (moved(api, ro->id, ro->state, count) && rollout_is_final(ro->state))
		api->rollouts_ended[ro->state]++;
	s = seen_of(api, ro->id, &fresh);
	if (!ro->numbers.answer || streq(s->answer, ro->numbers.answer))
		return;
	xfree(s->answer);
	s->answer = xstrdup(ro->numbers.answer);
	for (size_t i = 0; i < ARRAY_LEN(answers) && count; i++)
		api->verdicts[i] += streq(answers[i], s->answer);
}

static void look_at_release(struct api *api, const struct release *r, bool count)
{
	if (!moved(api, r->id, r->state, count) || !release_is_final(r->state))
		return;
	api->releases_ended[r->state]++;
	if (r->state == RELEASE_LIVE && r->live_at > r->change.pushed_at && r->change.pushed_at)
		histogram_add(&api->lead_time, lead_bounds,
			      (double)(r->live_at - r->change.pushed_at) / 1e6);
}

static void forget_gone(struct api *api)
{
	for (struct map_entry *e = NULL; (e = map_next(&api->seen, e));) {
		struct seen *s = e->value;

		if (s->there) {
			s->there = false;
			continue;
		}
		xfree(s->answer);
		xfree(s);
		(void)map_del(&api->seen, (struct str){e->key, strlen(e->key)});
	}
}

/* After each record: aggregates in memory are few, and one that ended stays for a while. */
void metrics_look(struct api *api, bool count)
{
	const struct model *m = engine_model(api->e);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RUN], e));) {
		const struct run *run = e->value;

		if (moved(api, run->id, run->state, count) && run_is_final(run->state))
			api->runs_ended[run->state]++;
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RELEASE], e));)
		look_at_release(api, e->value, count);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));)
		look_at_rollout(api, e->value, count);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_INCIDENT], e));) {
		const struct incident *i = e->value;
		bool fresh;

		(void)seen_of(api, i->id, &fresh);
		api->incidents_opened += fresh && count;
	}
	forget_gone(api);
}

void metrics_free(struct api *api)
{
	for (struct map_entry *e = NULL; (e = map_next(&api->seen, e));) {
		struct seen *s = e->value;

		xfree(s->answer);
		xfree(s);
	}
	map_done(&api->seen);
}

/* ---- the text ---- */

static void family(struct strbuf *to, const char *name, const char *type, const char *help)
{
	strbuf_addf(to, "# HELP penstock_%s %s\n# TYPE penstock_%s %s\n", name, help, name, type);
}

static void plain(struct strbuf *to, const char *name, const char *type, const char *help,
		  double value)
{
	family(to, name, type, help);
	strbuf_addf(to, "penstock_%s %.15g\n", name, value);
}

static void by_state(struct strbuf *to, const char *name, const char *type, const char *help,
		     const char *label, const char *const *names, const uint64_t *counts, size_t n)
{
	family(to, name, type, help);
	for (size_t i = 0; i < n; i++)
		strbuf_addf(to, "penstock_%s{%s=\"%s\"} %llu\n", name, label, names[i],
			    (unsigned long long)counts[i]);
}

static void histogram_write(struct strbuf *to, const char *name, const char *help,
			    const struct histogram *h, const double *bounds)
{
	uint64_t sum = 0;

	family(to, name, "histogram", help);
	for (size_t i = 0; i < BUCKETS; i++) {
		sum += h->bucket[i];
		strbuf_addf(to, "penstock_%s_bucket{le=\"%g\"} %llu\n", name, bounds[i],
			    (unsigned long long)sum);
	}
	strbuf_addf(
		to,
		"penstock_%s_bucket{le=\"+Inf\"} %llu\npenstock_%s_sum %.9g\npenstock_%s_count %llu\n",
		name, (unsigned long long)h->n, name, h->sum, name, (unsigned long long)h->n);
}

/* A route's pattern without what only the matcher needs: "/api/v1/{a:runs}/{b}" -> "/api/v1/runs/{id}". */
static void route_label(struct strbuf *to, const char *path)
{
	struct str rest = str_of(path);

	while (rest.n) {
		struct str word = str_cut(&rest, '{'), name;

		strbuf_addstr(to, word);
		if (!rest.p)
			return;
		name = str_cut(&rest, '}');
		if (name.n > 2 && name.p[1] == ':')
			strbuf_add(to, name.p + 2, name.n - 2);
		else
			strbuf_adds(to, "{id}");
	}
}

static void write_requests(struct strbuf *to, const struct api *api)
{
	family(to, "http_requests_total", "counter",
	       "Requests answered, by route and class of status.");
	for (size_t i = 0; i < api_n_routes; i++)
		for (unsigned class = 1; class < 6; class ++) {
			if (!api->routes[i].by_class[class])
				continue;
			strbuf_addf(to, "penstock_http_requests_total{method=\"%s\",route=\"",
				    api_routes[i].method);
			route_label(to, api_routes[i].path);
			strbuf_addf(to, "\",class=\"%uxx\"} %llu\n", class,
				    (unsigned long long)api->routes[i].by_class[class]);
		}
	histogram_write(to, "http_request_seconds", "From the whole request to its answer.",
			&api->latency, latency_bounds);
	plain(to, "http_connections", "gauge", "Open connections.",
	      api->httpd ? (double)httpd_connections(api->httpd) : 0);
	plain(to, "http_streams", "gauge", "Readers that follow the journal or a log.",
	      (double)api->streams);
}

static double memory_bytes(void)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(256);
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	(void)fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void write_daemon(struct strbuf *to, const struct api *api)
{
	const struct engine_stats *s = engine_stats(api->e);

	family(to, "build_info", "gauge", "The version that runs.");
	strbuf_addf(to, "penstock_build_info{version=\"%s\"} 1\n",
		    api->o.version ? api->o.version : "");
	plain(to, "start_time_seconds", "gauge", "When the daemon started.",
	      (double)api->started / 1e6);
	plain(to, "ready", "gauge", "1 while changes can be taken.",
	      engine_stalled(api->e) ? 0 : 1);
	plain(to, "memory_bytes", "gauge", "Resident memory.", memory_bytes());
	plain(to, "events_total", "counter", "Events applied.", (double)s->events);
	plain(to, "refused_total", "counter", "Orders refused.", (double)s->refused);
	plain(to, "queue", "gauge", "Events that wait to be applied.", (double)s->queue);
	plain(to, "outbox", "gauge", "Effects that wait for their answer.", (double)s->outbox);
	plain(to, "journal_seq", "gauge", "Number of the last record.",
	      (double)engine_model(api->e)->seq);
	plain(to, "commits_total", "counter", "Transactions of the journal.", (double)s->commits);
	plain(to, "commit_seconds_total", "counter", "Time spent in them.",
	      (double)s->commit_usec / 1e6);
	plain(to, "effects_total", "counter", "Effects carried out.", (double)s->effects);
	plain(to, "effect_failures_total", "counter", "Effects given up.",
	      (double)s->effect_failures);
	plain(to, "effect_retries_total", "counter", "Effects tried again.",
	      (double)s->effect_retries);
	plain(to, "effect_seconds_total", "counter", "Time spent on effects.",
	      (double)s->effect_usec / 1e6);
}

static void write_now(struct strbuf *to, const struct model *m)
{
	uint64_t jobs[JOB_STATES] = {0}, incidents[3] = {0}, rollouts[10] = {0}, releases[10] = {0};

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));)
		jobs[((const struct job *)e->value)->state]++;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_INCIDENT], e));)
		incidents[((const struct incident *)e->value)->state]++;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));)
		rollouts[((const struct rollout *)e->value)->state]++;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RELEASE], e));)
		releases[((const struct release *)e->value)->state]++;
	by_state(to, "jobs", "gauge", "Jobs of the runs in memory, by state.", "state",
		 job_state_names, jobs, 11);
	by_state(to, "releases", "gauge", "Releases in memory, by state.", "state",
		 release_state_names, releases, 10);
	by_state(to, "rollouts", "gauge", "Rollouts in memory, by state.", "state",
		 rollout_state_names, rollouts, 10);
	by_state(to, "incidents", "gauge", "Incidents in memory, by state.", "state",
		 incident_state_names, incidents, 3);
}

static void write_pipeline(struct strbuf *to, const struct api *api)
{
	static const char *const classes[6] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
	const struct engine_stats *s = engine_stats(api->e);
	static const char *const ends[2] = {"done", "aborted"};
	const uint64_t ended[2] = {api->rollouts_ended[ROLLOUT_DONE],
				   api->rollouts_ended[ROLLOUT_ABORTED]};

	by_state(to, "runs_ended_total", "counter", "Runs that ended since the daemon started.",
		 "state", run_state_names + RUN_PASSED, api->runs_ended + RUN_PASSED, 4);
	by_state(to, "releases_ended_total", "counter", "Releases that ended.", "state",
		 release_state_names + RELEASE_LIVE, api->releases_ended + RELEASE_LIVE, 5);
	by_state(to, "rollouts_ended_total", "counter", "Rollouts that ended.", "outcome", ends,
		 ended, 2);
	by_state(to, "verdicts_total", "counter", "Times that a verdict's answer became this one.",
		 "answer", answers, api->verdicts, 3);
	plain(to, "incidents_opened_total", "counter", "Incidents opened.",
	      (double)api->incidents_opened);
	plain(to, "facts_total", "counter", "Requests that verdicts were told of.",
	      (double)s->facts);
	by_state(to, "front_door_requests_total", "counter",
		 "Requests at all front doors, by class of status.", "class", classes, s->requests,
		 6);
	histogram_write(to, "release_lead_time_seconds", "From the push to all of production.",
			&api->lead_time, lead_bounds);
	write_now(to, engine_model(api->e));
}

void get_metrics(struct call *c)
{
	write_daemon(&c->out, c->api);
	write_requests(&c->out, c->api);
	write_pipeline(&c->out, c->api);
	call_text(c, "text/plain; version=0.0.4; charset=utf-8", &c->out);
}

void get_healthz(struct call *c)
{
	strbuf_adds(&c->out, "ok\n");
	call_text(c, "text/plain", &c->out);
}

void get_readyz(struct call *c)
{
	const char *stalled = engine_stalled(c->api->e);

	if (stalled) {
		call_failf(c, RC_UNAVAILABLE, "the journal cannot be written: %s", stalled);
		return;
	}
	strbuf_adds(&c->out, "ready\n");
	call_text(c, "text/plain", &c->out);
}
