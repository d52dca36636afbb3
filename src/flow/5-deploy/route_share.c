/* Who gets how much, and which servers there are. Pure. */
#include "flow/5-deploy/names.h"
#include "flow/5-deploy/route_haproxy.h"
#include <arpa/inet.h>

static struct split_image *image_of(struct split_service *s, const char *image)
{
	vec_each(i, &s->images)
		if (streq(i->image, image))
			return i;
	return NULL;
}

/* 1: a server of the ordered version; 0: of the rest; -1: gets nothing. */
static int side(struct split_service *s, const struct split_server *v)
{
	const struct split_image *i = image_of(s, v->image);

	if (!v->ready || !i || !s->image)
		return -1;
	if (streq(v->image, s->image))
		return s->share > 0 ? 1 : -1;
	return i->role == SPLIT_IN ? 0 : -1;
}

/* slots over the servers of one side, as even as can be; the lower ones get what is left over. */
static void deal(struct split_service *s, int which, uint32_t slots, uint32_t servers)
{
	uint32_t nth = 0;

	vec_each(v, &s->servers)
		if (side(s, v) == which) {
			v->slots = slots / servers + (nth < slots % servers ? 1 : 0);
			nth++;
		}
}

void split_share(struct split_service *s)
{
	uint32_t n[2] = {0, 0}, mine;

	vec_each(v, &s->servers) {
		int w = side(s, v);

		v->slots = 0;
		if (w >= 0)
			n[w]++;
	}
	mine = (uint32_t)(s->share * SPLIT_SLOTS + 0.5);
	if (s->share > 0 && mine == 0)
		mine = 1;
	if (s->share < 1 && mine == SPLIT_SLOTS)
		mine = SPLIT_SLOTS - 1;
	/* One side without servers: better the other version than no answer, unless 0 or 1 was
	 * ordered. */
	if (n[1] == 0 && s->share < 1)
		mine = 0;
	else if (n[0] == 0 && s->share > 0)
		mine = SPLIT_SLOTS;
	if (n[1])
		deal(s, 1, mine, n[1]);
	if (n[0])
		deal(s, 0, SPLIT_SLOTS - mine, n[0]);
}

void split_ordered(struct split_service *s, const char *image, double share)
{
	struct split_image *mine = image_of(s, image);

	vec_each(i, &s->images)
		if (i->role == SPLIT_NEW)
			i->role = SPLIT_IN;
	if (!mine) {
		vec_add(&s->images);
		mine = vec_last(&s->images);
		mine->image = xstrdup(image);
	}
	mine->role = share > 0 ? SPLIT_IN : SPLIT_OUT;
	if (!streq(s->image, image)) {
		xfree(s->image);
		s->image = xstrdup(image);
	}
	s->share = share;
	split_share(s);
}

/* Only for requests that must be sent again: in proportion to the slots, and 0 for those that
 * have none. */
uint32_t split_weight(const struct split_service *s, const struct split_server *v)
{
	uint32_t most = 1, w;

	vec_each(o, &s->servers)
		most = MAX_OF(most, o->slots);
	w = (v->slots * 256 + most / 2) / most;
	return v->slots == 0 ? 0 : MAX_OF(w, 1u);
}

void split_texts_done(texts *t)
{
	vec_each(x, t)
		xfree(*x);
	vec_done(t);
}

void split_state_done(struct split_state *st)
{
	vec_each(s, &st->services)
		split_texts_done(&s->leaving);
	shape_done(&shape_split_state, st);
}

bool split_image_ok(const char *s)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:";

	return s && *s && strlen(s) <= 160 && s[strspn(s, good)] == '\0';
}

enum rc split_names_ok(const char *environment, const char *unit, struct err *err)
{
	if (!deploy_name_ok(environment))
		return err_set(
			err, RC_INVALID,
			"\"%.100s\" is no name of an environment that the splitter can carry "
			"(letters, digits, _ - . and at most 100)",
			environment ? environment : "");
	if (!deploy_name_ok(unit))
		return err_set(err, RC_INVALID,
			       "\"%.100s\" is no name of a service that the splitter can carry "
			       "(letters, digits, _ - . and at most 100)",
			       unit ? unit : "");
	return RC_OK;
}

enum rc split_list_ok(const struct route_server *v, size_t n, struct err *err)
{
	struct in_addr a;

	for (size_t i = 0; i < n; i++) {
		if (!split_image_ok(v[i].image))
			return err_set(err, RC_INVALID,
				       "\"%.100s\" is no image that the splitter can carry",
				       v[i].image ? v[i].image : "");
		if (!v[i].address || inet_pton(AF_INET, v[i].address, &a) != 1 || v[i].port == 0 ||
		    v[i].port > 65535)
			return err_set(err, RC_INVALID, "replica %u has no address: %.60s:%u",
				       v[i].index, v[i].address ? v[i].address : "", v[i].port);
		for (size_t k = 0; k < i; k++)
			if (v[k].index == v[i].index && streq(v[k].image, v[i].image))
				return err_set(err, RC_INVALID,
					       "replica %u of %.100s is there twice", v[i].index,
					       v[i].image);
	}
	return RC_OK;
}

static struct split_server *server_of(struct split_service *s, const char *image, uint32_t index)
{
	vec_each(v, &s->servers)
		if (v->index == index && streq(v->image, image))
			return v;
	return NULL;
}

static void server_done(struct split_server *v)
{
	xfree(v->image);
	xfree(v->address);
}

/* Takes the list over; what leaves is noted by name. Servers that moved to another port leave
 * first, and come back in another call. */
static bool take_list(struct split_service *s, const struct route_server *list, size_t n,
		      bool *ret_moved)
{
	__typeof__(s->servers) next = {0};
	bool changed = false;

	*ret_moved = false;
	for (size_t i = 0; i < n; i++) {
		const struct route_server *w = &list[i];
		struct split_server *old = server_of(s, w->image, w->index), one;

		if (old && (old->port != w->port || !streq(old->address, w->address))) {
			*ret_moved = changed = true;
			continue;
		}
		one = (struct split_server){.image = xstrdup(w->image),
					    .index = w->index,
					    .address = xstrdup(w->address),
					    .port = w->port,
					    .ready = w->ready,
					    .failed = old ? old->failed : 0};
		changed = changed || !old || old->ready != w->ready;
		vec_push(&next, one);
	}
	changed = changed || next.n != s->servers.n;
	vec_each(v, &s->servers) {
		bool stays = false;
		char name[SPLIT_NAME];

		vec_each(o, &next)
			stays = stays || (o->index == v->index && streq(o->image, v->image));
		split_server_name(v, name);
		if (!stays)
			vec_push(&s->leaving, xstrdup(name));
		server_done(v);
	}
	vec_done(&s->servers);
	memcpy(&s->servers, &next, sizeof(next));
	return changed;
}

/* Images whose last server went are forgotten: when one comes back it waits for its set() again. */
static void take_images(struct split_service *s)
{
	for (size_t i = s->images.n; i-- > 0;) {
		bool used = streq(s->images.v[i].image, s->image);

		vec_each(v, &s->servers)
			used = used || streq(v->image, s->images.v[i].image);
		if (!used) {
			xfree(s->images.v[i].image);
			vec_remove(&s->images, i);
		}
	}
	vec_each(v, &s->servers) {
		bool known = false;

		vec_each(i, &s->images)
			known = known || streq(i->image, v->image);
		if (!known) {
			vec_add(&s->images);
			*vec_last(&s->images) = (struct split_image){xstrdup(v->image), SPLIT_NEW};
		}
	}
}

bool split_take(struct split_service *s, const struct route_server *list, size_t n, bool *ret_moved)
{
	bool changed = take_list(s, list, n, ret_moved);

	take_images(s);
	split_share(s);
	return changed;
}
