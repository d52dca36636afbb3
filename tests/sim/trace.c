/* What happened, for people: one line each, the last ones kept. */
#include "sim.h"
#include <stdarg.h>
#include <stdio.h>

static void keep_line(struct sim *s, char *line)
{
	if (s->o.trace)
		(void)!puts(line);
	char **slot = &s->lines[s->n_lines++ % TRACE_KEEP];
	xfree(*slot);
	*slot = line;
}

static void say(struct sim *s, usec_t at, const char *what, const char *text)
{
	usec_t since = at - SIM_BEGIN;

	keep_line(s, xasprintf("[%4llu.%03llu] %s%s", (unsigned long long)(since / USEC_SEC),
			       (unsigned long long)(since % USEC_SEC / USEC_MS), what, text));
}

void sim_say(struct sim *s, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(8192);
	va_list ap;

	if (!s->o.trace && !s->o.keep_trace)
		return;
	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\n')
			text.p[i] = ' ';
	say(s, sim_now(s), "  ", strbuf_cstr(&text));
}

static void add_states(const struct sim *s, struct strbuf *b)
{
	const struct model *m = mirror_model(s);

	vec_each(t, &m->touched) {
		const struct job *job = t->kind == AGG_JOB ? model_job(m, t->id) : NULL;
		const struct rollout *ro = t->kind == AGG_ROLLOUT ? model_rollout(m, t->id) : NULL;
		const struct release *r = t->kind == AGG_RELEASE ? model_release(m, t->id) : NULL;
		const struct run *run = t->kind == AGG_RUN ? model_run(m, t->id) : NULL;

		if (job)
			strbuf_addf(b, "; %s %s", t->id, job_state_names[job->state]);
		else if (ro)
			strbuf_addf(b, "; %s(%s/%s) %s step %u w %g/%g ready %u/%u %s", t->id,
				    ro->environment, ro->unit, rollout_state_names[ro->state],
				    ro->step, ro->weight, ro->confirmed, ro->ready, ro->want,
				    ro->numbers.answer ? ro->numbers.answer : "");
		else if (r)
			strbuf_addf(b, "; %s %s%s%s", t->id, release_state_names[r->state],
				    r->reason ? ": " : "", r->reason ? r->reason : "");
		else if (run)
			strbuf_addf(b, "; %s %s", t->id, run_state_names[run->state]);
		else if (t->kind != AGG_PROJECT && t->kind != AGG_CONFIG)
			strbuf_addf(b, "; %s", t->id);
	}
}

void sim_trace_record(struct sim *s, const struct record *r, const struct event *ev,
		      const struct effects *out)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(65536);

	if (!s->o.trace && !s->o.keep_trace)
		return;
	strbuf_addf(&b, "%llu %.*s %.*s", (unsigned long long)r->seq, (int)r->type.n, r->type.p,
		    (int)r->subject.n, r->subject.p);
	if (!str_is(r->actor, "engine"))
		strbuf_addf(&b, " by %.*s", (int)r->actor.n, r->actor.p);
	if (ev->effect)
		strbuf_addf(&b, " (%s)", ev->effect);
	if (ev->kind == EV_REPLICA)
		strbuf_addf(&b, " %s/%s %.15s #%u %s restarts %u probes %u ready %u",
			    ev->environment, ev->unit, ev->image, ev->index,
			    replica_state_names[ev->replica], ev->count, ev->probes, ev->ready);
	if (ev->kind == EV_WEIGHT_SET)
		strbuf_addf(&b, " %g", ev->weight);
	if (ev->text && ev->kind != EV_HISTORY)
		strbuf_addf(&b, " \"%.160s\"", ev->text);
	if (ev->error)
		strbuf_addf(&b, " error: %.200s", ev->error);
	add_states(s, &b);
	vec_each(f, &out->list) {
		strbuf_addf(&b, " -> %s", effect_kind_names[f->kind]);
		if (f->kind == EF_SET_WEIGHT)
			strbuf_addf(&b, " %g", f->weight);
	}
	say(s, r->time, "", strbuf_cstr(&b));
}

void sim_trace_print(const struct sim *s)
{
	size_t from = s->n_lines > 200 ? s->n_lines - 200 : 0;

	for (size_t i = from; i < s->n_lines; i++)
		printf("# %s\n", s->lines[i % TRACE_KEEP]);
}

void sim_trace_done(struct sim *s)
{
	for (size_t i = 0; i < TRACE_KEEP; i++)
		xfree(s->lines[i]);
}
