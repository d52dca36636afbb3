#include "cli/find.h"

#include "api/wire.h"

#define INSTANCES_TOLD 8

const char *kind_of_id(const char *id)
{
	static const char *const kinds[] = {"run", "rel", "ro", "inc"};
	struct str rest = str_of(id), front = str_cut(&rest, '-');
	uint64_t n;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (rest.p && str_is(front, kinds[i]) && parse_u64(rest, &n))
			return kinds[i];
	return NULL;
}

static enum rc newest_run(struct cli *c, char **ret, struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;
	enum rc rc = client_get(c, WIRE_RUNS "?limit=1", &j, err);

	if (rc != RC_OK)
		return rc;
	const char *id = text_at(json_at(json_get(j, "runs"), 0), "id");
	if (!*id)
		return err_set(err, RC_NOT_FOUND, "there is no run yet");
	*ret = xstrdup(id);
	return RC_OK;
}

/* The name, or one of its instances: "test" of "test" and "test@15". */
static bool is_of(const char *name, const char *wanted)
{
	size_t n = strlen(wanted);

	return strncmp(name, wanted, n) == 0 && (!name[n] || name[n] == '@');
}

/* "a/test" names no job where there is a matrix or a split, "test" none where it is one of units: which there are, "a/test@15, a/test@16". */
static void add_instances(const struct json *jobs, const char *wanted, struct strbuf *to)
{
	for (size_t i = 0, n = 0; i < json_count(jobs); i++) {
		const struct json *job = json_at(jobs, i);
		AUTO(freep)
		char *name = xasprintf("%s%s%s", text_at(job, "unit"),
				       *text_at(job, "unit") ? "/" : "", text_at(job, "name"));

		if (!is_of(name, wanted) && !is_of(text_at(job, "name"), wanted))
			continue;
		if (n++ == INSTANCES_TOLD) {
			strbuf_adds(to, " ...");
			return;
		}
		strbuf_addf(to, "%s%s", n > 1 ? ", " : "", name);
	}
}

/* The last one of the name: a stage that was done again comes later. */
static enum rc pick(const struct json *jobs, const char *run, struct str unit, struct str name,
		    char **ret, struct err *err)
{
	const char *names[200];
	AUTO(strbuf_done) struct strbuf all = STRBUF(65536);
	const char *found = NULL;
	size_t n = 0;
	AUTO(freep)
	char *wanted = xasprintf("%.*s%s%.*s", (int)unit.n, unit.n ? unit.p : "", unit.n ? "/" : "",
				 (int)name.n, name.p);
	VEC(char *) owned = {0};

	for (size_t i = 0; i < json_count(jobs); i++) {
		const struct json *job = json_at(jobs, i);

		if (str_is(unit, text_at(job, "unit")) && str_is(name, text_at(job, "name")))
			found = text_at(job, "id");
		if (n < ARRAY_LEN(names)) {
			vec_push(&owned,
				 xasprintf("%s%s%s", text_at(job, "unit"),
					   *text_at(job, "unit") ? "/" : "", text_at(job, "name")));
			names[n++] = *vec_last(&owned);
		}
	}
	const char *near = found ? NULL : str_nearest(str_of(wanted), names, n);
	enum rc rc = RC_OK;
	AUTO(strbuf_done) struct strbuf several = STRBUF(4096);
	if (!found)
		add_instances(jobs, wanted, &several);
	if (found)
		*ret = xstrdup(found);
	else if (several.n)
		rc = err_set(err, RC_NOT_FOUND, "%s has no job %s of that name alone; which: %s?",
			     run, wanted, strbuf_cstr(&several));
	else
		rc = err_set(err, RC_NOT_FOUND,
			     near ? "%s has no job %s; did you mean %s?" : "%s has no job %s", run,
			     wanted, near);
	vec_each(o, &owned)
		xfree(*o);
	vec_done(&owned);
	return rc;
}

enum rc find_job(struct cli *c, const char *name, char **ret_id, struct err *err)
{
	struct str rest = str_of(name), front = str_cut(&rest, '/');
	AUTO(freep) char *run = xstrndup(front.p, front.n);
	AUTO(json_freep) struct json *j = NULL;
	unsigned slashes = 0;

	for (const char *p = name; *p; p++)
		slashes += *p == '/';
	bool has_run = streq(kind_of_id(run), "run");
	if (has_run && slashes >= 3) {
		*ret_id = xstrdup(name);
		return RC_OK;
	}
	if ((has_run && !rest.p) || (rest.p && !rest.n))
		return err_set(
			err, RC_INVALID,
			"\"%s\" names no job: RUN/UNIT/JOB, or UNIT/JOB (JOB of the project) of the newest run",
			name);
	if (!has_run) {
		xfree(run);
		run = NULL;
		rest = str_of(name);
		enum rc rc = newest_run(c, &run, err);
		if (rc != RC_OK)
			return rc;
	}
	AUTO(freep) char *path = client_path(WIRE_RUNS, run, "/jobs");
	enum rc rc = client_get(c, path, &j, err);
	if (rc != RC_OK)
		return rc;
	struct str word = rest, unit = str_cut(&word, '/');
	if (!word.p) {
		word = unit;
		unit = (struct str){"", 0};
	} else if (str_is(unit, "-")) { /* as ids have it */
		unit.n = 0;
	}
	return pick(json_get(j, "jobs"), run, unit, word, ret_id, err);
}
