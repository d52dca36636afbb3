/* Task keys: everything declared, each field with its length, so that no two jobs have the same bytes. */
#include "core/plan_impl.h"
#include "core/sort.h"

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

static void add_text(struct strbuf *to, const char *text)
{
	key_number(to, text != NULL);
	if (text)
		key_add(to, str_of(text));
}

/* In the order of the list. */
static void add_texts(struct strbuf *to, const texts *list)
{
	key_number(to, list->n);
	for (size_t i = 0; i < list->n; i++)
		key_add(to, str_of(list->v[i]));
}

/* A set: in order of the texts. */
static void add_set(struct strbuf *to, const texts *list)
{
	texts copy = {NULL, 0, 0};

	for (size_t i = 0; i < list->n; i++)
		vec_push(&copy, list->v[i]);
	sort_stable(copy.v, copy.n, sizeof(*copy.v), sort_by_text);
	add_texts(to, &copy);
	vec_done(&copy);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void add_pairs(struct strbuf *to, const pairs *list)
{
	pairs copy = {NULL, 0, 0};

	for (size_t i = 0; i < list->n; i++)
		vec_push(&copy, list->v[i]);
	sort_stable(copy.v, copy.n, sizeof(*copy.v), by_key);
	key_number(to, copy.n);
	for (size_t i = 0; i < copy.n; i++) {
		key_add(to, str_of(copy.v[i].key));
		key_add(to, str_of(copy.v[i].value));
	}
	vec_done(&copy);
}

struct digest key_of_def(const struct job_def *job, const char *toolchain)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(KEY_TEXT_MAX);

	key_add(&b, STR("penstock-key-1"));
	key_add(&b, str_of(stage_names[job->stage]));
	key_add(&b, str_of(job->name));
	key_add(&b, str_of(job_kind_names[job->kind]));
	add_text(&b, job->run);
	add_texts(&b, &job->finally);
	add_pairs(&b, &job->env);
	add_pairs(&b, &job->secrets);
	add_set(&b, &job->outputs);
	add_text(&b, job->reports.junit);
	key_number(&b, job->network);
	key_number(&b, job->memory);
	if (job->kind == JOB_RUN) {
		add_text(&b, toolchain);
	} else {
		add_text(&b, job->image.from);
		add_pairs(&b, &job->image.copy);
		add_text(&b, job->image.user);
		add_texts(&b, &job->image.entrypoint);
		add_texts(&b, &job->image.cmd);
		add_pairs(&b, &job->image.env);
		add_text(&b, job->image.workdir);
	}
	BUG_ON(strbuf_failed(&b)); /* penstock.yml is far smaller */
	return digest_of(strbuf_str(&b));
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
