/* A workflow of GitHub Actions as a draft: its triggers and its jobs. */
#include "base/glob.h"
#include "dialect/import_impl.h"

/* ---- on ---- */
/* Branches or tags; patterns that take away have no counterpart. */
static void read_refs(struct importer *im, const struct yaml_node *refs, const char *what,
		      texts *ret)
{
	texts list = {0};

	node_texts(im, refs, what, &list);
	vec_each(ref, &list) {
		if (**ref == '!' || glob_check(str_of(*ref), NULL) != RC_OK)
			lost(im, refs, "name what counts, not what does not", "%s: %.100s", what,
			     *ref);
		else
			draft_text(ret, *ref);
		xfree(*ref);
	}
	vec_done(&list);
}

static void quote_ours(struct strbuf *to, const char *text)
{
	strbuf_addc(to, '\'');
	for (; *text; text++)
		strbuf_adds(to, *text == '\'' ? "''" : (char[]){*text, 0});
	strbuf_addc(to, '\'');
}

/* paths: [a] -> event != 'push' || changed('a'). */
static void read_paths(struct importer *im, const char *event, const struct yaml_node *on)
{
	const struct yaml_node *paths = yaml_get(on, "paths"),
			       *ignore = yaml_get(on, "paths-ignore");
	AUTO(strbuf_done) struct strbuf b = STRBUF(3500);
	texts list = {0};

	if (ignore)
		lost(im, ignore, "only what a change touches runs: name units, or inputs of a job",
		     "%s.paths-ignore", event);
	node_texts(im, paths, "paths", &list);
	strbuf_addf(&b, "event != '%s'", event);
	bool all = true;
	vec_each(path, &list) {
		if (**path == '!' || glob_check(str_of(*path), NULL) != RC_OK) {
			lost(im, paths, "name what counts, not what does not", "%s.paths: %.100s",
			     event, *path);
			all = false;
		} else {
			strbuf_adds(&b, " || changed(");
			quote_ours(&b, *path);
			strbuf_addc(&b, ')');
		}
		xfree(*path);
	}
	if (list.n && strbuf_failed(&b))
		lost(im, paths, "name units, and only what a change touches will run",
		     "%s.paths, so many of them", event);
	else if (list.n && all)
		vec_push(&im->d->conditions, strbuf_take(&b));
	vec_done(&list);
}

static void read_push(struct importer *im, const struct yaml_node *on)
{
	struct config *c = &im->d->c;

	read_refs(im, yaml_get(on, "branches"), "branches", &c->branches);
	read_refs(im, yaml_get(on, "tags"), "tags", &c->tags);
	if (yaml_get(on, "branches-ignore"))
		lost(im, yaml_get(on, "branches-ignore"), "name the branches that count",
		     "push.branches-ignore");
	if (yaml_get(on, "tags-ignore"))
		lost(im, yaml_get(on, "tags-ignore"), "name the tags that count",
		     "push.tags-ignore");
	bool any = !yaml_get(on, "branches") && !yaml_get(on, "tags") &&
		   !yaml_get(on, "branches-ignore");
	if (any)
		draft_text(&c->branches, "**");
	read_paths(im, "push", on);
}

static void read_pull(struct importer *im, const struct yaml_node *on)
{
	static const char *const usual[] = {"opened", "synchronize", "reopened",
					    "ready_for_review"};
	const struct yaml_node *types = yaml_get(on, "types");

	im->d->c.pull_requests = true;
	read_refs(im, yaml_get(on, "branches"), "branches", &im->d->c.pull_branches);
	if (yaml_get(on, "branches-ignore"))
		lost(im, yaml_get(on, "branches-ignore"), "name the branches that count",
		     "pull_request.branches-ignore");
	for (size_t i = 0; types && types->kind == YAML_LIST && i < types->n; i++) {
		bool known = false;
		for (size_t k = 0; k < ARRAY_LEN(usual); k++)
			known |= str_is(types->items[i].text, usual[k]);
		if (!known)
			lost(im, &types->items[i],
			     "a pull request runs when it is opened and when its head moves",
			     "pull_request.types: %.*s", (int)MIN_OF(types->items[i].text.n, 60),
			     types->items[i].text.p);
	}
	read_paths(im, "pull_request", on);
}

static void read_schedule(struct importer *im, const struct yaml_node *on)
{
	for (size_t i = 0; on && on->kind == YAML_LIST && i < on->n; i++) {
		const struct yaml_node *cron = yaml_get(&on->items[i], "cron"),
				       *zone = yaml_get(&on->items[i], "timezone");
		if (node_is_text(cron))
			vec_push(&im->d->c.schedules,
				 ((struct schedule_def){.cron = node_dup(cron),
							.zone = node_is_text(zone) ? node_dup(zone)
										   : NULL}));
	}
}

static void read_event(struct importer *im, const struct yaml_node *at, struct str event,
		       const struct yaml_node *on)
{
	if (str_is(event, "push")) {
		read_push(im, on);
	} else if (str_is(event, "pull_request")) {
		read_pull(im, on);
	} else if (str_is(event, "pull_request_target")) {
		read_pull(im, on);
		lost(im, at,
		     "a change from a fork runs without secrets: on.pull_request.forks says who lets it in",
		     "pull_request_target");
	} else if (str_is(event, "merge_group")) {
		im->d->c.queue.on = true;
	} else if (str_is(event, "schedule")) {
		read_schedule(im, on);
	} else if (str_is(event, "workflow_dispatch")) {
		if (yaml_get(on, "inputs"))
			lost(im, yaml_get(on, "inputs"),
			     "a run has no inputs: write the values under env",
			     "workflow_dispatch.inputs");
	} else if (str_is(event, "workflow_call")) {
		lost(im, at,
		     "what several projects share stands in templates, in a file that they include",
		     "on: workflow_call");
	} else {
		lost(im, at,
		     "runs begin with a push, a tag, a pull request, a merge queue or a schedule",
		     "on: %.*s", (int)MIN_OF(event.n, 60), event.p);
	}
}

static void read_on(struct importer *im, const struct yaml_node *on)
{
	if (node_is_text(on))
		read_event(im, on, on->text, NULL);
	for (size_t i = 0; on && on->kind == YAML_LIST && i < on->n; i++)
		read_event(im, &on->items[i], on->items[i].text, NULL);
	for (size_t i = 0; on && on->kind == YAML_MAP && i < on->n; i++)
		read_event(im, &on->keys[i], on->keys[i].text, &on->items[i]);
	/* a push to main always begins a run of ours */
	if (!im->d->c.branches.n && !im->d->c.tags.n)
		vec_push(&im->d->conditions, xstrdup("event != 'push'"));
	else if (!im->d->c.branches.n)
		vec_push(&im->d->conditions, xstrdup("event != 'push' || tag != ''"));
}

/* ---- the file ---- */
static void refuse_rest(struct importer *im, const struct yaml_node *root)
{
	static const char *const read[] = {"name", "on",          "env",         "defaults",
					   "jobs", "permissions", "concurrency", "run-name"};
	const struct yaml_node *group = yaml_get(root, "concurrency"),
			       *title = yaml_get(root, "run-name");

	if (title)
		lost(im, title, "a run is named by its commit", "run-name");
	if (group && !node_is_true(yaml_get(group, "cancel-in-progress")))
		lost(im, group, "name a group at the jobs that must not run at the same time",
		     "concurrency of the whole workflow");
	for (size_t i = 0; i < root->n; i++) {
		bool known = false;
		for (size_t k = 0; k < ARRAY_LEN(read); k++)
			known |= str_is(root->keys[i].text, read[k]);
		if (!known)
			lost(im, &root->keys[i], "no workflow of GitHub Actions has this key",
			     "%.*s", (int)MIN_OF(root->keys[i].text.n, 60), root->keys[i].text.p);
	}
}

/* The last part of a path without its ending. */
static struct str base_of(const char *name)
{
	struct str s = str_of(name);

	for (size_t i = s.n; i-- > 0;)
		if (s.p[i] == '/') {
			s = (struct str){s.p + i + 1, s.n - i - 1};
			break;
		}
	struct str rest = s;
	while (s.n > 1 && s.p[0] == '.')
		s = (struct str){s.p + 1, s.n - 1};
	rest = s;
	return str_cut(&rest, '.');
}

static enum rc read_jobs(struct importer *im, const struct yaml_node *root, struct err *err)
{
	const struct yaml_node *jobs = yaml_get(root, "jobs");

	if (!jobs || jobs->kind != YAML_MAP || !jobs->n)
		return yaml_fail(im->doc, jobs ? jobs : root, err,
				 "this is no workflow of GitHub Actions: it has no jobs");
	if (jobs->n > IMPORT_JOBS_MAX)
		return err_set(err, RC_TOO_BIG, "%s: %zu jobs; at most %d are taken", im->file,
			       jobs->n, IMPORT_JOBS_MAX);
	for (size_t i = 0; i < jobs->n; i++) {
		if (jobs->items[i].kind != YAML_MAP)
			return yaml_fail(im->doc, &jobs->items[i], err, "a job must be a map");
		github_job(im, &jobs->keys[i], &jobs->items[i], root);
	}
	return RC_OK;
}

enum rc import_github(struct str text, const char *name, struct draft *ret, struct err *err)
{
	AUTO(draft_done) struct draft d = {.from = "GitHub Actions"};
	AUTO(yaml_freep) struct yaml *doc = NULL;
	struct importer im = {.file = name, .d = &d, .job = NO_JOB, .step = NO_STEP};

	if (yaml_read_foreign(text, name, &doc, err) != RC_OK)
		return err->rc;
	im.doc = doc;
	const struct yaml_node *root = yaml_root(doc), *title = yaml_get(root, "name");
	if (root->kind != YAML_MAP)
		return yaml_fail(doc, root, err,
				 "this is no workflow of GitHub Actions: it is no map");
	d.c.project = draft_slug(node_is_text(title) ? title->text : base_of(name), "project");
	read_on(&im, yaml_get(root, "on"));
	refuse_rest(&im, root);
	if (read_jobs(&im, root, err) != RC_OK)
		return err->rc;
	draft_settle(&d, name);
	*ret = d;
	d = (struct draft){0};
	return RC_OK;
}
