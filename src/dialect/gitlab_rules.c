/* When a job runs: rules, only and except, when. A condition that cannot be said makes the job wait for somebody. */
#include "base/glob.h"
#include "dialect/gitlab_impl.h"

static struct cond *truth(bool yes)
{
	return cond_new(yes ? COND_TRUE : COND_FALSE, NULL, NULL, NULL);
}

static struct cond *compare(const char *name, const char *op, const char *text)
{
	return cond_new(COND_COMPARE, op, cond_new(COND_NAME, name, NULL, NULL),
			cond_new(COND_TEXT, text, NULL, NULL));
}

static struct cond *of_text(struct gitlab *g, const struct yaml_node *at, const char *what)
{
	const char *why = "see docs/expressions.md for what an expression can say";
	struct cond *c = cond_parse(at->text, SYNTAX_GITLAB);

	if (c && cond_from_gitlab(&c, &g->vars, &why))
		return c;
	cond_free(c);
	lost(&g->im, at, why, "%s: %.*s", what, (int)MIN_OF(at->text.n, 160), at->text.p);
	return NULL;
}

static struct cond *of_changes(struct gitlab *g, const struct yaml_node *changes)
{
	const struct yaml_node *paths =
		changes->kind == YAML_MAP ? yaml_get(changes, "paths") : changes;
	struct cond *any = NULL;
	texts list = {0};

	if (yaml_get(changes, "compare_to"))
		lost(&g->im, yaml_get(changes, "compare_to"),
		     "a change is compared to where it left its target", "changes.compare_to");
	node_texts(&g->im, paths, "changes", &list);
	vec_each(path, &list) {
		if (glob_check(str_of(*path), NULL) != RC_OK) {
			lost(&g->im, paths, "write a glob inside the repository", "changes: %.100s",
			     *path);
		} else {
			struct cond *one = cond_new(COND_CALL, "changed",
						    cond_new(COND_TEXT, *path, NULL, NULL), NULL);
			any = any ? cond_new(COND_OR, NULL, any, one) : one;
		}
		xfree(*path);
	}
	vec_done(&list);
	return any;
}

struct outcome {
	struct cond *when; /* NULL: it could not be said */
	bool manual, automatic, broken;
};

/* One rule's own condition. */
static struct cond *of_rule(struct gitlab *g, const struct yaml_node *rule, struct outcome *o)
{
	static const char *const others[] = {"exists", "variables", "needs", "start_in",
					     "interruptible"};
	const struct yaml_node *text = yaml_get(rule, "if"), *changes = yaml_get(rule, "changes");
	struct cond *c = node_is_text(text) ? of_text(g, text, "rules:if") : truth(true);

	o->broken |= !c;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (yaml_get(rule, others[i])) {
			lost(&g->im, yaml_get(rule, others[i]),
			     "make a job of its own of that case", "rules:%s", others[i]);
			o->broken |= i == 0;
		}
	struct cond *touched = c && changes ? of_changes(g, changes) : NULL;
	return touched ? cond_simple(cond_new(COND_AND, NULL, c, touched)) : c;
}

static bool is_never(const struct yaml_node *rule)
{
	const struct yaml_node *when = yaml_get(rule, "when");

	return node_is_text(when) && str_is(when->text, "never");
}

static void read_when(struct gitlab *g, const struct yaml_node *when, struct outcome *o)
{
	struct str s = node_is_text(when) ? when->text : STR("on_success");

	if (str_is(s, "on_failure") || str_is(s, "delayed"))
		o->broken = true; /* it must not run more often, or sooner, than it did */
	else if (str_is(s, "manual"))
		o->manual = true;
	else
		o->automatic = true;
	if (str_is(s, "always") || str_is(s, "on_failure"))
		lost(&g->im, when,
		     "a job whose need failed does not run: give the commands to `finally` of that job",
		     "when: %.*s", (int)s.n, s.p);
	else if (str_is(s, "delayed"))
		lost(&g->im, when, "wait in the script, or make it manual", "when: delayed");
}

typedef VEC(const struct yaml_node *) rule_list;

/* Rules in order; references and lists in the list are laid out. */
static void collect(struct gitlab *g, const struct yaml_node *n, unsigned depth, rule_list *ret,
		    struct outcome *o)
{
	if (n && str_is(n->tag, "!reference") && depth <= 10) {
		collect(g, gitlab_reference(g, n), depth + 1, ret, o);
	} else if (n && n->kind == YAML_LIST && depth <= 10) {
		for (size_t i = 0; i < n->n && ret->n < 200; i++)
			collect(g, &n->items[i], depth + 1, ret, o);
	} else if (n && n->kind == YAML_MAP) {
		vec_push(ret, n);
	} else {
		lost(&g->im, n, "write the rule here", "a rule that is no map");
		o->broken = true;
	}
}

/* The first rule that holds wins: from the last to the first, R = c or R, and for `never` R = not c and R. */
static void read_rules(struct gitlab *g, const struct yaml_node *rules, struct outcome *o)
{
	rule_list list = {0};

	collect(g, rules, 0, &list, o);
	o->when = truth(false);
	for (size_t i = list.n; i-- > 0;) {
		const struct yaml_node *rule = list.v[i];
		struct cond *c = of_rule(g, rule, o);
		if (!c)
			continue;
		if (is_never(rule)) {
			o->when = cond_simple(cond_new(COND_AND, NULL,
						       cond_new(COND_NOT, NULL, c, NULL), o->when));
			continue;
		}
		o->when = cond_simple(cond_new(COND_OR, NULL, c, o->when));
		read_when(g, yaml_get(rule, "when"), o);
		if (node_is_true(yaml_get(rule, "allow_failure")))
			importer_job(&g->im)->allow_failure = true;
	}
	vec_done(&list);
}

/* ---- only, except ---- */
static struct cond *of_ref(struct gitlab *g, const struct yaml_node *at)
{
	static const struct {
		const char *word, *name, *op, *text;
	} words[] = {{"branches", "event", "==", "push"},
		     {"pushes", "event", "==", "push"},
		     {"tags", "tag", "!=", ""},
		     {"merge_requests", "event", "==", "pull_request"},
		     {"schedules", "event", "==", "schedule"},
		     {"web", "event", "==", "person"},
		     {"api", "event", "==", "person"},
		     {"triggers", "event", "==", "person"}};

	struct str rest = at->text;
	struct str word = str_cut(&rest, '@'); /* branches@group/project */
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_is(word, words[i].word))
			return compare(words[i].name, words[i].op, words[i].text);
	AUTO(freep)
	char *text = str_starts(at->text, "/")
			     ? xasprintf("$CI_COMMIT_BRANCH =~ %.*s", (int)at->text.n, at->text.p)
			     : NULL;
	if (!text) {
		AUTO(freep) char *name = node_dup(at);
		return compare("branch", "==", name);
	}
	struct yaml_node whole = *at;
	whole.text = str_of(text);
	return of_text(g, &whole, "only");
}

static struct cond *of_refs(struct gitlab *g, const struct yaml_node *only, struct outcome *o)
{
	const struct yaml_node *refs = only->kind == YAML_MAP ? yaml_get(only, "refs") : only;
	const struct yaml_node *changes = yaml_get(only, "changes"),
			       *vars = yaml_get(only, "variables");
	struct cond *any = NULL;

	for (size_t i = 0; refs && i < (refs->kind == YAML_LIST ? refs->n : 1); i++) {
		const struct yaml_node *ref = refs->kind == YAML_LIST ? &refs->items[i] : refs;
		struct cond *one = node_is_text(ref) ? of_ref(g, ref) : NULL;
		o->broken |= !one;
		if (one)
			any = any ? cond_new(COND_OR, NULL, any, one) : one;
	}
	for (size_t i = 0; vars && vars->kind == YAML_LIST && i < vars->n; i++) {
		struct cond *one = of_text(g, &vars->items[i], "only:variables");
		o->broken |= !one;
		if (one)
			any = any ? cond_new(COND_AND, NULL, any, one) : one;
	}
	struct cond *touched = changes ? of_changes(g, changes) : NULL;
	if (touched)
		any = any ? cond_new(COND_AND, NULL, any, touched) : touched;
	return any;
}

static void read_only(struct gitlab *g, const struct yaml_node *job, struct outcome *o)
{
	const struct yaml_node *only = yaml_get(job, "only"), *except = yaml_get(job, "except");
	struct cond *c = only ? of_refs(g, only, o) : NULL,
		    *not = except ? of_refs(g, except, o) : NULL;

	o->when = c ? c : truth(true);
	if (not )
		o->when = cond_simple(
			cond_new(COND_AND, NULL, o->when, cond_new(COND_NOT, NULL, not, NULL)));
	read_when(g, yaml_get(job, "when"), o);
}

bool gitlab_rules(struct gitlab *g, const struct yaml_node *job)
{
	const struct yaml_node *rules = yaml_get(job, "rules");
	struct outcome o = {0};

	if (rules && rules->kind == YAML_LIST)
		read_rules(g, rules, &o);
	else
		read_only(g, job, &o);
	struct job_def *def = importer_job(&g->im);
	bool runs = o.broken || o.when->kind != COND_FALSE;
	if (!o.broken && o.when->kind != COND_TRUE && o.when->kind != COND_FALSE) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(4096);
		cond_print(o.when, SYNTAX_OURS, &b);
		if (strbuf_failed(&b)) {
			lost(&g->im, rules,
			     "say it in fewer words, as if:", "rules, so many of them");
			o.broken = true;
		} else {
			def->condition = strbuf_take(&b);
		}
	}
	if (rules && o.manual && o.automatic && !is_never(rules))
		lost(&g->im, rules, "make a manual job of its own of that case",
		     "rules of which some are manual");
	def->manual = o.broken || o.manual;
	if (o.manual && !rules && !yaml_get(job, "allow_failure"))
		def->allow_failure = false;
	cond_free(o.when);
	return runs;
}
