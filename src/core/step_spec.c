/* What an executor and a runtime must know, taken from the configuration of the change itself. */
#include "core/names.h"
#include "core/config_impl.h"
#include "core/step_impl.h"

static void add_pair(pairs *list, const char *key, const char *value)
{
	vec_push(list, ((struct pair){.key = xstrdup(key), .value = xstrdup(value)}));
}

static char *upper(const char *unit, const char *suffix)
{
	char *text = xasprintf("%s%s", unit, suffix);

	for (char *p = text; *p; p++)
		*p = *p == '-' || *p == '.'     ? '_'
		     : (*p >= 'a' && *p <= 'z') ? (char)(*p - 'a' + 'A')
						: *p;
	return text;
}

static void add_output(const struct job *on, const struct config *c, struct job_spec *spec)
{
	const struct unit *u = config_unit(c, on->unit);

	if (!on->outputs || on->resumed) /* what was made in a kept workspace is nobody's input */
		return;
	vec_each(n, &spec->needs)
		if (streq(n->unit, on->unit) && streq(n->outputs, on->outputs))
			return;
	vec_push(&spec->needs, ((struct need_output){.unit = xstrdup(on->unit),
						     .path = xstrdup(u ? u->path : "."),
						     .outputs = xstrdup(on->outputs)}));
}

/* Outputs of everything that the job needs, directly or through others; each once, nearest last. Every job is visited once, however many ways lead to it,
 * and by a list, as needs may form a chain as long as the plan. */
static void add_needs(struct step *s, const struct job *job, const struct config *c,
		      struct job_spec *spec)
{
	struct visit {
		const struct job *job;
		size_t next;
	};
	VEC(struct visit) way = {NULL, 0, 0};
	struct map seen = {.n = 0};

	vec_push(&way, ((struct visit){job, 0}));
	while (way.n) {
		struct visit *at = vec_last(&way);

		if (at->next < at->job->needs.n) {
			struct job *on = model_job(s->m, at->job->needs.v[at->next++]);

			if (on && !map_put(&seen, str_of(on->id), on))
				vec_push(&way, ((struct visit){on, 0}));
			continue;
		}
		if (at->job != job)
			add_output(at->job, c, spec);
		way.n--;
	}
	map_done(&seen);
	vec_done(&way);
}

/* Jobs of staging and production are told where the services are: "url:<environment>/<unit>" is resolved by the engine. */
static void add_unit_urls(const struct config *c, const char *env, struct job_spec *spec)
{
	vec_each(u, &c->units) {
		AUTO(freep) char *key = upper(u->name, "_URL");
		AUTO(freep) char *value = xasprintf("url:%s/%s", env, u->name);

		if (!u->library)
			add_pair(&spec->env, key, value);
	}
}

static void add_urls(struct step *s, const struct job *job, const struct config *c,
		     struct job_spec *spec)
{
	const char *env = job->stage == STAGE_PRODUCTION ? c->production_env : c->staging_env;
	const struct unit *front = NULL;
	uint32_t best = 0;
	uint32_t *wave = xcalloc(c->units.n + 1, sizeof(*wave));

	graph_waves(c, wave);
	vec_each(u, &c->units) {
		if (u->library)
			continue;
		uint32_t w = wave[u - c->units.v];
		if (!front || w > best || (w == best && u->consumes.n > front->consumes.n)) {
			front = u;
			best = w;
		}
	}
	xfree(wave);
	if (front) {
		AUTO(freep) char *value = xasprintf("url:%s/%s", env, front->name);
		add_pair(&spec->env,
			 job->stage == STAGE_PRODUCTION ? "PRODUCTION_URL" : "STAGING_URL", value);
	}
	add_unit_urls(c, env, spec);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_SOURCE], e));) {
		const struct project_repo *other =
			e->value; /* services of the project's other repositories */
		const struct config *theirs = model_config(s->m, other->config);

		if (theirs && !streq(other->id, spec->change.repo))
			add_unit_urls(theirs, env, spec);
	}
}

/* An input pattern of a unit as a pattern of the repository: ../../tools/x of services/a is tools/x. */
static char *repository_path(const char *unit_path, const char *pattern)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(4096);
	struct str rest = str_of(pattern);

	if (str_starts(rest, INPUTS_ROOT))
		(void)str_cut(&rest, '/');
	else if (!streq(unit_path, "."))
		strbuf_adds(&b, unit_path);
	while (rest.p) {
		struct str part = str_cut(&rest, '/');

		if (str_is(part, "..")) {
			while (b.n && b.p[b.n - 1] != '/')
				b.p[--b.n] = '\0';
			if (b.n)
				b.p[--b.n] = '\0';
			continue;
		}
		if (str_is(part, ".") || part.n == 0)
			continue;
		if (b.n)
			strbuf_addc(&b, '/');
		strbuf_addstr(&b, part);
	}
	return strbuf_take(&b);
}

static void add_default_reads(const struct config *c, const struct unit *u, struct job_spec *spec)
{
	texts closure = {0};

	if (!texts_has(&spec->reads, u ? u->path : "."))
		texts_add(&spec->reads, u ? u->path : ".");
	if (!u)
		return;
	graph_closure(c, u->name, &closure);
	vec_each(name, &closure) {
		const struct unit *dep = config_unit(c, *name);

		if (dep && !texts_has(&spec->reads, dep->path))
			texts_add(&spec->reads, dep->path);
		xfree(*name);
	}
	vec_done(&closure);
}

static void add_reads(const struct config *c, const struct unit *u, const struct job_def *def,
		      struct job_spec *spec)
{
	const char *path = u ? u->path : ".";

	if (!def->inputs.n || inputs_have_default(def))
		add_default_reads(c, u, spec);
	vec_each(glob, &def->inputs)
		if (!input_is_default(*glob))
			vec_push(&spec->reads, repository_path(path, *glob));
}

/* An image by its name and the digest that it stood for when the run was planned. */
static void pin_image(const struct run *run, char **image)
{
	for (size_t i = 0; *image && i < run->images.n; i++) {
		const struct pair *p = &run->images.v[i];

		if (!streq(p->key, *image) || !str_starts(str_of(p->value), "sha256:") ||
		    strchr(*image, '@'))
			continue;
		char *pinned = xasprintf("%s@%s", *image, p->value);
		xfree(*image);
		*image = pinned;
		return;
	}
}

/* Its definition, with names replaced and images pinned. */
static void fill_def(const struct run *run, const struct job *job, const struct job_def *def,
		     const struct unit *u, struct job_spec *spec)
{
	const struct job_names names = {.def = def,
					.unit = u,
					.matrix = &job->matrix,
					.shard = job->shard,
					.shards = job->shards,
					.change = &run->change};

	shape_copy(&shape_job_def, &spec->def, def);
	names_fill_def(&names, &spec->def);
	pin_image(run, &spec->def.container);
	vec_each(side, &spec->def.services)
		pin_image(run, &side->image);
}

static void add_matrix(const struct job *job, struct job_spec *spec)
{
	AUTO(strbuf_done) struct strbuf files = STRBUF(SPLIT_TEXT_MAX);

	vec_each(p, &job->matrix) {
		AUTO(freep) char *name = upper(p->key, "");
		AUTO(freep) char *key = xasprintf("MATRIX_%s", name);

		add_pair(&spec->env, key, p->value);
	}
	if (!job->shards)
		return;
	AUTO(freep) char *index = xasprintf("%u", job->shard);
	AUTO(freep) char *total = xasprintf("%u", job->shards);
	add_pair(&spec->env, "SPLIT_INDEX", index);
	add_pair(&spec->env, "SPLIT_TOTAL", total);
	vec_each(file, &job->files) {
		vec_push(&spec->files, xstrdup(*file));
		strbuf_addf(&files, "%s\n", *file);
	}
	BUG_ON(strbuf_failed(&files)); /* plan_split() refuses more */
	add_pair(&spec->env, "SPLIT_FILES", strbuf_cstr(&files));
}

void job_of_def(struct job *job, const struct job_def *def, const struct unit *unit,
		const struct change *change)
{
	const struct job_names names = {.def = def,
					.unit = unit,
					.matrix = &job->matrix,
					.shard = job->shard,
					.shards = job->shards,
					.change = change};

	job->cpu = def->cpu;
	job->memory = def->memory;
	job->optional = def->manual;
	if (!def->group.name)
		return;
	job->group = names_fill(&names, def->group.name);
	if (change &&
	    change->fork) { /* it shares no group with others: it would hold them up, or end their runs */
		char *own = xasprintf("%s %s %s", change->repo, change->ref, job->group);

		xfree(job->group);
		job->group = own;
	}
}

/* Which tests of the job are in quarantine now, as they are written. */
static void add_quarantine(const struct step *s, const struct config *c, const struct job *job,
			   struct job_spec *spec)
{
	const struct project *p = model_project(s->m);

	for (size_t i = 0; i < c->quarantine.n + p->quarantine.n; i++) {
		const struct quarantine_def *q = i < c->quarantine.n
							 ? &c->quarantine.v[i]
							 : &p->quarantine.v[i - c->quarantine.n];

		if (s->m->time < q->until && (!q->unit || streq(q->unit, job->unit)))
			vec_push(&spec->tests, xstrdup(q->test));
	}
}

/* What a token says of the job. Who wrote the commit is what the commit says. */
static void add_token_facts(const struct run *run, const struct config *c, const struct job *job,
			    struct job_spec *spec)
{
	struct token_facts *facts = &spec->facts;

	if (!spec->def.id_tokens.n)
		return;
	set_text(&facts->project, c->project);
	set_text(&facts->run, job->run);
	if (job->stage == STAGE_STAGING || job->stage == STAGE_PRODUCTION)
		set_text(&facts->environment,
			 job->stage == STAGE_PRODUCTION ? c->production_env : c->staging_env);
	if (run->change.email)
		set_textf(&facts->actor, "git:%s", run->change.email);
}

void fill_spec(struct step *s, struct job *job, struct job_spec *spec)
{
	const struct run *run = model_run(s->m, job->run);
	const struct config *c = model_config(s->m, run->config);
	const struct job_def *def = config_job(c, job->stage, job->def ? job->def : job->name);
	const struct unit *u = *job->unit ? config_unit(c, job->unit) : NULL;

	BUG_ON(!def);
	set_text(&spec->job, job->id);
	set_text(&spec->key, job->key);
	set_text(&spec->unit, job->unit);
	set_text(&spec->path, u ? u->path : ".");
	fill_def(run, job, def, u, spec);
	copy_change(&spec->change, &run->change);
	spec->attempt = job->attempt;
	spec->trusted = !run->change.fork;
	spec->resume = job->resumed;
	spec->unkeyed = job->unkeyed;
	spec->keep = true;
	set_text(&spec->agent, job->agent);
	add_matrix(job, spec);
	add_quarantine(s, c, job, spec);
	add_reads(c, u, def, spec);
	add_needs(s, job, c, spec);
	add_pair(&spec->env, "PENSTOCK_RUN", job->run);
	add_pair(&spec->env, "PENSTOCK_JOB", job->id);
	AUTO(freep) char *attempt = xasprintf("%u", job->attempt);
	add_pair(&spec->env, "PENSTOCK_ATTEMPT", attempt);
	add_token_facts(run, c, job, spec);
	if (job->stage != STAGE_CI) { /* it is there to talk to the environment */
		spec->def.network = true;
		add_urls(s, job, c, spec);
	}
}

static void add_provider(const struct config *c, const char *interface, struct deploy *d)
{
	vec_each(other, &c->units)
		if (texts_has(&other->provides, interface) &&
		    !texts_has(&d->consumers, other->name))
			texts_add(&d->consumers, other->name);
}

/* Who provides what the unit consumes: "api" in its own penstock.yml, "billing.api" in that of repository billing. */
static void add_consumers(const struct model *m, const struct config *c, const struct unit *u,
			  struct deploy *d)
{
	vec_each(name, &u->consumes) {
		struct str rest = str_of(*name), repo = str_cut(&rest, '.');

		if (!rest.p) {
			add_provider(c, *name, d);
			continue;
		}
		AUTO(freep) char *id = xstrndup(repo.p, repo.n);
		const struct config *theirs = repo_config(m, id);
		if (theirs)
			add_provider(theirs, rest.p, d);
	}
}

void fill_deploy(const struct model *m, const struct rollout *ro, struct deploy *d)
{
	const struct release *r = model_release(m, ro->release);
	const struct config *c = r && !ro->is_return ? model_config(m, r->config) : NULL;

	if (!c)
		c = model_config(m, model_project(m)->config);
	const struct unit *u = c ? config_unit(c, ro->unit) : NULL;

	if (!u)
		u = model_unit(m, ro->unit, &c);
	set_text(&d->environment, ro->environment);
	set_text(&d->unit, ro->unit);
	set_text(&d->image, ro->image);
	set_text(&d->previous, ro->previous);
	d->replicas = ro->replicas;
	if (!u)
		return;
	d->port = u->port;
	d->memory = u->memory;
	set_text(&d->health, u->health);
	vec_each(p, &u->env)
		add_pair(&d->env, p->key, p->value);
	vec_each(p, &u->secrets)
		add_pair(&d->secrets, p->key, p->value);
	add_consumers(m, c, u, d);
}
