/*
 * Jobs that run nowhere. The command is read line by line, of the shell only this: `echo WORDS [>
 * FILE]` with $NAME, `sleep SECONDS`, `exit CODE`, `true`, `false`; any other line does nothing
 * and succeeds. What a job has done so far is a function of the time since its start, so nothing
 * needs to happen in between.
 */
#include "base/map.h"
#include "base/mask.h"
#include "base/mem.h"
#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MAX ((size_t)64 << 20)

struct fake_job {
	char *job, *run, *junit;
	uint32_t attempt;
	texts finally, outputs;
	pairs env;
	uint64_t timeout;
	usec_t begin, begin_wall, cancelled; /* monotonic; cancelled: 0 when not */
	struct mask *mask;
};
struct fake {
	struct exec base;
	pthread_mutex_t lock; /* the port is called from workers and from the loop */
	struct map jobs;      /* id -> struct fake_job * */
};
/* What a job has done until a moment. */
struct play {
	const struct fake_job *job;
	struct strbuf log;
	const char *dir; /* files are written below it; NULL: not */
	usec_t at;       /* time spent by the commands so far */
	bool ended;
	int64_t code;
	enum failure failure;
};

static struct fake *of(struct exec *x)
{
	return container_of(x, struct fake, base);
}

static void job_free(struct fake_job *j)
{
	xfree(j->job);
	xfree(j->run);
	xfree(j->junit);
	for (size_t i = 0; i < j->finally.n; i++)
		xfree(j->finally.v[i]);
	for (size_t i = 0; i < j->outputs.n; i++)
		xfree(j->outputs.v[i]);
	for (size_t i = 0; i < j->env.n; i++) {
		xfree(j->env.v[i].key);
		xfree(j->env.v[i].value);
	}
	vec_done(&j->finally);
	vec_done(&j->outputs);
	vec_done(&j->env);
	mask_free(j->mask);
	xfree(j);
}

static struct fake_job *take(struct fake *f, const char *job)
{
	return map_get(&f->jobs, str_of(job));
}

static void expand(const struct fake_job *j, struct str text, struct strbuf *to)
{
	while (text.n) {
		size_t n = 1;
		if (*text.p == '$') {
			while (n < text.n &&
			       (text.p[n] == '_' || (text.p[n] >= '0' && text.p[n] <= '9') ||
				((text.p[n] | 32) >= 'a' && (text.p[n] | 32) <= 'z')))
				n++;
			for (size_t i = j->env.n; i-- > 0;)
				if (str_is((struct str){text.p + 1, n - 1}, j->env.v[i].key)) {
					strbuf_adds(to, j->env.v[i].value);
					break;
				}
		} else if (*text.p != '"' && *text.p != '\'') {
			strbuf_addc(to, *text.p);
		}
		text.p += n;
		text.n -= n;
	}
}

static void say(struct play *p, struct str words)
{
	AUTO(strbuf_done) struct strbuf line = STRBUF(LOG_MAX);
	const char *arrow = memchr(words.p, '>', words.n);
	struct str text = words, file = {NULL, 0};

	if (arrow) {
		text = str_trim((struct str){words.p, (size_t)(arrow - words.p)});
		file = str_trim((struct str){arrow + 1, (size_t)(words.p + words.n - arrow - 1)});
	}
	expand(p->job, text, &line);
	strbuf_addc(&line, '\n');
	if (!file.n) {
		mask_text(p->job->mask, &line);
		strbuf_addstr(&p->log, strbuf_str(&line));
	} else if (p->dir) {
		AUTO(freep) char *path = xasprintf("%s/%.*s", p->dir, (int)file.n, file.p);
		AUTO(freep) char *above = xstrdup(path);
		*strrchr(above, '/') = '\0';
		struct err err = {0};
		if (dir_make(above, 0700, &err) == RC_OK)
			(void)!file_write_fast(path, strbuf_str(&line), 0644, &err);
	}
}

/* Play a command until `until`. True when it came to its end by then. */
static bool play(struct play *p, const char *command, usec_t until)
{
	struct str rest = str_of(command);

	p->code = 0;
	while (rest.p) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		struct str words = line, verb = str_cut(&words, ' ');
		double seconds = 0;
		if (str_is(verb, "echo")) {
			say(p, words.p ? words : STR(""));
		} else if (str_is(verb, "sleep") && words.p &&
			   parse_double(str_trim(words), &seconds)) {
			p->at += (usec_t)(seconds * 1e6);
			if (p->at > until)
				return false;
		} else if (str_is(verb, "false")) {
			p->code = 1;
			return true;
		} else if (str_is(verb, "exit")) {
			(void)!(words.p && parse_i64(str_trim(words), &p->code));
			return true;
		}
	}
	return true;
}

static void play_all(struct play *p, usec_t now)
{
	const struct fake_job *j = p->job;
	usec_t until = now - j->begin;
	bool timeout = j->timeout && until >= j->timeout;

	p->log = STRBUF(LOG_MAX);
	if (timeout)
		until = j->timeout;
	if (j->cancelled && j->cancelled - j->begin <= until) {
		until = j->cancelled - j->begin;
		timeout = false;
	}
	p->ended = play(p, j->run, until);
	if (p->ended) {
		p->failure = p->code ? FAILURE_EXIT : FAILURE_NONE;
	} else if (timeout || j->cancelled) {
		p->ended = true;
		p->code = 143;
		p->at = until;
		p->failure = timeout ? FAILURE_TIMEOUT : FAILURE_CANCELLED;
	}
	int64_t code = p->code;
	usec_t at = p->at;
	for (size_t i = 0; p->ended && i < j->finally.n; i++)
		play(p, j->finally.v[i], USEC_NEVER);
	p->code = code;
	p->at = at;
}

static enum rc fill_secrets(struct fake_job *j, const struct job_spec *spec,
			    const struct exec_inputs *in, struct err *err)
{
	enum rc rc = RC_OK;

	j->mask = mask_new();
	for (size_t i = 0; i < spec->def.secrets.n && rc == RC_OK; i++) {
		const struct pair *p = &spec->def.secrets.v[i];
		struct strbuf value = STRBUF((size_t)64 << 10);
		rc = in->secret(in->ctx, p->value, &value, err);
		if (rc == RC_OK)
			rc = mask_add(j->mask, strbuf_str(&value), err);
		if (rc == RC_OK) {
			struct pair kept = {xstrdup(p->key), xstrdup(strbuf_cstr(&value))};
			vec_push(&j->env, kept);
		}
		strbuf_done(&value);
	}
	mask_seal(j->mask);
	return rc;
}

static void copy_texts(texts *to, const texts *from)
{
	for (size_t i = 0; i < from->n; i++) {
		char *s = xstrdup(from->v[i]);
		vec_push(to, s);
	}
}

static void copy_pairs(pairs *to, const pairs *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct pair p = {xstrdup(from->v[i].key),
				 xstrdup(from->v[i].value ? from->v[i].value : "")};
		vec_push(to, p);
	}
}

static enum rc fake_start(struct exec *x, const struct job_spec *spec, const struct exec_inputs *in,
			  struct err *err)
{
	struct fake *f = of(x);
	struct fake_job *j = xcalloc(1, sizeof(*j));

	j->job = xstrdup(spec->job);
	j->run = xstrdup(spec->def.run ? spec->def.run : "");
	j->attempt = spec->attempt;
	j->timeout = spec->def.timeout;
	copy_texts(&j->finally, &spec->def.finally);
	copy_texts(&j->outputs, &spec->def.outputs);
	copy_pairs(&j->env, &spec->def.env);
	copy_pairs(&j->env, &spec->env);
	j->begin = clock_mono();
	j->begin_wall = clock_wall();
	enum rc rc = fill_secrets(j, spec, in, err);
	if (rc != RC_OK) {
		job_free(j);
		return rc;
	}
	pthread_mutex_lock(&f->lock);
	struct fake_job *old = take(f, spec->job);
	if (!old || old->attempt != spec->attempt) {
		old = map_put(&f->jobs, str_of(spec->job), j);
		j = NULL;
	} else {
		old = NULL;
	}
	pthread_mutex_unlock(&f->lock);
	if (old)
		job_free(old);
	if (j)
		job_free(j);
	return RC_OK;
}

static enum rc fake_cancel(struct exec *x, const char *job, struct err *err)
{
	struct fake *f = of(x);

	(void)err;
	pthread_mutex_lock(&f->lock);
	struct fake_job *j = take(f, job);
	if (j && !j->cancelled)
		j->cancelled = clock_mono();
	pthread_mutex_unlock(&f->lock);
	return RC_OK;
}

static int fake_fd(struct exec *x)
{
	(void)x;
	return -1;
}

static enum rc fake_poll(struct exec *x, void (*each)(void *ctx, const struct exec_seen *seen),
			 void *ctx, struct err *err)
{
	struct fake *f = of(x);
	VEC(struct exec_seen) all = {0};
	usec_t now = clock_mono();

	(void)err;
	pthread_mutex_lock(&f->lock);
	for (struct map_entry *e = NULL; (e = map_next(&f->jobs, e));) {
		struct play p = {.job = e->value};
		play_all(&p, now);
		struct exec_seen seen = {xstrdup(p.job->job), p.job->attempt, !p.ended};
		vec_push(&all, seen);
		strbuf_done(&p.log);
	}
	pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < all.n; i++) { /* unlocked: each() may call back */
		char *job = xstrdup(all.v[i].job);
		each(ctx, &all.v[i]);
		xfree(job);
	}
	for (size_t i = 0; i < all.n; i++) {
		union {
			const char *in;
			char *out;
		} u = {.in = all.v[i].job};
		xfree(u.out);
	}
	vec_done(&all);
	return RC_OK;
}

static const char *failure_text(const struct play *p)
{
	switch (p->failure) {
	case FAILURE_TIMEOUT:
		return "it did not end within its time";
	case FAILURE_CANCELLED:
		return "cancelled";
	case FAILURE_NONE:
	case FAILURE_EXIT:
	case FAILURE_OOM:
	case FAILURE_INFRA:
	case FAILURE_OUTPUT:
		break;
	}
	return NULL;
}

static enum rc keep(struct play *p, const struct exec_inputs *in, struct exec_end *end,
		    struct err *err)
{
	AUTO(freep) char *path = xasprintf("%s.log", p->dir);
	struct err here = {0};

	enum rc rc = file_write_fast(path, strbuf_str(&p->log), 0600, err);
	if (rc == RC_OK)
		rc = in->keep_file(in->ctx, path, &end->log, err);
	unlink(path);
	if (rc != RC_OK || p->failure != FAILURE_NONE || !p->job->outputs.n)
		return rc;
	rc = in->keep_outputs(in->ctx, p->dir, &p->job->outputs, &end->outputs, &here);
	if (rc == RC_NOT_FOUND || rc == RC_INVALID || rc == RC_TOO_BIG) {
		end->failure = FAILURE_OUTPUT;
		end->error = xstrdup(here.msg);
		return RC_OK;
	}
	return rc == RC_OK ? rc : err_set(err, rc, "%s", here.msg);
}

static enum rc collect(const struct fake_job *j, const struct exec_inputs *in, struct exec_end *ret,
		       struct err *err)
{
	char dir[] = "/tmp/penstock-fake-XXXXXX";
	struct play p = {.job = j};
	struct exec_end end = {0};

	if (!mkdtemp(dir))
		return err_errno(err, errno, "mkdtemp");
	p.dir = dir;
	play_all(&p, clock_mono());
	const char *why = failure_text(&p);
	end = (struct exec_end){
		.job = xstrdup(j->job),
		.attempt = j->attempt,
		.exit = p.code,
		.failure = p.failure,
		.started_at = j->begin_wall,
		.ended_at = j->begin_wall + p.at,
	};
	if (p.failure == FAILURE_EXIT)
		end.error = xasprintf("exit %lld", (long long)p.code);
	else if (why)
		end.error = xstrdup(why);
	enum rc rc = p.ended ? keep(&p, in, &end, err)
			     : err_set(err, RC_CONFLICT, "job %s has not ended", j->job);
	(void)!tree_remove(dir, NULL);
	strbuf_done(&p.log);
	if (rc == RC_OK)
		*ret = end;
	else
		exec_end_done(&end);
	return rc;
}

static enum rc fake_collect(struct exec *x, const char *job, const struct exec_inputs *in,
			    struct exec_end *ret, struct err *err)
{
	struct fake *f = of(x);

	pthread_mutex_lock(&f->lock);
	struct fake_job *j = take(f, job);
	enum rc rc = j ? collect(j, in, ret, err)
		       : err_set(err, RC_NOT_FOUND, "there is no job %s here", job);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static enum rc fake_forget(struct exec *x, const char *job, struct err *err)
{
	struct fake *f = of(x);

	(void)err;
	pthread_mutex_lock(&f->lock);
	struct fake_job *j = map_del(&f->jobs, str_of(job));
	pthread_mutex_unlock(&f->lock);
	if (j)
		job_free(j);
	return RC_OK;
}

static enum rc fake_log(struct exec *x, const char *job, uint64_t from, size_t max,
			struct strbuf *ret, bool *ret_ended, struct err *err)
{
	struct fake *f = of(x);
	enum rc rc = RC_OK;

	pthread_mutex_lock(&f->lock);
	struct fake_job *j = take(f, job);
	if (j) {
		struct play p = {.job = j};
		play_all(&p, clock_mono());
		size_t at = (size_t)MIN_OF(from, (uint64_t)p.log.n), n = MIN_OF(max, p.log.n - at);
		if (n)
			strbuf_add(ret, p.log.p + at, n);
		*ret_ended = p.ended && at + n == p.log.n;
		strbuf_done(&p.log);
	} else {
		rc = err_set(err, RC_NOT_FOUND, "there is no job %s here", job);
	}
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static void fake_free(struct exec *x)
{
	struct fake *f = of(x);

	for (struct map_entry *e = NULL; (e = map_next(&f->jobs, e));)
		job_free(e->value);
	map_done(&f->jobs);
	pthread_mutex_destroy(&f->lock);
	xfree(f);
}

static const struct exec_ops ops = {"fake",    fake_start,   fake_cancel, fake_fd,
				    fake_poll, fake_collect, fake_forget, fake_log,
				    fake_free, exec_no_marks};

struct exec *exec_fake_new(void)
{
	struct fake *f = xcalloc(1, sizeof(*f));

	f->base.ops = &ops;
	pthread_mutex_init(&f->lock, NULL);
	return &f->base;
}
