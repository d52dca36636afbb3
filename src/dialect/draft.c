/* What was understood of another system's file, and how it is written as penstock.yml. */
#include "dialect/draft.h"
#include "dialect/yaml_out.h"

const char *const dialect_names[] = {
#define X(name, text) text,
	DIALECT_MAP(X)
#undef X
};

void remarks_done(remarks *r)
{
	vec_each(item, r) {
		xfree(item->file);
		xfree(item->what);
		xfree(item->instead);
	}
	vec_done(r);
}

void remark_add(remarks *r, struct remark at, const char *what, const char *instead)
{
	if (r->n >= REMARKS_MAX)
		return;
	vec_each(have, r) /* what is said of all jobs is told once */
		if (at.line && have->line == at.line && streq(have->file, at.file) &&
		    streq(have->what, what))
			return;
	at.file = at.file ? xstrdup(at.file) : NULL;
	at.what = xstrdup(what);
	at.instead = xstrdup(instead);
	vec_push(r, at);
}

void draft_done(struct draft *d)
{
	config_done(&d->c);
	vec_each(text, &d->conditions)
		xfree(*text);
	vec_done(&d->conditions);
	remarks_done(&d->remarks);
}

/* ---- names ---- */
char *draft_slug(struct str text, const char *otherwise)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(128);

	for (size_t i = 0; i < text.n && b.n < 56; i++) {
		char c = text.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (good || (c == '_' && b.n))
			strbuf_addc(&b, c);
		else if (b.n && b.p[b.n - 1] != '-')
			strbuf_addc(&b, '-');
	}
	while (b.n && (b.p[b.n - 1] == '-' || b.p[b.n - 1] == '_'))
		b.n--;
	return b.n ? xstrndup(b.p, b.n) : xstrdup(otherwise);
}

/* Keys of a stage that are no jobs. */
static bool is_taken(const struct draft *d, const char *name)
{
	if (streq(name, "budget"))
		return true;
	vec_each(job, &d->c.jobs)
		if (streq(job->name, name))
			return true;
	return false;
}

struct job_def *draft_job(struct draft *d, struct str name, uint32_t line)
{
	AUTO(freep) char *slug = draft_slug(name, "job");
	char *unique = xstrdup(slug);

	for (unsigned i = 2; is_taken(d, unique); i++) {
		xfree(unique);
		unique = xasprintf("%s-%u", slug, i);
	}
	vec_add(&d->c.jobs);
	struct job_def *job = vec_last(&d->c.jobs);
	job->name = unique;
	job->stage = STAGE_CI;
	job->kind = JOB_RUN;
	job->network = true; /* theirs have it */
	job->line = line;
	return job;
}

void draft_pair(pairs *p, const char *key, const char *value)
{
	vec_each(pair, p)
		if (streq(pair->key, key)) {
			xfree(pair->value);
			pair->value = xstrdup(value);
			return;
		}
	vec_push(p, ((struct pair){xstrdup(key), xstrdup(value)}));
}

void draft_text(texts *t, const char *text)
{
	vec_each(have, t)
		if (streq(*have, text))
			return;
	vec_push(t, xstrdup(text));
}

/* name: with or without the "?" of an optional need. */
static bool has_job(const struct draft *d, const char *name)
{
	struct str bare = str_of(name);

	bare.n -= str_ends(bare, "?");
	vec_each(job, &d->c.jobs)
		if (str_is(bare, job->name))
			return true;
	return false;
}

static bool is_variable(const char *s)
{
	size_t n = strlen(s);
	bool ok = n > 0 && n <= 128 && !(s[0] >= '0' && s[0] <= '9');

	for (; ok && *s; s++)
		ok = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_' ||
		     (*s >= '0' && *s <= '9');
	return ok;
}

static void settle_pairs(struct draft *d, pairs *p, const struct remark *at)
{
	for (size_t i = p->n; i-- > 0;) {
		if (is_variable(p->v[i].key))
			continue;
		AUTO(freep) char *what = xasprintf("the variable %.100s", p->v[i].key);
		remark_add(&d->remarks, *at, what, "a name is of letters, digits and _");
		xfree(p->v[i].key);
		xfree(p->v[i].value);
		vec_remove(p, i);
	}
}

/* Two services of one name: the later ones get a number. */
static void settle_services(struct job_def *job)
{
	for (size_t i = 1; i < job->services.n; i++) {
		struct service_def *s = &job->services.v[i];
		AUTO(freep) char *name = xstrdup(s->name);
		unsigned number = 2;

		for (size_t k = 0; k < i; k++)
			if (streq(job->services.v[k].name, s->name)) {
				xfree(s->name);
				s->name = xasprintf("%s-%u", name, number++);
				k = (size_t)-1; /* from the first again */
			}
	}
}

void draft_settle(struct draft *d, const char *file)
{
	vec_each(job, &d->c.jobs) {
		struct remark at = {.file = (char *)(uintptr_t)file,
				    .line = job->line,
				    .job = (size_t)(job - d->c.jobs.v),
				    .step = NO_STEP};
		for (size_t i = job->needs.n; i-- > 0;) {
			if (has_job(d, job->needs.v[i]) && !streq(job->needs.v[i], job->name))
				continue;
			AUTO(freep) char *what = xasprintf("needs: %.100s", job->needs.v[i]);
			remark_add(&d->remarks, at, what, "there is no such job");
			xfree(job->needs.v[i]);
			vec_remove(&job->needs, i);
		}
		settle_services(job);
		settle_pairs(d, &job->env, &at);
		settle_pairs(d, &job->secrets, &at);
		for (size_t i = job->env.n; i-- > 0;) /* what is a secret is none besides */
			vec_each(secret, &job->secrets)
				if (streq(secret->key, job->env.v[i].key)) {
					xfree(job->env.v[i].key);
					xfree(job->env.v[i].value);
					vec_remove(&job->env, i);
					break;
				}
	}
}

/* ---- writing ---- */
/* "1m30s" would do as well: one unit is easier to read. */
void draft_duration(uint64_t usec, char ret[24])
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(24);
	uint64_t s = usec / USEC_SEC;

	if (s % 86400 == 0)
		strbuf_addf(&b, "%llud", (unsigned long long)(s / 86400));
	else if (s % 3600 == 0)
		strbuf_addf(&b, "%lluh", (unsigned long long)(s / 3600));
	else if (s % 60 == 0)
		strbuf_addf(&b, "%llum", (unsigned long long)(s / 60));
	else
		strbuf_addf(&b, "%llus", (unsigned long long)s);
	memcpy(ret, strbuf_cstr(&b), b.n + 1);
}

static void out_duration(struct yaml_out *o, const char *key, uint64_t usec)
{
	char text[24];

	if (!usec)
		return;
	draft_duration(usec, text);
	yaml_out_word(o, key, "%s", text);
}

static void out_text(struct yaml_out *o, const char *key, const char *text)
{
	if (text)
		yaml_out_text(o, key, text);
}

static void out_flag(struct yaml_out *o, const char *key, bool on)
{
	if (on)
		yaml_out_word(o, key, "true");
}

static void out_pairs(struct yaml_out *o, const char *key, const pairs *p)
{
	if (!p->n)
		return;
	yaml_out_open(o, key);
	vec_each(pair, p)
		yaml_out_text(o, pair->key, pair->value);
	yaml_out_close(o);
}

static void out_remarks(struct yaml_out *o, const struct draft *d, size_t job, size_t step)
{
	vec_each(r, &d->remarks)
		if (r->job == job && r->step == step)
			yaml_out_comment(o, "line %u: %s: not mapped; %s", r->line, r->what,
					 r->instead);
}

static void out_rows(struct yaml_out *o, const char *key, const struct combination *v, size_t n)
{
	if (!n)
		return;
	yaml_out_open(o, key);
	for (size_t i = 0; i < n; i++) {
		yaml_out_open(o, NULL);
		vec_each(pair, &v[i].v)
			yaml_out_text(o, pair->key, pair->value);
		yaml_out_close(o);
	}
	yaml_out_close(o);
}

static void out_matrix(struct yaml_out *o, const struct matrix *m)
{
	if (!m->axes.n && !m->include.n)
		return;
	yaml_out_open(o, "matrix");
	vec_each(axis, &m->axes)
		yaml_out_texts(o, axis->name, axis->values.v, axis->values.n);
	out_rows(o, "include", m->include.v, m->include.n);
	out_rows(o, "exclude", m->exclude.v, m->exclude.n);
	yaml_out_close(o);
}

static void out_services(struct yaml_out *o, const struct job_def *job)
{
	if (!job->services.n)
		return;
	yaml_out_open(o, "services");
	vec_each(s, &job->services) {
		yaml_out_open(o, s->name);
		yaml_out_text(o, "image", s->image);
		if (s->port)
			yaml_out_word(o, "port", "%u", s->port);
		out_text(o, "ready", s->ready);
		yaml_out_texts(o, "args", s->args.v, s->args.n);
		out_pairs(o, "env", &s->env);
		yaml_out_close(o);
	}
	yaml_out_close(o);
}

static void out_caches(struct yaml_out *o, const struct job_def *job)
{
	if (!job->caches.n)
		return;
	yaml_out_open(o, "cache");
	vec_each(c, &job->caches) {
		yaml_out_open(o, NULL);
		if (c->key.n)
			yaml_out_texts(o, "key", c->key.v, c->key.n);
		yaml_out_texts(o, "paths", c->paths.v, c->paths.n);
		out_text(o, "name", c->name);
		yaml_out_close(o);
	}
	yaml_out_close(o);
}

static void out_retry(struct yaml_out *o, const struct retry *r)
{
	if (!r->max)
		return;
	yaml_out_open(o, "retry");
	yaml_out_word(o, "max", "%u", r->max);
	yaml_out_texts(o, "on", r->on.v, r->on.n);
	if (r->exit.n) {
		yaml_out_open(o, "exit");
		vec_each(code, &r->exit)
			yaml_out_word(o, NULL, "%s", *code);
		yaml_out_close(o);
	}
	yaml_out_close(o);
}

static void out_reports(struct yaml_out *o, const struct reports_def *r)
{
	if (!r->junit && !r->sarif && !r->coverage && !r->problems && !r->summary)
		return;
	yaml_out_open(o, "reports");
	out_text(o, "junit", r->junit);
	out_text(o, "sarif", r->sarif);
	out_text(o, "coverage", r->coverage);
	out_text(o, "problems", r->problems);
	out_text(o, "summary", r->summary);
	yaml_out_close(o);
}

static void out_work(struct yaml_out *o, const struct draft *d, const struct job_def *job)
{
	size_t index = (size_t)(job - d->c.jobs.v);

	if (job->run) {
		yaml_out_text(o, "run", job->run);
	} else {
		yaml_out_open(o, "steps");
		for (size_t i = 0; i < job->steps.n; i++) {
			yaml_out_open(o, NULL);
			out_remarks(o, d, index, i);
			out_text(o, "name", job->steps.v[i].name);
			yaml_out_text(o, "run", job->steps.v[i].run);
			out_duration(o, "timeout", job->steps.v[i].timeout);
			yaml_out_close(o);
		}
		yaml_out_close(o);
	}
	yaml_out_words(o, "finally", job->finally.v, job->finally.n);
}

static void out_job(struct yaml_out *o, const struct draft *d, const struct job_def *job)
{
	yaml_out_open(o, job->name);
	out_remarks(o, d, (size_t)(job - d->c.jobs.v), NO_STEP);
	yaml_out_word(o, "each", "'*'");
	yaml_out_texts(o, "needs", job->needs.v, job->needs.n);
	out_text(o, "if", job->condition);
	out_matrix(o, &job->matrix);
	out_text(o, "container", job->container);
	yaml_out_texts(o, "agent", job->labels.v, job->labels.n);
	out_flag(o, "network", job->network);
	out_flag(o, "manual", job->manual);
	out_flag(o, "allow_failure", job->allow_failure);
	out_duration(o, "timeout", job->timeout);
	out_retry(o, &job->retry);
	if (job->group.name) {
		yaml_out_open(o, "concurrency");
		yaml_out_text(o, "group", job->group.name);
		yaml_out_word(o, "mode", job->group.supersede ? "supersede" : "queue");
		yaml_out_close(o);
	}
	if (job->split.into) {
		yaml_out_open(o, "split");
		yaml_out_word(o, "into", "%u", job->split.into);
		yaml_out_text(o, "files", job->split.files);
		yaml_out_close(o);
	}
	out_pairs(o, "env", &job->env);
	out_pairs(o, "secrets", &job->secrets);
	out_services(o, job);
	out_caches(o, job);
	out_work(o, d, job);
	yaml_out_texts(o, "outputs", job->outputs.v, job->outputs.n);
	out_reports(o, &job->reports);
	yaml_out_close(o);
}

static void out_on(struct yaml_out *o, const struct config *c)
{
	yaml_out_open(o, "on");
	yaml_out_open(o, "push");
	if (c->branches.n)
		yaml_out_texts(o, "branches", c->branches.v, c->branches.n);
	else
		yaml_out_texts(o, "branches", (char *[]){(char[]){"main"}}, 1);
	yaml_out_texts(o, "tags", c->tags.v, c->tags.n);
	yaml_out_close(o);
	if (c->pull_requests && c->pull_branches.n) {
		yaml_out_open(o, "pull_request");
		yaml_out_texts(o, "branches", c->pull_branches.v, c->pull_branches.n);
		yaml_out_close(o);
	} else if (c->pull_requests) {
		yaml_out_word(o, "pull_request", "{}");
	}
	if (c->queue.on && c->queue.branches.n) {
		yaml_out_open(o, "merge_queue");
		yaml_out_texts(o, "branches", c->queue.branches.v, c->queue.branches.n);
		yaml_out_close(o);
	} else if (c->queue.on) {
		yaml_out_word(o, "merge_queue", "{}");
	}
	if (c->schedules.n)
		yaml_out_open(o, "schedule");
	vec_each(s, &c->schedules) {
		yaml_out_open(o, NULL);
		yaml_out_text(o, "cron", s->cron);
		out_text(o, "zone", s->zone);
		yaml_out_close(o);
	}
	if (c->schedules.n)
		yaml_out_close(o);
	yaml_out_close(o);
}

void draft_write(const struct draft *d, struct strbuf *to)
{
	struct yaml_out o = YAML_OUT(to);

	yaml_out_comment(&o, "Made from a file of %s by `penstock import`. %s", d->from,
			 d->remarks.n ? "Lines that say \"not mapped\" need a look."
				      : "All of it was mapped.");
	out_remarks(&o, d, NO_JOB, NO_STEP);
	yaml_out_word(&o, "version", "1");
	yaml_out_text(&o, "project", d->c.project);
	out_on(&o, &d->c);
	yaml_out_blank(&o);
	yaml_out_comment(
		&o,
		"The whole repository as one unit. Name services and libraries by their folders, and only what a change touches will run.");
	yaml_out_open(&o, "libraries");
	yaml_out_word(&o, d->c.project, "{path: .}");
	yaml_out_close(&o);
	yaml_out_blank(&o);
	if (!d->c.jobs.n) {
		yaml_out_word(&o, "ci", "{}");
		return;
	}
	yaml_out_open(&o, "ci");
	vec_each(job, &d->c.jobs)
		out_job(&o, d, job);
	yaml_out_close(&o);
}
