/*
 * Runs by the clock. What is due next stands in the project, so that a restart, a second timer or a penstock.yml that is read again fires nothing twice: a
 * timer only says "look", and what is due is started and moved on in the same step.
 */
#include "base/strbuf.h"
#include "core/cron.h"
#include "core/step_impl.h"

#define LATE_MOST USEC_HOUR /* what was missed for longer is left out */
#define LATE      USEC_MIN  /* what is told */

static usec_t next_time(const char *cron, const char *rule, usec_t after)
{
	struct cron c;
	struct tz tz;

	if (cron_parse(str_of(cron), &c, NULL) != RC_OK ||
	    tz_parse(rule ? rule : "UTC0", &tz, NULL) != RC_OK)
		return USEC_NEVER; /* it was checked when penstock.yml was read */
	return cron_next(&c, &tz, after);
}

static void arm(struct step *s, const struct schedule_ref *r)
{
	if (r->next != USEC_NEVER)
		set_text(&order_timer(s, r->next, "cron")->type, r->repo);
}

/* Written, or the first of on.push.branches that is no pattern. */
static const char *branch_of(const struct config *c, const struct schedule_def *def)
{
	if (def->branch)
		return def->branch;
	vec_each(b, &c->branches)
		if (!strpbrk(*b, "*?[{"))
			return *b;
	return NULL;
}

static bool same(const struct schedule_ref *r, const struct schedule_def *def, const char *branch)
{
	return streq(r->cron, def->cron) && streq(r->zone, def->zone) &&
	       streq(r->rule, def->rule) && streq(r->branch, branch);
}

static void schedule_ref_done(struct schedule_ref *r)
{
	xfree(r->repo);
	xfree(r->cron);
	xfree(r->zone);
	xfree(r->rule);
	xfree(r->branch);
	xfree(r->last);
}

static bool is_written(const struct config *c, const struct schedule_ref *r)
{
	vec_each(def, &c->schedules)
		if (same(r, def, branch_of(c, def)))
			return true;
	return false;
}

static bool is_armed(const struct project *p, const char *repo, const struct schedule_def *def,
		     const char *branch)
{
	vec_each(r, &p->schedules)
		if (streq(r->repo, repo) && same(r, def, branch))
			return true;
	return false;
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

void schedules_arm(struct step *s, const char *repo, const struct config *c)
{
	struct project *p = model_project(s->m);

	for (size_t i = p->schedules.n; i-- > 0;) {
		struct schedule_ref *r = &p->schedules.v[i];

		if (!streq(r->repo, repo) || is_written(c, r))
			continue;
		schedule_ref_done(r);
		vec_remove(&p->schedules, i);
		model_touch(s->m, AGG_PROJECT, "project");
	}
	vec_each(def, &c->schedules) {
		const char *branch = branch_of(c, def);

		if (is_armed(p, repo, def, branch))
			continue;
		vec_push(&p->schedules,
			 ((struct schedule_ref){
				 .repo = xstrdup(repo),
				 .cron = copy(def->cron),
				 .zone = copy(def->zone),
				 .rule = copy(def->rule),
				 .branch = copy(branch),
				 .next = next_time(def->cron, def->rule, s->m->time)}));
		arm(s, vec_last(&p->schedules));
		model_touch(s->m, AGG_PROJECT, "project");
	}
}

static const char *head_of(const struct model *m, const struct schedule_ref *r)
{
	AUTO(freep) char *ref = r->branch ? xasprintf("refs/heads/%s", r->branch) : NULL;

	const struct repo_ref *known = ref ? source_ref(model_source(m, r->repo), ref) : NULL;

	return known ? known->commit : NULL;
}

static void order_run(struct step *s, const struct schedule_ref *r, const char *head)
{
	struct effect *e = order(s, EF_READ_CHANGE, "source/%s", r->repo);

	set_text(&e->text, r->last);
	e->change = (struct change){.kind = CHANGE_SCHEDULE,
				    .repo = xstrdup(r->repo),
				    .ref = xasprintf("refs/heads/%s", r->branch),
				    .commit = xstrdup(head),
				    .pushed_at = s->m->time};
}

static void fire(struct step *s, struct schedule_ref *r)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(1000);
	usec_t late = s->m->time - r->next;
	const char *head = head_of(s->m, r);
	char due[TIME_TEXT];

	time_text(r->next, due);
	strbuf_addf(&b, "\"%s\", due at %s", r->cron, due);
	if (late >= LATE) {
		strbuf_adds(&b, ", ");
		strbuf_add_duration(&b, late);
		strbuf_adds(&b, " late");
	}
	if (!head)
		strbuf_addf(&b, ": left out, there is no branch %s",
			    r->branch ? r->branch : "to run");
	else if (late >= LATE_MOST)
		strbuf_adds(&b, ": left out");
	else
		strbuf_addf(&b, ": started for %.12s", head);
	set_text(&r->last, strbuf_cstr(&b));
	if (head && late < LATE_MOST)
		order_run(s, r, head);
}

void on_cron_timer(struct step *s)
{
	struct project *p = model_project(s->m);

	vec_each(r, &p->schedules) {
		if (r->next > s->m->time)
			continue;
		fire(s, r);
		r->next = next_time(r->cron, r->rule,
				    s->m->time); /* several that were missed are one */
		arm(s, r);
		model_touch(s->m, AGG_PROJECT, "project");
	}
}
