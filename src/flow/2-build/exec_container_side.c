/* Services beside a job, as the shim is told of them. */
#include "flow/2-build/exec_container.h"

#define SIDES_MAX 32

static void words(shim_texts *to, const texts *from)
{
	for (size_t i = 0; i < from->n; i++) {
		char *word = xstrdup(from->v[i]);
		vec_push(to, word);
	}
}

/* "my-db" is MY_DB. */
static char *variable(const char *name, const char *what)
{
	char *ret = xasprintf("%s_%s", name, what);

	for (char *p = ret; *p; p++) {
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
		else if (!((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
			*p = '_';
	}
	return ret;
}

static void announce(const struct service_def *def, struct shim_spec *s)
{
	AUTO(freep) char *host = variable(def->name, "HOST"), *port = variable(def->name, "PORT");
	AUTO(freep) char *number = xasprintf("%u", def->port);
	shim_pairs env = {0};

	container_pair(&env, host, "127.0.0.1");
	if (def->port)
		container_pair(&env, port, number);
	for (size_t i = 0; i < s->env.n; i++)
		vec_push(&env, s->env.v[i]);
	vec_done(&s->env);
	s->env = env; /* what is declared wins */
}

static void fill(struct shim_side *side, const struct service_def *def,
		 const struct image_root *root)
{
	side->name = xstrdup(def->name);
	side->cwd = xstrdup(root->cwd ? root->cwd : "/");
	side->ready = def->ready ? xstrdup(def->ready) : NULL;
	side->port = def->port;
	side->start = def->start;
	side->memory = def->memory;
	words(&side->argv, &root->entrypoint);
	words(&side->argv, def->args.n ? &def->args : &root->cmd);
	container_pair(&side->env, "HOME", root->uid ? "/" : "/root");
	for (size_t i = 0; i < root->env.n; i++)
		container_pair(&side->env, root->env.v[i].key, root->env.v[i].value);
	for (size_t i = 0; i < def->env.n; i++)
		container_pair(&side->env, def->env.v[i].key, def->env.v[i].value);
}

static enum rc side(const struct sandbox_exec *x, const struct job_spec *spec,
		    const struct exec_inputs *in, const struct service_def *def, const char *from,
		    const char *dir, const char *hosts, struct shim_side *ret, struct err *err)
{
	AUTO(freep) char *f = xasprintf("%s/services/%s/box", from, def->name);
	AUTO(freep) char *d = xasprintf("%s/services/%s/box", dir, def->name);
	AUTO(image_root_done) struct image_root root = {0};

	enum rc rc = container_image(x, spec, in, def->image, from, &root, err);
	if (rc == RC_OK && !root.entrypoint.n && !def->args.n && !root.cmd.n)
		rc = err_set(err, RC_INVALID, "its image has no command: write `args`");
	if (rc == RC_OK && root.uid && !x->runtime)
		rc = err_set(err, RC_UNSUPPORTED,
			     "its image runs as user %s, which needs runc or crun on this machine",
			     root.user);
	if (rc == RC_OK)
		rc = container_box(x, &root, f, d, hosts, spec->def.network, &ret->box, err);
	if (rc != RC_OK)
		return rc;
	ret->box.uid = root.uid;
	ret->box.gid = root.gid;
	ret->box.own_tmp = true;
	fill(ret, def, &root);
	return RC_OK;
}

enum rc container_sides(const struct sandbox_exec *x, const struct job_spec *spec,
			const struct exec_inputs *in, const char *from, const char *dir,
			const char *hosts, struct shim_spec *s, struct err *err)
{
	struct err here = {0}, *e = err ? err : &here;

	if (spec->def.services.n > SIDES_MAX)
		return err_set(err, RC_TOO_BIG,
			       "%zu services beside a job, at most %d are possible",
			       spec->def.services.n, SIDES_MAX);
	for (size_t i = 0; i < spec->def.services.n; i++) {
		const struct service_def *def = &spec->def.services.v[i];
		vec_add(&s->sides);
		enum rc rc = side(x, spec, in, def, from, dir, hosts, vec_last(&s->sides), e);
		if (rc != RC_OK)
			return err_wrap(e, "service %s", def->name);
		announce(def, s);
	}
	return RC_OK;
}
