/* Test files shared out to shards: the longest first, each to the shard that has least (Graham 1969, "Bounds on multiprocessing timing anomalies": LPT). */
#include "core/config_impl.h"
#include "core/plan_impl.h"
#include "core/sort.h"

struct share {
	const char *file;
	uint64_t usec;
};

static int longest_first(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	if (x->usec != y->usec)
		return x->usec < y->usec ? 1 : -1;
	return strcmp(x->file, y->file);
}

static int by_file(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A file that was never seen counts as the mean of those that were. */
static void weigh(struct planner *p, const struct job_def *def, const struct unit *unit,
		  struct share *v, size_t n)
{
	uint64_t sum = 0, known = 0;

	for (size_t i = 0; i < n; i++) {
		v[i].usec = def->split.by_timing && p->ask->file_time
				    ? p->ask->file_time(p->ask->ctx, unit ? unit->name : "",
							def->name, v[i].file)
				    : 0;
		sum += v[i].usec;
		known += v[i].usec != 0;
	}
	for (size_t i = 0; i < n; i++)
		if (v[i].usec == 0)
			v[i].usec = known ? MAX_OF(sum / known, (uint64_t)1) : 1;
}

enum rc plan_split(struct planner *p, const struct job_def *def, const struct unit *unit,
		   shard_list *ret, struct err *err)
{
	const char *path = unit ? unit->path : ".";
	size_t skip = streq(path, ".") ? 0 : strlen(path) + 1;
	found_list found = {NULL, 0, 0};
	VEC(struct share) files = {NULL, 0, 0};
	uint64_t load[SHARDS_MAX] = {0};

	glob_entries(&p->head, path, def->split.files, &found);
	vec_each(e, &found)
		vec_push(&files, ((struct share){(*e)->path + skip, 0}));
	weigh(p, def, unit, files.v, files.n);
	sort_stable(files.v, files.n, sizeof(*files.v), longest_first);
	size_t n = MIN_OF((size_t)def->split.into, files.n);
	for (size_t i = 0; i < n; i++)
		vec_add(ret);
	for (size_t i = 0; i < files.n; i++) {
		size_t least = 0;

		for (size_t k = 1; k < n; k++)
			if (load[k] < load[least])
				least = k;
		load[least] += files.v[i].usec;
		char *file = NULL;
		memcpy(&file, &files.v[i].file, sizeof(file)); /* borrowed from head */
		vec_push(&ret->v[least].files, file);
	}
	for (size_t i = 0; i < n; i++)
		sort_stable(ret->v[i].files.v, ret->v[i].files.n, sizeof(char *), by_file);
	vec_done(&found);
	vec_done(&files);
	for (size_t i = 0; i < n; i++) {
		size_t bytes = 1;

		vec_each(file, &ret->v[i].files)
			bytes += strlen(*file) + 1;
		if (bytes > SPLIT_TEXT_MAX)
			return err_set(
				err, RC_TOO_BIG,
				"job \"%s\" of \"%s\": the names of a share's files are %zu bytes long, more than one variable takes (%zu); split into more than %u",
				def->name, unit ? unit->name : "", bytes, SPLIT_TEXT_MAX,
				def->split.into);
	}
	return RC_OK;
}
