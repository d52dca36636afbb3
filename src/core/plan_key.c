/* Task keys: everything declared, each field with its length, so that no two jobs have the same bytes. */
#include "core/config_impl.h"
#include "core/plan_impl.h"
#include "core/sort.h"
#include <stdarg.h>

void key_number(struct strbuf *to, uint64_t value)
{
	char digits[20];
	size_t n = sizeof(digits);

	do
		digits[--n] = (char)('0' + value % 10);
	while ((value /= 10));
	key_add(to, (struct str){digits + n, sizeof(digits) - n});
}

void key_add(struct strbuf *to, struct str value)
{
	char head[21];
	size_t n = sizeof(head), left = value.n;

	head[--n] = ':';
	do
		head[--n] = (char)('0' + left % 10);
	while ((left /= 10));
	strbuf_add(to, head + n, sizeof(head) - n);
	strbuf_addstr(to, value);
	strbuf_addc(to, ',');
}

/* ---- the lines of a definition ---- */

static void hash_line(struct key_sink *to, struct str text)
{
	key_add(to->text, text);
}

static void keep_line(struct key_sink *to, struct str text)
{
	vec_push(to->list, xstrndup(text.p, text.n));
}

static void line(struct key_sink *to, const char *what, const char *name, const char *value)
{
	if (!value)
		return;
	strbuf_clear(to->scratch);
	strbuf_adds(to->scratch, what);
	strbuf_addc(to->scratch, ' ');
	for (const char *c = name; c && *c;
	     c++) { /* so that no name and value look like another pair */
		if (*c == '=' || *c == '\\')
			strbuf_addc(to->scratch, '\\');
		strbuf_addc(to->scratch, *c);
	}
	if (name)
		strbuf_addc(to->scratch, '=');
	strbuf_adds(to->scratch, value);
	to->line(to, strbuf_str(to->scratch));
}

static void number_line(struct key_sink *to, const char *what, uint64_t value)
{
	char digits[21];
	size_t n = sizeof(digits) - 1;

	digits[n] = '\0';
	do
		digits[--n] = (char)('0' + value % 10);
	while ((value /= 10));
	line(to, what, NULL, digits + n);
}

/* In the order of the list. */
static void text_lines(struct key_sink *to, const char *what, const texts *list)
{
	for (size_t i = 0; i < list->n; i++)
		line(to, what, NULL, list->v[i]);
}

/* A set: in order of the texts. */
static void set_lines(struct key_sink *to, const char *what, const texts *list)
{
	texts copy = {NULL, 0, 0};

	for (size_t i = 0; i < list->n; i++)
		vec_push(&copy, list->v[i]);
	sort_stable(copy.v, copy.n, sizeof(*copy.v), sort_by_text);
	text_lines(to, what, &copy);
	vec_done(&copy);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void pair_lines(struct key_sink *to, const char *what, const pairs *list)
{
	pairs copy = {NULL, 0, 0};

	for (size_t i = 0; i < list->n; i++)
		vec_push(&copy, list->v[i]);
	sort_stable(copy.v, copy.n, sizeof(*copy.v), by_key);
	for (size_t i = 0; i < copy.n; i++)
		line(to, what, copy.v[i].key, copy.v[i].value);
	vec_done(&copy);
}

/* That it has a token and for whom, never what the token is. */
static void token_lines(const struct job_def *def, struct key_sink *to)
{
	pairs list = {NULL, 0, 0};

	for (size_t i = 0; i < def->id_tokens.n; i++)
		for (size_t k = 0; k < def->id_tokens.v[i].aud.n; k++)
			vec_push(&list, ((struct pair){def->id_tokens.v[i].name,
						       def->id_tokens.v[i].aud.v[k]}));
	pair_lines(to, "id-token", &list);
	vec_done(&list);
}

/* An image counts as what it stands for now; one that is not known, as its name. */
static const char *image_of(const struct plan_ask *ask, const char *name)
{
	for (size_t i = 0; ask->images && i < ask->images->n; i++)
		if (streq(ask->images->v[i].key, name))
			return ask->images->v[i].value;
	return name;
}

static void service_lines(const struct job_def *def, const struct plan_ask *ask,
			  struct key_sink *to)
{
	for (size_t i = 0; i < def->services.n; i++) {
		const struct service_def *s = &def->services.v[i];

		line(to, "service", s->name, image_of(ask, s->image));
		pair_lines(to, "service-env", &s->env);
		text_lines(to, "service-arg", &s->args);
		line(to, "service-ready", NULL, s->ready);
		number_line(to, "service-port", s->port);
		if (s->memory)
			number_line(to, "service-memory", s->memory);
	}
}

static void image_lines(const struct job_def *def, struct key_sink *to)
{
	line(to, "from", NULL, def->image.from);
	pair_lines(to, "copy", &def->image.copy);
	line(to, "user", NULL, def->image.user);
	text_lines(to, "entrypoint", &def->image.entrypoint);
	text_lines(to, "cmd", &def->image.cmd);
	pair_lines(to, "image-env", &def->image.env);
	line(to, "workdir", NULL, def->image.workdir);
}

static void run_lines(const struct job_def *def, const struct plan_ask *ask, struct key_sink *to)
{
	for (size_t i = 0; i < def->steps.n; i++) {
		line(to, "step", NULL, def->steps.v[i].name);
		line(to, "step-run", NULL, def->steps.v[i].run);
	}
	if (def->container)
		line(to, "container", def->container, image_of(ask, def->container));
	else
		line(to, "toolchain", NULL, ask->toolchain);
	service_lines(def, ask, to);
}

void key_lines_of_def(const struct job_def *def, const struct plan_ask *ask, const pairs *row,
		      struct key_sink *to)
{
	line(to, "penstock-key-2", NULL, stage_names[def->stage]);
	line(to, "job", NULL, def->name);
	line(to, "kind", NULL, job_kind_names[def->kind]);
	line(to, "run", NULL, def->run);
	text_lines(to, "finally", &def->finally);
	pair_lines(to, "env", &def->env);
	pair_lines(to, "secret", &def->secrets);
	token_lines(def, to);
	set_lines(to, "output", &def->outputs);
	line(to, "junit", NULL, def->reports.junit);
	line(to, "sarif", NULL, def->reports.sarif);
	line(to, "coverage", NULL, def->reports.coverage);
	line(to, "problems", NULL, def->reports.problems);
	line(to, "summary", NULL, def->reports.summary);
	if (def->network)
		line(to, "network", NULL, "true");
	if (def->strict)
		line(to, "strict", NULL, "true");
	if (def->memory)
		number_line(to, "memory", def->memory);
	if (row)
		pair_lines(to, "matrix", row);
	if (def->kind == JOB_RUN)
		run_lines(def, ask, to);
	else
		image_lines(def, to);
}

struct digest key_of_def(const struct job_def *def, const struct plan_ask *ask, const pairs *row)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(KEY_TEXT_MAX), scratch = STRBUF(KEY_TEXT_MAX);
	struct key_sink to = {hash_line, &text, &scratch, NULL};

	key_lines_of_def(def, ask, row, &to);
	BUG_ON(strbuf_failed(&text)); /* penstock.yml is far smaller */
	return digest_of(strbuf_str(&text));
}

static void add_inputs(struct strbuf *to, const struct plan_input *inputs, size_t n)
{
	key_number(to, n);
	for (size_t i = 0; i < n; i++) {
		key_add(to, str_of(inputs[i].path));
		key_number(to, inputs[i].mode);
		key_add(to, str_of(inputs[i].oid));
	}
}

enum rc key_of_job(const struct digest *def, const char *unit, const char *path,
		   const struct plan_job *job, const struct key_need *needs, size_t n,
		   struct strbuf *scratch, char **ret, struct err *err)
{
	strbuf_clear(scratch);
	key_add(scratch, (struct str){(const char *)def->b, sizeof(def->b)});
	key_add(scratch, str_of(unit));
	key_add(scratch, str_of(path));
	add_inputs(scratch, job->inputs.v, job->inputs.n);
	if (job->shards) { /* it is told all three */
		key_number(scratch, job->shard);
		key_number(scratch, job->shards);
		key_number(scratch, job->files.n);
		for (size_t i = 0; i < job->files.n; i++)
			key_add(scratch, str_of(job->files.v[i]));
	}
	key_number(scratch, n);
	for (size_t i = 0; i < n; i++) {
		key_add(scratch, str_of(needs[i].text));
		key_add(scratch, str_of(needs[i].key));
	}
	if (strbuf_failed(scratch))
		return err_set(err, RC_TOO_BIG,
			       "job \"%s\" of \"%s\" has too many inputs for one key (%zu)",
			       job->job, unit, job->inputs.n);
	*ret = digest_hex_dup(strbuf_str(scratch));
	return RC_OK;
}

char *key_of_closure(const struct plan_input *inputs, size_t n, struct strbuf *scratch)
{
	strbuf_clear(scratch);
	key_add(scratch, STR("penstock-closure-1"));
	add_inputs(scratch, inputs, n);
	return digest_hex_dup(strbuf_str(scratch));
}

/* ---- for people ---- */

static void key_line(texts *ret, const char *fmt, ...) PRINTF(2, 3);
static void key_line(texts *ret, const char *fmt, ...)
{
	struct strbuf b = STRBUF(2 * RUN_MAX);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&b, fmt, ap);
	va_end(ap);
	vec_push(ret, strbuf_take(&b));
}

static const struct plan_job *need_in(const struct plan *plan, const char *need)
{
	struct str name = str_of(need), unit = str_cut(&name, '/');

	vec_each(job, &plan->jobs)
		if (str_is(unit, job->unit) && str_is(name, job->job))
			return job;
	return NULL;
}

static void need_line(const struct plan_ask *ask, const struct plan *plan,
		      const struct plan_job *job, bool strict, const char *name, texts *ret)
{
	const struct plan_job *need = need_in(plan, name);

	if (!need || need->state == PLAN_SKIPPED)
		key_line(ret, "need %s %s", name, need ? "skipped" : "-");
	else if (install_is_sliced_by(job, strict, ask->head, need))
		key_line(ret, "need %s but for lockfiles %s", name, need->rest);
	else
		key_line(ret, "need %s %s", name, need->key);
}

enum rc plan_key_lines(const struct plan_ask *ask, const struct plan *plan,
		       const struct plan_job *job, texts *ret, struct err *err)
{
	const struct job_def *def =
		config_job(ask->config, job->stage, job->def ? job->def : job->job);
	AUTO(strbuf_done) struct strbuf scratch = STRBUF(KEY_TEXT_MAX);
	struct key_sink to = {keep_line, NULL, &scratch, ret};
	struct job_def own = {0};

	if (!def)
		return err_set(err, RC_NOT_FOUND, "penstock.yml has no job \"%s\"", job->job);
	const struct unit *unit = *job->unit ? config_unit(ask->config, job->unit) : NULL;
	const struct job_names names = {.def = def,
					.unit = unit,
					.matrix = &job->matrix,
					.shard = job->shard,
					.shards = job->shards,
					.change = ask->change};

	shape_copy(&shape_job_def, &own, def);
	names_fill_def(&names, &own);
	key_lines_of_def(&own, ask, job->matrix.n ? &job->matrix : NULL, &to);
	shape_done(&shape_job_def, &own);
	key_line(ret, "unit %s", job->unit);
	key_line(ret, "path %s", unit ? unit->path : ".");
	vec_each(in, &job->inputs)
		key_line(ret, "input %s %o %s", in->path, in->mode, in->oid);
	if (job->shards)
		key_line(ret, "shard %uof%u", job->shard, job->shards);
	vec_each(file, &job->files)
		key_line(ret, "file %s", *file);
	vec_each(need, &job->needs)
		need_line(ask, plan, job, def->strict, *need, ret);
	return RC_OK;
}
