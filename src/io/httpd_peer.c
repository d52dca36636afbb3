/* Who asks: the kernel's word on the unix socket, the owner's elsewhere. */
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

void request_set_actor(struct request *r, const char *actor, const char *via)
{
	xfree(r->actor);
	xfree(r->via);
	r->actor = xstrdup(actor);
	r->via = xstrdup(via);
}

void request_add_group(struct request *r, const char *group)
{
	vec_push(&r->groups, xstrdup(group));
}

void request_set_scope(struct request *r, const char *holder, const char *scope, bool read_only)
{
	BUG_ON(r->scope);
	r->holder = xstrdup(holder);
	r->scope = xstrdup(scope);
	r->read_only = read_only;
}

void request_set_via(struct request *r, const char *via)
{
	xfree(r->via);
	r->via = xstrdup(via);
}

void request_set_read_only(struct request *r)
{
	r->read_only = true;
}

void peer_identify(struct request *r)
{
	if (r->identified)
		return;
	r->identified = true;
	if (r->conn->way != WAY_UNIX) {
		if (r->h->o.identify)
			r->h->o.identify(r->h->o.identify_ctx, r);
		return;
	}
	if (r->conn->uid == (uid_t)-1)
		return;
	const struct peer *p = peer_get(r->h, r->conn->uid);

	request_set_actor(r, p->actor, "socket");
	copy_groups(&r->groups, &p->groups);
}

void request_address(const struct request *r, char ret[REQUEST_ADDRESS])
{
	struct sockaddr_storage at = {0};
	socklen_t n = sizeof(at);
	const void *address = NULL;

	(void)snprintf(ret, REQUEST_ADDRESS, "local");
	if (!r->conn) { /* its client left, or the server ends */
		(void)snprintf(ret, REQUEST_ADDRESS, "unknown");
		return;
	}
	if (r->conn->way == WAY_UNIX || getpeername(r->conn->fd, (struct sockaddr *)&at, &n) < 0)
		return;
	if (at.ss_family == AF_INET)
		address = &((const struct sockaddr_in *)(const void *)&at)->sin_addr;
	if (at.ss_family == AF_INET6) {
		const struct in6_addr *six =
			&((const struct sockaddr_in6 *)(const void *)&at)->sin6_addr;

		address = six;
		if (IN6_IS_ADDR_V4MAPPED(six)) { /* a listener on :: has both kinds */
			at.ss_family = AF_INET;
			address = &six->s6_addr[12];
		}
	}
	if (!address || !inet_ntop(at.ss_family, address, ret, REQUEST_ADDRESS))
		(void)snprintf(ret, REQUEST_ADDRESS, "unknown");
}
