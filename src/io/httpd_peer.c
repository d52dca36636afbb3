/* Who asks: the kernel's word on the unix socket, a token elsewhere. */
#include "io/httpd_impl.h"

#include <arpa/inet.h>
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

/* "Bearer TOKEN", or "Basic base64(anything:TOKEN)", which is all that some build tools can say. */
static const struct token *token_of(struct request *r)
{
	struct str given = str_of(request_header(r, "Authorization"));
	AUTO(strbuf_done) struct strbuf pair = STRBUF(1024);
	const struct token *token = NULL;

	if (str_starts(given, "Bearer ")) {
		given = (struct str){given.p + 7, given.n - 7};
		return tokens_find(&r->h->tokens, str_trim(given), NULL);
	}
	if (!str_starts(given, "Basic "))
		return NULL;
	given = str_trim((struct str){given.p + 6, given.n - 6});
	if (given.n <= 1024 && strbuf_add_unbase64(&pair, given)) {
		struct str rest = strbuf_str(&pair);

		(void)str_cut(&rest, ':');
		if (rest.p)
			token = tokens_find(&r->h->tokens, rest, NULL);
	}
	if (pair.p)
		mem_wipe(pair.p, pair.n);
	return token;
}

static void identify_token(struct request *r)
{
	const struct token *token = token_of(r);

	if (!token)
		return;
	AUTO(freep) char *name = xasprintf("token:%s", token->name);
	if (token->scope) {
		r->holder = xstrdup(name);
		r->scope = xstrdup(token->scope);
		r->read_only = token->read_only;
		return;
	}
	r->actor = xstrdup(name);
	struct str groups = str_of(token->groups);
	while (groups.p && groups.n) {
		struct str one = str_cut(&groups, ',');

		vec_push(&r->groups, xstrndup(one.p, one.n));
	}
}

void peer_identify(struct request *r)
{
	if (r->identified)
		return;
	r->identified = true;
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

void request_address(const struct request *r, char ret[REQUEST_ADDRESS])
{
	struct sockaddr_storage at = {0};
	socklen_t n = sizeof(at);
	const void *address = NULL;

	(void)snprintf(ret, REQUEST_ADDRESS, "local");
	if (r->conn->way == WAY_UNIX || getpeername(r->conn->fd, (struct sockaddr *)&at, &n) < 0)
		return;
	if (at.ss_family == AF_INET)
		address = &((const struct sockaddr_in *)(const void *)&at)->sin_addr;
	if (at.ss_family == AF_INET6)
		address = &((const struct sockaddr_in6 *)(const void *)&at)->sin6_addr;
	if (!address || !inet_ntop(at.ss_family, address, ret, REQUEST_ADDRESS))
		(void)snprintf(ret, REQUEST_ADDRESS, "unknown");
}
