/*
 * Jobs that install what lockfiles lock, once for all units (`installs: true`). Who needs one counts of a lockfile what it says of its own unit, which
 * stands among its inputs as a slice, and the rest of the install job: so a bump of one dependency touches those that use it. Nor does it count
 * the manifests of other units: what these want stands in the lockfile.
 */
#include "core/plan_impl.h"

static bool is_lock(const struct tree_facts *head, const char *path)
{
	for (size_t i = 0; i < head->slices.n; i++)
		if (streq(head->slices.v[i].path, path))
			return true;
	return false;
}

static bool has_slice(const struct planner *p, uint32_t unit, const char *path)
{
	const struct unit_state *u = &p->units[unit];

	for (size_t k = u->slice; k < u->slice + u->slices; k++)
		if (streq(p->head.facts->slices.v[k].path, path))
			return true;
	return false;
}

/* Other files of a unit that an install reads, such as a patch, may change what it gives to all. */
static bool is_manifest_of_unit(const struct planner *p, const char *path)
{
	static const char *const names[] = {"package.json", "pyproject.toml", "Cargo.toml",
					    "go.mod"};
	const char *slash = strrchr(path, '/');
	bool known = false;

	for (size_t i = 0; slash && i < ARRAY_LEN(names); i++)
		known |= streq(slash + 1, names[i]);
	for (size_t i = 0; known && i < p->c->units.n; i++)
		if (str_is((struct str){path, (size_t)(slash - path)}, p->c->units.v[i].path))
			return true;
	return false;
}

void install_rest(const struct planner *p, found_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		if (!is_lock(p->head.facts, list->v[i]->path) &&
		    !is_manifest_of_unit(p, list->v[i]->path))
			list->v[n++] = list->v[i];
	list->n = n;
}

enum rc install_key(struct planner *p, uint32_t i, const struct digest *def, struct plan_job *job,
		    const struct key_need *needs, size_t n, struct err *err)
{
	struct plan_job rest = *job;
	struct install *me = &p->installs[i];

	if (job->shards) /* its files are its own matter */
		return RC_OK;
	memset(&rest.inputs, 0, sizeof(rest.inputs));
	vec_each(in, &job->inputs) {
		if (is_lock(p->head.facts, in->path))
			vec_push(&me->locks, in->path);
		else if (!is_manifest_of_unit(p, in->path))
			vec_push(&rest.inputs, *in);
	}
	enum rc rc = me->locks.n == 0 ? RC_OK
				      : key_of_job(def, "", ".", &rest, needs, n, &p->scratch,
						   &job->rest, err);
	vec_done(&rest.inputs);
	return rc;
}

bool install_is_sliced(const struct planner *p, const struct instance *me, uint32_t need)
{
	const struct install *of = &p->installs[need];

	if (!of->locks.n || me->unit == p->c->units.n || p->defs.v[me->def].def->strict)
		return false;
	for (size_t i = 0; i < of->locks.n; i++)
		if (!has_slice(p, me->unit, of->locks.v[i]))
			return false;
	return true;
}

bool install_is_sliced_by(const struct plan_job *job, bool strict, const struct tree_facts *head,
			  const struct plan_job *need)
{
	if (!need->rest || !*job->unit || strict)
		return false;
	vec_each(lock, &need->inputs) {
		bool found = false;

		if (!is_lock(head, lock->path))
			continue;
		vec_each(in, &job->inputs)
			found |= in->mode == 0 && streq(in->path, lock->path);
		if (!found)
			return false;
	}
	return true;
}
