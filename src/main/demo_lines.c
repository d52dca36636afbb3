/* What the terminal shows: one line for what matters in each record, from the record and the state after it. */
#include "main/demo.h"

#include "core/watch.h"

#include <stdarg.h>

#define DIM    (d->tty ? "\033[2m" : "")
#define BOLD   (d->tty ? "\033[1m" : "")
#define RED    (d->tty ? "\033[31m" : "")
#define GREEN  (d->tty ? "\033[32m" : "")
#define YELLOW (d->tty ? "\033[33m" : "")
#define CYAN   (d->tty ? "\033[36m" : "")
#define PLAIN  (d->tty ? "\033[0m" : "")

static void clear_in_place(struct demo *d)
{
	if (d->in_place)
		printf("\r\033[K");
	d->in_place = false;
}

void demo_heading(struct demo *d, const char *fmt, ...)
{
	va_list ap;

	clear_in_place(d);
	printf("\n%s", BOLD);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("%s\n", PLAIN);
	fflush(stdout);
}

void demo_say(struct demo *d, const char *fmt, ...)
{
	va_list ap;

	clear_in_place(d);
	printf("          %s", DIM);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("%s\n", PLAIN);
	fflush(stdout);
}

static void line(struct demo *d, const struct record *r, const char *colour, const char *fmt, ...)
	PRINTF(4, 5);
static void line(struct demo *d, const struct record *r, const char *colour, const char *fmt, ...)
{
	va_list ap;

	clear_in_place(d);
	printf("%s%8.2f s%s  %s", DIM, (double)(r->time - d->zero) / (double)USEC_SEC, PLAIN,
	       colour);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("%s\n", PLAIN);
}

static void planned(struct demo *d, const struct record *r, const struct event *ev)
{
	struct run *run = demo_run_of(d, ev->change.commit);
	AUTO(strbuf_done) struct strbuf units = STRBUF(4096);

	if (!run)
		return;
	vec_each(u, &run->affected)
		strbuf_addf(&units, "%s%s", units.n ? ", " : "", *u);
	line(d, r, CYAN, "%s  %.8s \"%s\"  affects %s: %u jobs to do, %u cached, %u unaffected",
	     run->id, run->change.commit, run->change.subject,
	     units.n ? strbuf_cstr(&units) : "nothing", run->open, run->cached, run->unaffected);
	if (run->reason)
		line(d, r, "", "%s  %s: %s", run->id, run_state_names[run->state], run->reason);
}

static void job_ended(struct demo *d, const struct record *r, const struct event *ev)
{
	const struct job *job = model_job(&d->model, ev->job);

	if (!job)
		return;
	bool bad = !job_state_names[job->state] || job->state == JOB_FAILED;
	if (job->kind == JOB_IMAGE && job->image)
		line(d, r, "", "%s  %s packed: %.19s", job->run, job->unit, job->image);
	else if (bad)
		line(d, r, RED, "%s  %s of %s failed: %s%s%s", job->run, job->name,
		     *job->unit ? job->unit : "the project",
		     job->error ? job->error : failure_names[job->failure],
		     job->junit.first_failure ? ": " : "",
		     job->junit.first_failure ? job->junit.first_failure : "");
	else if (job->state == JOB_PASSED && job->junit.tests)
		line(d, r, "", "%s  %s of %s passed: %u tests, %.1f s", job->run, job->name,
		     *job->unit ? job->unit : "the project", job->junit.tests,
		     (double)(job->ended_at - job->started_at) / (double)USEC_SEC);
}

static void facts(struct demo *d, const struct record *r, const struct event *ev)
{
	const struct rollout *ro = model_rollout(&d->model, ev->rollout);

	if (!ro || !ro->numbers.answer || ro->state == ROLLOUT_ABORTING)
		return;
	const struct verdict_numbers *n = &ro->numbers;
	char need[64] = "";
	AUTO(freep) char *have = watch_evidence_text(n->evidence);
	AUTO(freep) char *want = watch_evidence_text(n->wanted);
	if (streq(n->answer, "wait") && n->need && n->need != UINT64_MAX)
		snprintf(need, sizeof(need), ", about %llu more canary requests",
			 (unsigned long long)n->need);
	if (!d->tty && n->seconds % 3 != 1 && streq(n->answer, "wait"))
		return;
	clear_in_place(d);
	printf("%s%8.2f s%s  %s  %s %3.0f %%  canary %llu requests, %llu errors; stable %llu, %llu; %s (%s): evidence %s of %s%s",
	       DIM, (double)(r->time - d->zero) / (double)USEC_SEC, PLAIN, ro->id, ro->unit,
	       100 * ro->confirmed, (unsigned long long)n->canary_n,
	       (unsigned long long)n->canary_errors, (unsigned long long)n->stable_n,
	       (unsigned long long)n->stable_errors, n->answer, n->metric, have, want, need);
	d->in_place = d->tty && streq(n->answer, "wait");
	if (!d->in_place)
		putchar('\n');
}

static void weight(struct demo *d, const struct record *r, const struct event *ev)
{
	const struct rollout *ro = model_rollout(&d->model, ev->rollout);

	if (!ro || !streq(ro->environment, "production"))
		return;
	if (ro->state == ROLLOUT_ABORTING || ro->state == ROLLOUT_ABORTED)
		line(d, r, GREEN,
		     "%s  %s weight 0 %% confirmed at the data plane, %.1f ms after the verdict",
		     ro->id, ro->unit,
		     (double)(ro->zero_confirmed_at - ro->verdict_at) / (double)USEC_MS);
	else
		line(d, r, "", "%s  %s weight %.0f %% confirmed", ro->id, ro->unit,
		     100 * ro->confirmed);
}

static void rollouts(struct demo *d, const struct record *r)
{
	vec_each(t, &d->model.touched) {
		const struct rollout *ro =
			t->kind == AGG_ROLLOUT ? model_rollout(&d->model, t->id) : NULL;

		if (!ro)
			continue;
		if (ro->state == ROLLOUT_ABORTING && ro->zero_ordered_at == r->time)
			line(d, r, RED, "%s  %s in %s: FAIL (%s): %s", ro->id, ro->unit,
			     ro->environment, ro->cause, ro->reason);
		else if (ro->state == ROLLOUT_APPLYING && ro->applied_at == r->time &&
			 ro->want == 0)
			line(d, r, "", "%s  %s %.19s into %s", ro->id, ro->unit, ro->image,
			     ro->environment);
		else if (ro->state == ROLLOUT_DONE && ro->ended_at == r->time)
			line(d, r, GREEN, "%s  %s %.19s %s %s", ro->id, ro->unit, ro->image,
			     ro->is_return ? "is back in" : "is live in", ro->environment);
		else if (ro->state == ROLLOUT_ABORTED && ro->ended_at == r->time)
			line(d, r, "", "%s  %s new version stopped in %s", ro->id, ro->unit,
			     ro->environment);
	}
}

static void releases(struct demo *d, const struct record *r)
{
	vec_each(t, &d->model.touched) {
		const struct release *rel =
			t->kind == AGG_RELEASE ? model_release(&d->model, t->id) : NULL;

		if (!rel)
			continue;
		if (rel->staged_at == r->time && rel->state == RELEASE_STAGED) {
			vec_each(q, &rel->gate.requirements)
				line(d, r, streq(q->state, "ok") ? "" : YELLOW,
				     "%s  gate: %s %s: %s", rel->id, q->kind, q->state, q->reason);
		}
		if (rel->gated_at == r->time && rel->gate.record)
			line(d, r, GREEN, "%s  gate passed, decision signed: %.12s", rel->id,
			     rel->gate.record);
		if (rel->ended_at == r->time)
			line(d, r, rel->state == RELEASE_LIVE ? GREEN : RED, "%s  %s%s%s", rel->id,
			     release_state_names[rel->state], rel->reason ? ": " : "",
			     rel->reason ? rel->reason : "");
	}
}

static void incidents(struct demo *d, const struct record *r)
{
	vec_each(t, &d->model.touched) {
		const struct incident *i =
			t->kind == AGG_INCIDENT ? model_incident(&d->model, t->id) : NULL;

		if (i && i->opened_at == r->time)
			line(d, r, YELLOW, "%s  incident opened for %s, runbook %s", i->id, i->unit,
			     i->runbook ? i->runbook : "-");
	}
}

void demo_line(struct demo *d, const struct record *r, const struct event *ev)
{
	if (d->o.json_only)
		return;
	switch (ev->kind) {
	case EV_CHANGE_PLANNED:
		planned(d, r, ev);
		break;
	case EV_CHANGE_REFUSED:
		line(d, r, RED, "refused: %s", ev->error ? ev->error : "-");
		break;
	case EV_CHANGE_REVERTED:
		line(d, r, ev->commit ? GREEN : RED, "%s  %s", ev->release,
		     ev->commit ? "taken back in Git" : ev->error);
		break;
	case EV_JOB_ENDED:
		job_ended(d, r, ev);
		break;
	case EV_FACTS:
		facts(d, r, ev);
		break;
	case EV_WEIGHT_SET:
		weight(d, r, ev);
		break;
	case EV_STARTED:
		if (r->seq > 1)
			line(d, r, YELLOW,
			     "the daemon is back: state restored at record %llu, jobs and services re-attached",
			     (unsigned long long)r->seq);
		break;
	default:
		break;
	}
	rollouts(d, r);
	releases(d, r);
	incidents(d, r);
}
