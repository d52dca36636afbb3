/*
 * ?search=TEXT or /ERE/: lines of a log, looked for piece by piece on a worker, so that a log of any length holds nobody up. Escape sequences do not
 * take part in the comparison.
 */
#include "api/log_impl.h"

#include <regex.h>

#define MATCHES     1000
#define PATTERN_MAX 256
#define REPEATS_MAX 1000 /* what a pattern's {m,n} may multiply to */
#define BYTES_MAX   ((size_t)4 << 20)

struct pattern {
	char *text; /* plain */
	size_t n;
	bool fold, is_regex;
	regex_t regex;
};

struct search {
	struct call *call;
	struct log_job job;
	struct log_source source;
	struct log_marks marks;
	struct log_view view; /* its step */
	struct pattern pattern;
	struct strbuf piece, line, bare, out;
	struct json_out json;
	uint64_t at, line_at, n, matches;
	bool open, cut, end, truncated;
	enum rc rc;
	struct err err;
};

/* What makes the library's automaton big, or its matching slow, is refused. */
static const char *check_pattern(const char *p)
{
	uint64_t product = 1;

	for (; *p; p++) {
		if (*p == '\\' && p[1]) {
			if (p[1] >= '1' && p[1] <= '9')
				return "it refers back";
			p++;
		} else if (*p == '{') {
			uint64_t most = 0, n = 0;
			for (p++; *p && *p != '}'; p++) {
				n = *p >= '0' && *p <= '9' ? n * 10 + (uint64_t)(*p - '0') : 0;
				most = MAX_OF(most, MIN_OF(n, (uint64_t)REPEATS_MAX + 1));
			}
			product *= MAX_OF(most, (uint64_t)1);
			if (product > REPEATS_MAX)
				return "it repeats too often";
			if (!*p)
				break;
		}
	}
	return NULL;
}

static enum rc pattern_make(struct pattern *p, const char *text, struct err *err)
{
	size_t n = strlen(text);
	const char *end = n > 1 && *text == '/' ? strrchr(text + 1, '/') : NULL;

	if (!n || n > PATTERN_MAX)
		return err_set(err, RC_INVALID, "?search= takes 1 to %d bytes", PATTERN_MAX);
	p->is_regex = end && (!end[1] || streq(end, "/i"));
	if (!p->is_regex) {
		p->text = xstrdup(text);
		p->n = n;
		return RC_OK;
	}
	AUTO(freep) char *body = xstrndup(text + 1, (size_t)(end - text - 1));
	const char *why = check_pattern(body);
	if (why)
		return err_set(err, RC_INVALID, "the expression %s cannot be used: %s", text, why);
	int code = regcomp(&p->regex, body, REG_EXTENDED | REG_NOSUB | (end[1] ? REG_ICASE : 0));
	if (code) {
		char said[200];
		regerror(code, &p->regex, said, sizeof(said));
		p->is_regex = false;
		return err_set(err, RC_INVALID, "the expression %s: %s", text, said);
	}
	return RC_OK;
}

static void pattern_done(struct pattern *p)
{
	if (p->is_regex)
		regfree(&p->regex);
	xfree(p->text);
}

static bool matches(const struct pattern *p, struct str line)
{
	regmatch_t where = {0, (regoff_t)line.n};

	if (!p->is_regex)
		return memmem(line.p, line.n, p->text, p->n) != NULL;
	return regexec(&p->regex, line.p ? line.p : "", 1, &where, REG_STARTEND) == 0;
}

/* Most lines hold no escape sequence, and need no copy. */
static struct str bare_of(struct search *s, struct str line)
{
	if (!memchr(line.p, '\033', line.n))
		return line;
	strbuf_clear(&s->bare);
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] != '\033') {
			strbuf_addc(&s->bare, line.p[i]);
			continue;
		}
		if (i + 1 < line.n && line.p[i + 1] == '[')
			for (i += 2; i < line.n && ((unsigned char)line.p[i] < 0x40 ||
						    (unsigned char)line.p[i] > 0x7e);)
				i++;
		else
			i++;
	}
	return strbuf_str(&s->bare);
}

static void one_line(struct search *s, struct str line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (!log_view_has_step(&s->view, &s->marks, s->line_at) ||
	    !matches(&s->pattern, bare_of(s, line)))
		return;
	log_line_json(&s->json, &s->marks, s->line_at, s->n, line, s->cut);
	s->truncated = ++s->matches >= MATCHES || s->out.n > BYTES_MAX;
}

/* Whole lines are taken where they lie; what is cut by the piece's edge is put together in `line`. */
static void take(struct search *s, struct str bytes)
{
	while (bytes.n && !s->truncated) {
		const char *end = memchr(bytes.p, '\n', bytes.n);
		size_t n = end ? (size_t)(end - bytes.p) : bytes.n;
		if (!end || s->line.n || n > LOG_LINE) {
			size_t room = LOG_LINE - s->line.n;
			strbuf_add(&s->line, bytes.p, MIN_OF(n, room));
			s->cut |= n > room;
		}
		s->at += n + (end != NULL);
		if (!end)
			return;
		one_line(s, s->line.n ? strbuf_str(&s->line) : (struct str){bytes.p, n});
		strbuf_clear(&s->line);
		s->cut = false;
		s->n++;
		s->line_at = s->at;
		bytes.p += n + 1;
		bytes.n -= n + 1;
	}
}

static void look(void *arg)
{
	struct search *s = arg;
	AUTO(strbuf_done) struct strbuf marks = STRBUF(LOGFILE_INDEX_MAX);

	if (!s->open) {
		s->rc = log_source_open(&s->source, &s->err);
		s->open = s->rc == RC_OK;
	}
	for (int i = 0; i < 16 && s->rc == RC_OK && !s->end && !s->truncated; i++) {
		strbuf_clear(&s->piece);
		s->rc = log_source_read(&s->source, s->at, LOG_PIECE, &s->piece, &s->err);
		strbuf_clear(&marks);
		log_source_marks(&s->source, &marks);
		log_marks_add(&s->marks, strbuf_str(&marks));
		s->end = !s->piece.n;
		take(s, strbuf_str(&s->piece));
	}
	if (s->rc == RC_OK && s->end && s->line.n)
		one_line(s, strbuf_str(&s->line));
}

static void search_free(void *data)
{
	struct search *s = data;

	log_source_close(&s->source);
	log_job_done(&s->job);
	log_marks_done(&s->marks);
	log_view_done(&s->view);
	pattern_done(&s->pattern);
	strbuf_done(&s->piece);
	strbuf_done(&s->line);
	strbuf_done(&s->bare);
	strbuf_done(&s->out);
	xfree(s);
}

static void looked(void *arg)
{
	struct search *s = arg;

	if (s->rc != RC_OK) {
		call_fail(s->call, &s->err);
	} else if (!s->end && !s->truncated) {
		runner_work(s->call->api->runner, log_lane(s->job.id), look, looked, s);
	} else {
		json_unlist(&s->json);
		json_u64(&s->json, "lines", s->n - 1);
		json_bool(&s->json, "truncated", s->truncated);
		json_close(&s->json);
		call_json(s->call, 200, &s->out);
	}
}

enum rc log_search_bytes(const char *text, struct str log, size_t piece, struct strbuf *ret,
			 struct err *err)
{
	struct search *s = xcalloc(1, sizeof(*s));

	*s = (struct search){.n = 1,
			     .line = STRBUF(LOG_LINE),
			     .bare = STRBUF(LOG_LINE),
			     .out = STRBUF(TEXT_MAX)};
	enum rc rc = pattern_make(&s->pattern, text, err);
	s->json = JSON_OUT(&s->out);
	json_list(&s->json, NULL);
	for (size_t i = 0; rc == RC_OK && i < log.n; i += piece)
		take(s, (struct str){log.p + i, MIN_OF(piece, log.n - i)});
	if (rc == RC_OK && s->line.n)
		one_line(s, strbuf_str(&s->line));
	json_unlist(&s->json);
	if (rc == RC_OK)
		strbuf_addstr(ret, strbuf_str(&s->out));
	search_free(s);
	return rc;
}

void log_search(struct call *c, const char *text)
{
	struct search *s = xcalloc(1, sizeof(*s));
	const char *step = request_query(c->r, "step");
	const struct job *job = model_job(engine_model(c->api->e), c->arg[0]);
	struct err err = {0};

	*s = (struct search){.call = c,
			     .n = 1,
			     .piece = STRBUF(LOG_PIECE + 1),
			     .line = STRBUF(LOG_LINE),
			     .bare = STRBUF(LOG_LINE),
			     .out = STRBUF(TEXT_MAX)};
	c->data = s;
	c->free_data = search_free;
	s->job.id = xstrdup(c->arg[0]);
	if (job)
		log_job_learn(&s->job, job);
	s->source = (struct log_source){.w = engine_world(c->api->e), .job = &s->job};
	s->view.step = step && *step ? xstrdup(step) : NULL;
	if (pattern_make(&s->pattern, text, &err) != RC_OK) {
		call_fail(c, &err);
		return;
	}
	s->json = JSON_OUT(&s->out);
	json_open(&s->json, NULL);
	json_list(&s->json, "matches");
	runner_work(c->api->runner, log_lane(s->job.id), look, looked, s);
}
