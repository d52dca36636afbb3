/* A plan's jobs, grouped as others have them: one for each unit and definition. */
#include "base/map.h"
#include "dialect/generate_impl.h"

#define INDEX(i) ((void *)(uintptr_t)((i) + 1))

void gen_done(struct gen *g)
{
	vec_each(job, &g->jobs) {
		xfree(job->id);
		vec_done(&job->rows);
		vec_done(&job->needs);
	}
	vec_done(&g->jobs);
}

static const struct job_def *definition(const struct config *c, const struct plan_job *job)
{
	return config_job(c, job->stage, job->def ? job->def : job->job);
}

static char *group_name(const struct plan_job *job)
{
	return xasprintf("%s/%s", job->unit, job->def ? job->def : job->job);
}

static char *job_id(const char *unit, const char *def)
{
	char *id = *unit ? xasprintf("%s-%s", unit, def) : xstrdup(def);

	if (id[0] >= '0' && id[0] <= '9') { /* theirs begin with a letter */
		char *longer = xasprintf("job-%s", id);
		xfree(id);
		return longer;
	}
	return id;
}

static void add_need(struct gen_job *job, size_t index)
{
	vec_each(have, &job->needs)
		if (*have == index)
			return;
	vec_push(&job->needs, index);
}

static enum rc add_job(struct gen *g, struct map *groups, struct map *instances,
		       const struct plan_job *job, struct err *err)
{
	const struct config *c = g->in->config;
	const struct job_def *def = definition(c, job);
	AUTO(freep) char *name = group_name(job);
	AUTO(freep) char *instance = xasprintf("%s/%s", job->unit, job->job);
	uintptr_t at = (uintptr_t)map_get(groups, str_of(name));

	if (!def)
		return err_set(err, RC_INVALID,
			       "the plan has a job %s that penstock.yml does not know", job->job);
	const struct unit *unit = *job->unit ? config_unit(c, job->unit) : NULL;
	if (!at) {
		vec_push(&g->jobs, ((struct gen_job){.def = def,
						     .unit = job->unit,
						     .dir = unit ? unit->path : ".",
						     .id = job_id(job->unit, def->name),
						     .wanted = !g->in->affected}));
		at = g->jobs.n;
		map_put(groups, str_of(name), INDEX(at - 1));
	}
	map_put(instances, str_of(instance), INDEX(at - 1));
	struct gen_job *to = &g->jobs.v[at - 1];
	to->wanted |= job->state == PLAN_MISS || job->state == PLAN_HIT;
	vec_push(&to->rows, ((struct gen_row){&job->matrix, job->shard}));
	vec_each(need, &job->needs) {
		uintptr_t index = (uintptr_t)map_get(instances, str_of(*need));
		if (index && index - 1 != at - 1)
			add_need(to, index - 1);
	}
	return RC_OK;
}

/* What an image job needs Penstock for is left out, and needs of it are its own needs. */
static void drop_images(struct gen *g)
{
	for (size_t i = 0; i < g->jobs.n; i++) {
		struct gen_job *job = &g->jobs.v[i];
		size_t n = job->needs.n;

		if (job->def->kind == JOB_IMAGE && job->wanted) {
			g->at = i;
			gen_lost(g, "an image job",
				 "it is packed by Penstock; pack there with a tool of your own");
		}
		for (size_t k = 0; k < n; k++) {
			size_t need = job->needs.v[k];
			if (g->jobs.v[need].def->kind != JOB_IMAGE)
				continue;
			for (size_t m = 0; m < g->jobs.v[need].needs.n; m++)
				add_need(job, g->jobs.v[need].needs.v[m]);
		}
		for (size_t k = job->needs.n; k-- > 0;)
			if (g->jobs.v[job->needs.v[k]].def->kind == JOB_IMAGE)
				vec_remove(&job->needs, k);
	}
	for (size_t i = 0; i < g->jobs.n; i++)
		if (g->jobs.v[i].def->kind == JOB_IMAGE)
			g->jobs.v[i].wanted = false;
}

/* Only we can say who our jobs are. */
static void drop_tokens(struct gen *g)
{
	for (size_t i = 0; i < g->jobs.n; i++) {
		g->at = i;
		if (g->jobs.v[i].wanted && g->jobs.v[i].def->id_tokens.n)
			gen_lost(g, "id_tokens", "ask that system for a token of its own");
	}
}

enum rc gen_make(struct generate *in, struct gen *ret, struct err *err)
{
	struct map groups = {0}, instances = {0};
	enum rc rc = RC_OK;

	*ret = (struct gen){.in = in};
	for (size_t i = 0; rc == RC_OK && i < in->plan->jobs.n; i++)
		rc = add_job(ret, &groups, &instances, &in->plan->jobs.v[i], err);
	map_done(&groups);
	map_done(&instances);
	for (size_t i = ret->jobs.n; i-- > 0;) /* there is no cache there: what is needed is made */
		if (ret->jobs.v[i].wanted)
			vec_each(need, &ret->jobs.v[i].needs)
				ret->jobs.v[*need].wanted = true;
	for (size_t i = 0; i < ret->jobs.n; i++) { /* needs stand before */
		struct gen_job *job = &ret->jobs.v[i];
		job->waits = job->def->manual;
		vec_each(need, &job->needs)
			job->waits |= ret->jobs.v[*need].waits;
	}
	drop_tokens(ret);
	drop_images(ret);
	return rc;
}

/* ---- questions ---- */
bool gen_has_axis(const struct gen_job *job)
{
	return job->rows.n && job->rows.v[0].matrix->n > 0;
}
bool gen_has_rows(const struct gen_job *job)
{
	return job->rows.n > 1 || gen_has_axis(job) || job->def->split.into;
}
bool gen_has_outputs(const struct gen_job *job)
{
	return job->def->outputs.n > 0;
}

char *gen_variable(const char *axis)
{
	char *name = xasprintf("MATRIX_%s", axis);

	for (char *p = name; *p; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p == '-' ? '_' : *p;
	return name;
}

void gen_lost(struct gen *g, const char *what, const char *instead)
{
	const struct gen_job *job = &g->jobs.v[g->at];
	AUTO(freep) char *text = xasprintf("%s: %s", job->id, what);

	remark_add(&g->in->remarks, (struct remark){.line = 0, .job = g->at, .step = NO_STEP}, text,
		   instead);
}

static void fill_name(const struct gen_job *job, struct str name, const struct gen_hole *hole,
		      struct strbuf *to)
{
	if (str_starts(name, "matrix.")) {
		AUTO(freep) char *axis = xstrndup(name.p + 7, name.n - 7);
		AUTO(freep) char *variable = gen_variable(axis);
		for (size_t i = 0; hole->row && i < hole->row->matrix->n; i++)
			if (streq(hole->row->matrix->v[i].key, axis))
				strbuf_adds(to, hole->row->matrix->v[i].value);
		if (!hole->row)
			strbuf_addf(to, "%s%s%s", hole->before, hole->variable ? variable : axis,
				    hole->after);
	} else if (str_is(name, "unit")) {
		strbuf_adds(to, job->unit);
	} else if (str_is(name, "unit.path")) {
		strbuf_adds(to, job->dir);
	} else if (str_is(name, "job")) {
		strbuf_adds(to, job->def->name);
	} else if (str_is(name, "stage")) {
		strbuf_adds(to, stage_names[job->def->stage]);
	}
}

char *gen_fill(const struct gen_job *job, const char *text, const struct gen_hole *hole)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF((size_t)1 << 20);

	for (const char *p = text; *p; p++) {
		const char *end = p[0] == '$' && p[1] == '{' ? strchr(p, '}') : NULL;
		if (p[0] == '$' && p[1] == '$' && p[2] == '{') { /* $${: as it is */
			strbuf_adds(&b, "${");
			p += 2;
		} else if (end) {
			fill_name(job, (struct str){p + 2, (size_t)(end - p) - 2}, hole, &b);
			p = end;
		} else {
			strbuf_addc(&b, *p);
		}
	}
	return strbuf_take(&b);
}

const char *gen_secret(const struct pair *secret)
{
	const char *colon = strchr(secret->value, ':');

	return colon ? colon + 1 : secret->value;
}

/* `../x` climbs, as inputs do; outputs never do. */
char *gen_path(const struct gen_job *job, const char *glob)
{
	const char *dir = job->dir;

	return streq(dir, ".") ? xstrdup(glob) : xasprintf("%s/%s", dir, glob);
}

/* ---- scripts ---- */
void gen_split(const struct gen_job *job, struct strbuf *to)
{
	uint32_t shards = 1;

	if (!job->def->split.into)
		return;
	vec_each(row, &job->rows) /* no more than there are files */
		shards = MAX_OF(shards, row->shard);
	AUTO(freep) char *spec = xasprintf(":(glob)%s", job->def->split.files);
	strbuf_addf(to, "SPLIT_TOTAL=%u\nSPLIT_FILES=$(git ls-files -- ", shards);
	strbuf_add_shellquoted(to, str_of(spec));
	strbuf_adds(to, " | sort | awk -v i=\"$SPLIT_INDEX\" -v n=\"$SPLIT_TOTAL\" "
			"'NR % n == i % n')\nexport SPLIT_INDEX SPLIT_TOTAL SPLIT_FILES\n");
}

/* A glob as patterns of find: `*` of find also matches '/', so it may take more, never less. */
static void add_pattern(const char *path, struct strbuf *to)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(4096);
	bool all = false;

	strbuf_adds(&b, "./");
	for (const char *p = path; *p; p++) {
		if (p[0] == '*' && p[1] == '*') {
			strbuf_addc(&b, '*');
			p += p[2] == '/' ? 2 : 1;
		} else if (*p == '{') {
			all = true; /* alternatives: all that begins so */
			break;
		} else {
			strbuf_addc(&b, *p);
		}
	}
	strbuf_adds(&b, all ? "*" : "");
	strbuf_adds(to, "-path ");
	strbuf_add_shellquoted(to, strbuf_str(&b));
}

void gen_pack(const struct gen_job *job, const char *file, struct strbuf *to)
{
	strbuf_adds(to, "find . ");
	for (size_t i = 0; i < job->def->outputs.n; i++) {
		AUTO(freep) char *path = gen_path(job, job->def->outputs.v[i]);
		strbuf_adds(to, i ? " -o " : "\\( -type f -o -type l \\) \\( ");
		add_pattern(path, to);
	}
	strbuf_addf(to, " \\) -print >.penstock-outputs\ntar -czf %s -T .penstock-outputs\n", file);
}

static void add_step(const struct step_def *step, struct strbuf *to)
{
	strbuf_addf(to, "# %s\n", step->name && !strchr(step->name, '\n') ? step->name : "step");
	if (step->timeout)
		strbuf_addf(to, "timeout %llu ", (unsigned long long)(step->timeout / USEC_SEC));
	strbuf_adds(to, "sh -ec ");
	strbuf_add_shellquoted(to, str_of(step->run));
	strbuf_addc(to, '\n');
}

void gen_commands(const struct gen_job *job, struct strbuf *to)
{
	const struct job_def *def = job->def;

	if (def->run)
		strbuf_addf(to, "%s%s", def->run, str_ends(str_of(def->run), "\n") ? "" : "\n");
	vec_each(step, &def->steps)
		add_step(step, to);
}

void gen_script(const struct gen_job *job, const struct gen_script *how, struct strbuf *to)
{
	const struct job_def *def = job->def;

	if (how->cd && !streq(job->dir, ".")) {
		strbuf_adds(to, "cd ");
		strbuf_add_shellquoted(to, str_of(job->dir));
		strbuf_addc(to, '\n');
	}
	vec_each(secret, &def->secrets) {
		if (how->secret)
			strbuf_addf(to, "%s=$(%s %s); export %s\n", secret->key, how->secret,
				    gen_secret(secret), secret->key);
		else if (how->secret == NULL && !streq(secret->key, gen_secret(secret)) &&
			 how->cd && !how->finally_trap)
			strbuf_addf(to, "export %s=\"$%s\"\n", secret->key, gen_secret(secret));
	}
	if (how->finally_trap && def->finally.n) {
		strbuf_adds(to, "finally() {\n\tcode=$?\n\tset +e\n");
		vec_each(command, &def->finally) {
			strbuf_adds(to, "\tsh -c ");
			strbuf_add_shellquoted(to, str_of(*command));
			strbuf_addc(to, '\n');
		}
		strbuf_adds(to, "\texit $code\n}\ntrap finally EXIT\n");
	}
	gen_split(job, to);
	gen_commands(job, to);
}

bool gen_retries(const struct gen_job *job)
{
	bool any = job->def->retry.exit.n > 0;

	vec_each(on, &job->def->retry.on)
		any |= streq(*on, "any");
	return job->def->retry.max && any;
}

void gen_retry(const struct job_def *def, const char *script, struct strbuf *to)
{
	bool any = false;

	vec_each(on, &def->retry.on)
		any |= streq(*on, "any");
	strbuf_adds(to, "try=0\nwhile :; do\n\tcode=0\n\tsh -ec ");
	strbuf_add_shellquoted(to, str_of(script));
	strbuf_adds(to, " || code=$?\n\t[ $code -ne 0 ] || break\n");
	if (!any) {
		strbuf_adds(to, "\tcase $code in ");
		for (size_t i = 0; i < def->retry.exit.n; i++)
			strbuf_addf(to, "%s%s", i ? "|" : "", def->retry.exit.v[i]);
		strbuf_adds(to, ") ;; *) exit $code ;; esac\n");
	}
	strbuf_addf(to,
		    "\ttry=$((try + 1))\n\t[ $try -le %u ] || exit $code\n"
		    "\techo \"it ended with $code; again, $try of %u\"\ndone\n",
		    def->retry.max, def->retry.max);
}

enum rc generate_dialect(struct generate *in, enum dialect d, struct strbuf *to, struct err *err)
{
	static void (*const write[])(struct gen *, struct yaml_out *) = {
		generate_github, generate_gitlab, generate_tekton, generate_buildkite};
	AUTO(gen_done) struct gen g = {0};
	struct yaml_out o = YAML_OUT(to);
	size_t wanted = 0;

	if (gen_make(in, &g, err) != RC_OK)
		return err->rc;
	vec_each(job, &g.jobs)
		wanted += job->wanted;
	if (!wanted && d != DIALECT_GITLAB)
		return err_set(err, RC_NOT_FOUND,
			       "no job is affected: there is nothing to generate");
	yaml_out_comment(&o, "Made by `penstock generate %s`; change penstock.yml instead.",
			 dialect_names[d]);
	write[d](&g, &o);
	if (strbuf_failed(to))
		return err_set(err, RC_TOO_BIG, "what came of it is too long");
	return RC_OK;
}
