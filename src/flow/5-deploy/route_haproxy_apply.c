/* Makes HAProxy be as the state says, by its runtime API. */
#include "flow/5-deploy/route_haproxy.h"

#define BATCH 12000 /* bytes of one command: HAProxy's buffer has 16384 */

struct seen {
	char name[SPLIT_NAME];
	uint64_t weight;
	bool maintenance;
};
struct backend {
	VEC(struct seen) list;
};

static void backend_done(struct backend *b)
{
	vec_done(&b->list);
}

static void note(void *ctx, const struct split_stat *row)
{
	struct backend *b = ctx;
	struct seen one = {.weight = row->weight, .maintenance = str_starts(row->status, "MAINT")};

	if (row->server.n >= SPLIT_NAME)
		return;
	memcpy(one.name, row->server.p, row->server.n);
	vec_push(&b->list, one);
}

static enum rc look(struct route_haproxy *h, const struct split_service *s, struct backend *ret,
		    struct err *err)
{
	char *proxy AUTO(freep) = xasprintf("%s:%s", s->environment, s->unit);

	return split_stats(h, proxy, note, ret, err);
}

static const struct seen *seen(const struct backend *b, const char *name)
{
	vec_each(x, &b->list)
		if (streq(x->name, name))
			return x;
	return NULL;
}

/* It begins without traffic; its weight comes with the others'. */
static enum rc add(struct route_haproxy *h, const struct split_service *s,
		   const struct split_server *v, struct err *err)
{
	const char *e = s->environment, *u = s->unit, *i = v->image;

	return split_tell(h, "New server registered.", err,
			  "add server %s:%s/%u.%s %s:%u weight 0 " SPLIT_SERVER "; "
			  "enable server %s:%s/%u.%s; "
			  "enable health %s:%s/%u.%s",
			  e, u, v->index, i, v->address, v->port, e, u, v->index, i, e, u, v->index,
			  i);
}

enum rc split_apply_servers(struct route_haproxy *h, struct split_service *s, struct err *err)
{
	struct backend there AUTO(backend_done) = {0};
	char name[SPLIT_NAME];

	if (look(h, s, &there, err) != RC_OK)
		return err->rc;
	vec_each(v, &s->servers) {
		const struct seen *x;

		split_server_name(v, name);
		x = seen(&there, name);
		if (!x && add(h, s, v, err) != RC_OK)
			return err->rc;
		if (!x)
			v->failed = 0;
		if (x && x->maintenance &&
		    split_tell(h, "", err, "set server %s:%s/%s state ready", s->environment,
			       s->unit, name) != RC_OK)
			return err->rc;
	}
	return RC_OK;
}

static enum rc map_version(struct route_haproxy *h, const struct split_service *s, uint64_t *ret,
			   struct err *err)
{
	struct strbuf got AUTO(strbuf_done) = STRBUF(1 << 16);
	struct str said;

	if (split_askf(h, &got, err, "prepare map maps/%s:%s", s->environment, s->unit) != RC_OK)
		return err->rc;
	said = strbuf_str(&got);
	if (!str_starts(said, "New version created: ") ||
	    !parse_u64((struct str){said.p + 21, said.n - 21}, ret))
		return err_set(err, RC_CONFLICT, "HAProxy answers \"%.120s\" to \"prepare map\"",
			       strbuf_cstr(&got));
	return RC_OK;
}

/* Requests see the old map until the commit, the new one from then on. */
enum rc split_apply_map(struct route_haproxy *h, struct split_service *s, struct err *err)
{
	struct strbuf part AUTO(strbuf_done) = STRBUF(BATCH * 2);
	uint64_t version = 0;

	if (map_version(h, s, &version, err) != RC_OK)
		return err->rc;
	for (uint32_t slot = 0; slot < SPLIT_SLOTS;) {
		strbuf_clear(&part);
		strbuf_addf(&part, "add map @%llu maps/%s:%s <<\n", (unsigned long long)version,
			    s->environment, s->unit);
		while (slot < SPLIT_SLOTS && part.n < BATCH)
			split_map_line(s, slot++, &part);
		if (part.p[part.n - 2] == '<') /* no server has a slot: an empty map */
			break;
		if (split_tell(h, "", err, "%s", strbuf_cstr(&part)) != RC_OK)
			return err_wrap(err, "map of %s", s->unit);
	}
	return split_tell(h, "", err, "commit map @%llu maps/%s:%s", (unsigned long long)version,
			  s->environment, s->unit);
}

enum rc split_apply_weights(struct route_haproxy *h, struct split_service *s, struct err *err)
{
	struct backend there AUTO(backend_done) = {0};
	struct strbuf line AUTO(strbuf_done) = STRBUF(BATCH * 2);
	char name[SPLIT_NAME];

	if (look(h, s, &there, err) != RC_OK)
		return err->rc;
	vec_each(v, &s->servers) {
		const struct seen *x;

		split_server_name(v, name);
		x = seen(&there, name);
		if (x && x->weight != split_weight(s, v))
			strbuf_addf(&line, "%sset server %s:%s/%s weight %u", line.n ? "; " : "",
				    s->environment, s->unit, name, split_weight(s, v));
		if (line.n > BATCH / 2) {
			if (split_tell(h, "", err, "%s", strbuf_cstr(&line)) != RC_OK)
				return err->rc;
			strbuf_clear(&line);
		}
	}
	vec_each(x, &there.list) { /* those that leave */
		bool known = false;

		vec_each(v, &s->servers) {
			split_server_name(v, name);
			known = known || streq(x->name, name);
		}
		if (!known && x->weight && !x->maintenance &&
		    split_tell(h, "", err, "set server %s:%s/%s weight 0", s->environment, s->unit,
			       x->name) != RC_OK)
			return err->rc;
	}
	return line.n ? split_tell(h, "", err, "%s", strbuf_cstr(&line)) : RC_OK;
}

static bool is_leaving(const struct split_service *s, const char *name)
{
	vec_each(l, &s->leaving)
		if (streq(*l, name))
			return true;
	return false;
}

enum rc split_reap(struct route_haproxy *h, struct split_service *s, struct err *err)
{
	struct backend there AUTO(backend_done) = {0};
	struct strbuf got AUTO(strbuf_done) = STRBUF(1 << 16);
	char name[SPLIT_NAME];

	if (look(h, s, &there, err) != RC_OK)
		return err->rc;
	vec_each(x, &there.list) {
		bool known = is_leaving(s, x->name);

		vec_each(v, &s->servers) {
			split_server_name(v, name);
			known = known || streq(x->name, name);
		}
		if (known)
			continue;
		if (split_tell(h, "", err, "set server %s:%s/%s state maint", s->environment,
			       s->unit, x->name) != RC_OK ||
		    split_askf(h, &got, err, "del server %s:%s/%s", s->environment, s->unit,
			       x->name) != RC_OK)
			return err->rc;
		if (!str_is(strbuf_str(&got), "Server deleted.") &&
		    !str_starts(strbuf_str(&got), "Server still has connections"))
			return err_set(err, RC_CONFLICT,
				       "HAProxy answers \"%.120s\" to \"del server\"",
				       strbuf_cstr(&got));
	}
	return RC_OK;
}
