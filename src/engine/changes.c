#include "engine/changes.h"
#include "core/access.h"
#include "core/state.h"

#define SNAPSHOT_MAX ((size_t)64 << 20)
#define VALUE_MAX    ((size_t)1024)
#define CHANGES_MAX  64

static void note(struct before *b, const struct model *m, enum aggregate_kind kind, const char *id)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(SNAPSHOT_MAX);

	if (!id)
		return;
	vec_add(&b->list);
	vec_last(&b->list)->kind = kind;
	vec_last(&b->list)->id = xstrdup(id);
	if (!model_get(m, kind, id))
		return;
	model_snapshot(m, kind, id, &json);
	vec_last(&b->list)->json = strbuf_take(&json);
}

static void note_access(struct before *b, const struct model *m, const struct event *ev)
{
	AUTO(freep) char *id = NULL;

	switch (ev->kind) {
	case EV_USER:
		note(b, m, AGG_USER, ev->id);
		break;
	case EV_TOKEN:
		id = ev->digest ? access_id("tok-", ev->digest) : NULL;
		note(b, m, AGG_TOKEN, id);
		break;
	case EV_TOKEN_END:
		note(b, m, AGG_TOKEN, ev->id);
		break;
	case EV_LOGIN:
		id = ev->digest ? access_id("ses-", ev->digest) : NULL;
		note(b, m, AGG_SESSION, id);
		break;
	case EV_LOGOUT:
		note(b, m, AGG_SESSION, ev->id);
		break;
	case EV_GRANT:
		id = ev->type ? access_grant_id(ev->type, ev->role, ev->environment) : NULL;
		note(b, m, AGG_GRANT, id);
		break;
	case EV_GRANT_END:
		note(b, m, AGG_GRANT, ev->id);
		break;
	default:
		break;
	}
}

void before_take(struct before *b, const struct model *m, const struct event *ev)
{
	struct str kind = str_of(event_kind_names[ev->kind]);

	note_access(b, m, ev);
	if (!str_starts(kind, "person."))
		return;
	note(b, m, AGG_RUN, ev->run);
	note(b, m, AGG_JOB, ev->job);
	note(b, m, AGG_RELEASE, ev->release);
	note(b, m, AGG_ROLLOUT, ev->rollout);
	note(b, m, AGG_ENVIRONMENT, ev->environment);
	note(b, m, AGG_INCIDENT, ev->incident);
	if ((ev->kind == EV_QUEUE_ADD || ev->kind == EV_QUEUE_DEL) && ev->repo && ev->type) {
		AUTO(freep) char *queue = xasprintf("%s:%s", ev->repo, ev->type);

		note(b, m, AGG_QUEUE, queue);
	}
	if (ev->kind == EV_DRAIN)
		note(b, m, AGG_AGENT, ev->id);
	if (ev->kind == EV_QUARANTINE || ev->kind == EV_UNQUARANTINE)
		note(b, m, AGG_PROJECT, "project");
}

/* NULL: not there. */
static char *text_of(const struct json *value)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(SNAPSHOT_MAX);
	struct json_out out = JSON_OUT(&text);

	if (!value)
		return NULL;
	json_write(&out, NULL, value);
	if (text.n <= VALUE_MAX)
		return strbuf_take(&text);
	return xasprintf("\"(%zu bytes)\"", text.n);
}

static void add(struct event *ev, const char *subject, const char *field, const struct json *was,
		const struct json *is)
{
	AUTO(freep) char *before = text_of(was);
	AUTO(freep) char *after = text_of(is);

	if (streq(before, after) || ev->changes.n >= CHANGES_MAX)
		return;
	vec_push(&ev->changes,
		 ((struct field_change){xstrdup(subject), xstrdup(field), before, after}));
	before = after = NULL;
}

static void compare(struct event *ev, const char *id, const struct json *was, const struct json *is)
{
	const struct json *value;
	const char *key;

	for (void *at = NULL; json_next(is, &at, &key, &value);)
		add(ev, id, key, json_get(was, key), value);
	for (void *at = NULL; json_next(was, &at, &key, &value);)
		if (!json_get(is, key))
			add(ev, id, key, value, NULL);
}

void before_compare(struct before *b, const struct model *m, struct event *ev)
{
	vec_each(one, &b->list) {
		AUTO(strbuf_done) struct strbuf now = STRBUF(SNAPSHOT_MAX);
		AUTO(json_freep) struct json *was = NULL, *is = NULL;
		struct err err = {0};

		if (model_get(m, one->kind, one->id))
			model_snapshot(m, one->kind, one->id, &now);
		if (one->json)
			BUG_ON(json_read(str_of(one->json), SNAPSHOT_MAX, &was, &err) != RC_OK);
		if (now.n)
			BUG_ON(json_read(strbuf_str(&now), SNAPSHOT_MAX, &is, &err) != RC_OK);
		if (!streq(one->json, now.n ? strbuf_cstr(&now) : NULL))
			compare(ev, one->id, was, is);
		xfree(one->id);
		xfree(one->json);
	}
	vec_done(&b->list);
}

static struct field_change *state_of(struct event *ev, const char *id)
{
	vec_each(c, &ev->changes)
		if (streq(c->subject, id) && streq(c->field, "state"))
			return c;
	return NULL;
}

static char *quoted(const char *state)
{
	return state ? xasprintf("\"%s\"", state) : NULL;
}

void changes_add_moves(const struct model *m, struct event *ev)
{
	vec_each(move, &m->moves) {
		const char *is = model_state(m, move->kind, move->id);
		struct field_change *said = state_of(ev, move->id);

		if (!is || streq(is, move->from))
			continue;
		if (said) { /* a snapshot leaves out the first state of all */
			said->before = said->before ? said->before : quoted(move->from);
			said->after = said->after ? said->after : quoted(is);
		} else if (ev->changes.n < CHANGES_MAX) {
			bool stage = move->kind == AGG_ENVIRONMENT;

			vec_push(&ev->changes,
				 ((struct field_change){xstrdup(move->id),
							xstrdup(stage ? "stage" : "state"),
							quoted(move->from), quoted(is)}));
		}
	}
}
