/* `penstock status`, drawn from the API's one JSON. */
#include "cli/view.h"

#define JOBS_SHOWN  8
#define CAUSE_SHOWN 3

struct drawing {
	struct strbuf *to;
	const struct term *t;
	const struct json *all;
	uint64_t now;
};

static void draw_head(struct drawing *d)
{
	const struct json *project = json_get(d->all, "project");
	const char *name = text_at(project, "name");
	bool ready = json_truth(json_get(d->all, "ready"), false);

	tint(d->to, d->t, BOLD, "%s", *name ? name : "penstock");
	tint(d->to, d->t, DIM, "  penstock %s, record %llu", text_at(d->all, "version"),
	     (unsigned long long)number_at(d->all, "seq"));
	if (number_at(project, "running"))
		strbuf_addf(d->to, "  %llu of %llu jobs run",
			    (unsigned long long)number_at(project, "running"),
			    (unsigned long long)number_at(project, "slots"));
	strbuf_addc(d->to, '\n');
	if (!ready)
		tint(d->to, d->t, BAD, "not ready: the journal cannot be written: %s\n",
		     text_at(d->all, "stalled"));
}

/* ---- environments ---- */

static void add_marks(struct drawing *d, struct strbuf *to, const struct json *env,
		      const char *unit)
{
	static const struct {
		const char *list, *word;
	} kinds[] = {{"pins", "pin"}, {"vetoes", "veto"}, {"holds", "hold"}};

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		const struct json *list = json_get(env, kinds[k].list);

		for (size_t i = 0; i < json_count(list); i++) {
			const struct json *m = json_at(list, i);
			const char *of = text_at(m, "unit"), *reason = text_at(m, "reason");

			if (!streq(of, unit))
				continue;
			strbuf_addf(to, "%s%s", to->n ? ", " : "", text_at(m, "id"));
			if (streq(kinds[k].word, "veto")) {
				strbuf_adds(to, " of ");
				add_short(to, text_at(m, "image"));
			}
			if (*reason)
				strbuf_addf(to, " (%s)", reason);
		}
	}
	(void)d;
}

static void draw_queue(struct drawing *d, const struct json *env)
{
	const struct json *queue = json_get(env, "queue");
	const char *active = text_at(env, "active");

	if (*active)
		tint(d->to, d->t, BUSY, "  %s is being rolled out", active);
	if (json_count(queue)) {
		tint(d->to, d->t, WARN, "  waiting:");
		for (size_t i = 0; i < json_count(queue); i++)
			tint(d->to, d->t, WARN, " %s", json_text(json_at(queue, i), ""));
	}
	strbuf_addc(d->to, '\n');
}

static void draw_environment(struct drawing *d, const struct json *env)
{
	const struct json *live = json_get(env, "live");
	AUTO(strbuf_done) struct strbuf all = STRBUF(4096);
	struct table t;

	strbuf_addc(d->to, '\n');
	tint(d->to, d->t, BOLD, "%s", text_at(env, "id"));
	draw_queue(d, env);
	table_init(&t, json_count(live) ? "SERVICE|VERSION|RELEASE|LIVE SINCE|MARKS" : "", 5);
	for (size_t i = 0; i < json_count(live); i++) {
		const struct json *l = json_at(live, i);
		AUTO(strbuf_done)
		struct strbuf version = STRBUF(256), since = STRBUF(256), marks = STRBUF(4096);

		add_short(&version, text_at(l, "image"));
		add_ago(&since, number_at(l, "since"), d->now);
		add_marks(d, &marks, env, text_at(l, "unit"));
		table_add(&t, PLAIN, "%s", text_at(l, "unit"));
		table_add(&t, PLAIN, "%s", strbuf_cstr(&version));
		table_add(&t, PLAIN, "%s", text_at(l, "release"));
		table_add(&t, DIM, "%s", strbuf_cstr(&since));
		table_add(&t, WARN, "%s", strbuf_cstr(&marks));
	}
	table_print(&t, d->t, 2, d->to);
	add_marks(d, &all, env, "");
	if (all.n)
		tint(d->to, d->t, WARN, "  all: %s\n", strbuf_cstr(&all));
}

/* ---- runs ---- */

static uint64_t count_of(const struct json *counts, const char *const *states)
{
	uint64_t n = 0;

	for (; *states; states++)
		n += number_at(counts, *states);
	return n;
}

static void draw_stage(struct drawing *d, const char *stage, const struct json *counts)
{
	static const char *const good[] = {"passed", "cached", "unaffected", "flaky", NULL},
				 *const bad[] = {"failed", "lost", NULL},
				 *const busy[] = {"running", NULL},
				 *const idle[] = {"ready", "blocked", NULL},
				 *const off[] = {"skipped", "cancelled", "manual", NULL};
	uint64_t n_good = count_of(counts, good), n_bad = count_of(counts, bad),
		 n_busy = count_of(counts, busy), n_amber = number_at(counts, "amber");
	uint64_t all = n_good + n_bad + n_busy + count_of(counts, idle) + count_of(counts, off);
	uint64_t reused = number_at(counts, "cached") + number_at(counts, "unaffected");

	if (!all)
		return;
	n_bad -= MIN_OF(n_amber, n_bad); /* they failed, and may: no reason for red */
	strbuf_addf(d->to, "  %-11s", stage);
	bar(d->to, d->t,
	    n_bad           ? BAD
	    : n_good == all ? GOOD
			    : BUSY,
	    (double)(all - n_busy - count_of(counts, idle)) / (double)all, 20);
	strbuf_addf(d->to, " %llu of %llu jobs", (unsigned long long)n_good,
		    (unsigned long long)all);
	if (reused)
		tint(d->to, d->t, DIM, ", %llu not needed again", (unsigned long long)reused);
	if (n_busy)
		tint(d->to, d->t, BUSY, ", %llu running", (unsigned long long)n_busy);
	if (n_bad)
		tint(d->to, d->t, BAD, ", %llu failed", (unsigned long long)n_bad);
	if (n_amber)
		tint(d->to, d->t, WARN, ", %llu failed (allowed)", (unsigned long long)n_amber);
	strbuf_addc(d->to, '\n');
}

static bool is_worth_a_line(const struct json *job)
{
	const char *state = text_at(job, "state");

	return streq(state, "running") || streq(state, "failed") || streq(state, "lost") ||
	       streq(state, "flaky") || streq(state, "manual");
}

/* The first lines of the likely cause. */
static void draw_cause(struct drawing *d, const struct json *report)
{
	struct str rest = str_of(text_at(report, "cause"));

	for (unsigned i = 0; i < CAUSE_SHOWN && rest.n; i++) {
		struct str line = str_cut(&rest, '\n');

		tint(d->to, d->t, DIM, "      %.*s\n", (int)MIN_OF(line.n, (size_t)160), line.p);
		if (!rest.p)
			break;
	}
}

static void draw_job(struct drawing *d, const struct json *job)
{
	const char *state = text_at(job, "state"), *unit = text_at(job, "unit"),
		   *error = text_at(job, "error");
	uint64_t started = number_at(job, "started_at"), ended = number_at(job, "ended_at");
	bool amber = json_truth(json_get(job, "amber"), false);
	enum tone tone = amber ? WARN : tone_of(state);

	strbuf_adds(d->to, "    ");
	tint(d->to, d->t, tone, "%s %s%s%s",
	     tone == BUSY  ? mark_busy(d->t)
	     : tone == BAD ? mark_bad(d->t)
			   : mark_wait(d->t),
	     unit, *unit ? "/" : "", text_at(job, "name"));
	if (tone == WARN)
		strbuf_addf(d->to, "  %s%s", state, amber ? " (allowed)" : "");
	if (streq(state, "manual"))
		tint(d->to, d->t, DIM, "  penstock start %s", text_at(job, "id"));
	if (number_at(job, "attempt") > 1)
		strbuf_addf(d->to, " (attempt %llu)",
			    (unsigned long long)number_at(job, "attempt"));
	if (started) {
		strbuf_adds(d->to, "  ");
		strbuf_add_duration(d->to,
				    (ended > started ? ended : MAX_OF(d->now, started)) - started);
	}
	if (*error)
		strbuf_addf(d->to, "  %s", error);
	if (tone == BAD || amber)
		tint(d->to, d->t, DIM, "  penstock logs %s", text_at(job, "id"));
	strbuf_addc(d->to, '\n');
	if (tone == BAD)
		draw_cause(d, json_get(job, "report"));
}

static const struct json *find(const struct json *list, const char *key, const char *value)
{
	for (size_t i = 0; i < json_count(list) && *value; i++)
		if (streq(text_at(json_at(list, i), key), value))
			return json_at(list, i);
	return NULL;
}

static void draw_rollouts(struct drawing *d, const char *release)
{
	const struct json *list = json_get(d->all, "rollouts");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *ro = json_at(list, i);

		if (!streq(text_at(ro, "release"), release))
			continue;
		strbuf_addf(d->to, "  %-11s%-12s ", text_at(ro, "environment"),
			    text_at(ro, "unit"));
		view_rollout(d->to, d->t, ro);
		strbuf_addc(d->to, '\n');
	}
}

static void draw_gate(struct drawing *d, const struct json *release)
{
	const struct json *gate = json_get(release, "gate"), *list = json_get(gate, "requirements");
	const char *decision = text_at(gate, "decision");

	if (!*decision || streq(text_at(release, "state"), "live"))
		return;
	if (streq(decision, "pass")) {
		tint(d->to, d->t, GOOD, "  gate       %s passed\n", mark_good(d->t));
		return;
	}
	for (size_t i = 0; i < json_count(list); i++) {
		const char *state = text_at(json_at(list, i), "state");

		if (!streq(state, "ok"))
			tint(d->to, d->t, streq(state, "no") ? BAD : WARN, "  gate       %s: %s\n",
			     text_at(json_at(list, i), "kind"),
			     text_at(json_at(list, i), "reason"));
	}
}

/* Beside a run's state: what is amber of it, and while it runs how long it should take. */
static void draw_amber(struct drawing *d, const struct json *run)
{
	uint64_t amber = number_at(run, "amber"), predicted = number_at(run, "predicted"),
		 began = number_at(run, "created_at"), budget = number_at(run, "budget");

	if (amber)
		tint(d->to, d->t, WARN, ", %llu amber", (unsigned long long)amber);
	if (!predicted || number_at(run, "ended_at") || json_truth(json_get(run, "waits"), false))
		return;
	AUTO(strbuf_done) struct strbuf text = STRBUF(200);
	strbuf_adds(&text, ", ");
	strbuf_add_duration(&text, d->now > began ? d->now - began : 0);
	strbuf_adds(&text, " of about ");
	strbuf_add_duration(&text, predicted);
	if (budget && predicted > budget) {
		strbuf_adds(&text, ", over the budget of ");
		strbuf_add_duration(&text, budget);
	}
	tint(d->to, d->t, budget && predicted > budget ? WARN : DIM, "%s", strbuf_cstr(&text));
}

/* What went well and is over is one line, unless it is the newest. */
static void draw_run(struct drawing *d, const struct json *run, bool newest)
{
	static const char *const stages[] = {"ci", "staging", "production"};
	const struct json *change = json_get(run, "change"), *jobs = json_get(run, "job_list"),
			  *counts = json_get(run, "counts");
	const struct json *release =
		find(json_get(d->all, "releases"), "id", text_at(run, "release"));
	const char *state = release ? view_release_state(release) : text_at(run, "state"),
		   *ref = text_at(change, "ref");
	const char *reason = release ? text_at(release, "reason") : text_at(run, "reason");
	size_t shown = 0, more = 0;

	strbuf_addc(d->to, '\n');
	tint(d->to, d->t, BOLD, "%s", text_at(run, "id"));
	strbuf_addf(d->to, "  %s %.10s \"%.60s\"  ",
		    str_starts(str_of(ref), "refs/heads/") ? ref + 11 : ref,
		    text_at(change, "commit"), text_at(change, "subject"));
	tint(d->to, d->t, DIM, "%s, ", text_at(change, "author"));
	add_ago(d->to, number_at(run, "created_at"), d->now);
	tint(d->to, d->t, tone_of(state), "  %s%s%s", release ? text_at(release, "id") : "",
	     release ? " " : "", state);
	draw_amber(d, run);
	strbuf_addc(d->to, '\n');
	if (*reason && json_truth(json_get(run, "waits"), false))
		tint(d->to, d->t, WARN, "  %s\n", reason);
	if (!newest && !json_truth(json_get(run, "under_way"), true) && tone_of(state) != BAD)
		return;
	draw_stage(d, stages[0], json_get(counts, stages[0]));
	for (size_t i = 0; i < json_count(jobs); i++) {
		if (!is_worth_a_line(json_at(jobs, i)))
			continue;
		if (shown++ < JOBS_SHOWN)
			draw_job(d, json_at(jobs, i));
		else
			more++;
	}
	if (more)
		tint(d->to, d->t, DIM, "    and %zu more\n", more);
	for (size_t i = 1; i < ARRAY_LEN(stages); i++)
		draw_stage(d, stages[i], json_get(counts, stages[i]));
	if (release)
		draw_gate(d, release);
	if (release)
		draw_rollouts(d, text_at(release, "id"));
	if (*reason && tone_of(state) == BAD)
		tint(d->to, d->t, BAD, "  %s\n", reason);
}

static void draw_incidents(struct drawing *d)
{
	const struct json *list = json_get(d->all, "incidents");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *incident = json_at(list, i);

		strbuf_adds(d->to, i ? "" : "\n");
		tint(d->to, d->t, tone_of(text_at(incident, "state")), "%s %s",
		     text_at(incident, "id"), text_at(incident, "state"));
		strbuf_addf(d->to, "  %s", text_at(incident, "title"));
		tint(d->to, d->t, DIM, "  penstock incident show %s", text_at(incident, "id"));
		strbuf_addc(d->to, '\n');
	}
}

void view_status(struct strbuf *to, const struct term *t, const struct json *status)
{
	struct drawing d = {to, t, status, number_at(status, "now")};
	const struct json *runs = json_get(status, "runs"),
			  *environments = json_get(status, "environments");

	draw_head(&d);
	draw_incidents(&d);
	for (size_t i = 0; i < json_count(environments); i++)
		draw_environment(&d, json_at(environments, i));
	for (size_t i = 0; i < json_count(runs); i++)
		draw_run(&d, json_at(runs, i), i == 0);
	if (!json_count(runs))
		tint(to, t, DIM,
		     json_count(environments)
			     ? "\nNo run is open; `penstock runs` lists the earlier ones.\n"
			     : "\nNothing was pushed yet.\n");
}
