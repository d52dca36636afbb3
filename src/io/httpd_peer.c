/* Who asks: the kernel's word on the unix socket, a token elsewhere. */
#include "io/httpd_impl.h"

#include <grp.h>
#include <pwd.h>

#include "io/clock.h"

#define PEER_KEPT (60 * USEC_SEC)

static void copy_groups(names *to, const names *from)
{
	vec_each(name, from)
		vec_push(to, xstrdup(*name));
}

static void drop_groups(names *groups)
{
	vec_each(name, groups)
		xfree(*name);
	vec_done(groups);
}

static void ask_groups(struct peer *p, const struct passwd *user)
{
	gid_t ids[PEER_GROUPS];
	int n = PEER_GROUPS;

	if (getgrouplist(user->pw_name, user->pw_gid, ids, &n) < 0)
		n = PEER_GROUPS; /* more than that: the first ones count */
	for (int i = 0; i < n; i++) {
		const struct group *group = getgrgid(ids[i]);

		if (group)
			vec_push(&p->groups, xstrdup(group->gr_name));
	}
}

/* The user database may change while we run: asked again after a while. */
static const struct peer *peer_get(struct httpd *h, uid_t uid)
{
	usec_t now = clock_mono();
	struct peer *p = NULL;

	vec_each(known, &h->peers)
		p = known->uid == uid ? known : p;
	if (p && now - p->asked < PEER_KEPT)
		return p;
	if (!p) {
		vec_add(&h->peers);
		p = vec_last(&h->peers);
		p->uid = uid;
	}
	p->asked = now;
	xfree(p->actor);
	drop_groups(&p->groups);
	const struct passwd *user = getpwuid(uid);
	p->actor = user ? xasprintf("user:%s", user->pw_name) : xasprintf("user:%u", uid);
	if (user)
		ask_groups(p, user);
	return p;
}

void peers_done(struct httpd *h)
{
	vec_each(p, &h->peers) {
		xfree(p->actor);
		drop_groups(&p->groups);
	}
	vec_done(&h->peers);
}

static void identify_token(struct request *r)
{
	struct str given = str_of(request_header(r, "Authorization"));
	const struct token *token;

	if (!str_starts(given, "Bearer "))
		return;
	given.p += strlen("Bearer ");
	given.n -= strlen("Bearer ");
	token = tokens_find(&r->h->tokens, str_trim(given), NULL);
	if (!token)
		return;
	r->actor = xasprintf("token:%s", token->name);
	struct str groups = str_of(token->groups);
	while (groups.p && groups.n) {
		struct str one = str_cut(&groups, ',');

		vec_push(&r->groups, xstrndup(one.p, one.n));
	}
}

void peer_identify(struct request *r)
{
	if (r->conn->way == WAY_TCP) {
		identify_token(r);
		return;
	}
	if (r->conn->uid == (uid_t)-1)
		return;
	const struct peer *p = peer_get(r->h, r->conn->uid);

	r->actor = xstrdup(p->actor);
	copy_groups(&r->groups, &p->groups);
}
