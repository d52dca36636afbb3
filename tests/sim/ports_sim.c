/* The ports as the engine sees them: the fakes, behind faults. A call may fail before it did anything, fail after it was done, or be done twice. */
#include "flow/1-source/adapters.h"
#include "flow/2-build/adapters.h"
#include "flow/3-artifact/adapters.h"
#include "flow/4-verify/adapters.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "flow/5-deploy/desired_adapters.h"
#include "secrets/adapters.h"
#include "sim.h"

#define SIM(member, ptr) container_of(ptr, struct sim, wrap.member)

bool sim_trouble(struct sim *s, enum sim_port port, const char *call, struct err *err)
{
	if (s->down[port].until > runner_sim_true(s->runner)) {
		err_set(err, s->down[port].rc, "%s: away", call);
		return true;
	}
	if (!s->faults_on || !rng_chance(&s->fault_rng, s->p_before))
		return false;
	s->result.injected++;
	sim_say(s, "fault: %s fails", call);
	err_set(err, RC_UNAVAILABLE, "%s: did not answer", call);
	return true;
}

bool sim_twice(struct sim *s, const char *call)
{
	if (!s->faults_on || !rng_chance(&s->fault_rng, s->p_twice))
		return false;
	s->result.injected++;
	sim_say(s, "fault: %s is done twice", call);
	return true;
}

bool sim_unheard(struct sim *s, enum sim_port port, const char *call, struct err *err)
{
	(void)port;
	if (!s->faults_on || !rng_chance(&s->fault_rng, s->p_after))
		return false;
	s->result.injected++;
	sim_say(s, "fault: %s was done, its answer is lost", call);
	err_set(err, RC_UNAVAILABLE, "%s: the answer was lost", call);
	return true;
}

/* Do `call` under faults. */
#define FAULTY(s, port, name, err, call)                             \
	do {                                                         \
		if (sim_trouble(s, port, name, err))                 \
			return (err)->rc;                            \
		enum rc rc_ = (call);                                \
		if (rc_ == RC_OK && sim_twice(s, name))              \
			rc_ = (call);                                \
		if (rc_ == RC_OK && sim_unheard(s, port, name, err)) \
			rc_ = (err)->rc;                             \
		return rc_;                                          \
	} while (0)

/* ---- source ---- */
static enum rc scm_w_refs(struct scm *x, const char *repo,
			  bool (*each)(void *, const char *, const char *), void *ctx,
			  struct err *err)
{
	struct sim *s = SIM(scm, x);

	if (sim_trouble(s, PORT_SCM, "scm.refs", err))
		return err->rc;
	enum rc rc = scm_refs(s->scm, repo, each, ctx, err);
	if (rc == RC_OK)
		requests_refs(s, each, ctx);
	return rc;
}

static enum rc scm_w_change(struct scm *x, const char *repo, struct change *c, struct err *err)
{
	struct sim *s = SIM(scm, x);

	if (sim_trouble(s, PORT_SCM, "scm.change", err))
		return err->rc;
	enum rc rc = scm_change(s->scm, repo, c, err);
	if (rc == RC_OK && c->kind == CHANGE_PULL)
		c->fork = request_is_fork(c->number);
	return rc == RC_OK && sim_unheard(s, PORT_SCM, "scm.change", err) ? err->rc : rc;
}

static enum rc scm_w_file(struct scm *x, const char *repo, const char *commit, const char *path,
			  size_t max, struct strbuf *ret, struct err *err)
{
	struct sim *s = SIM(scm, x);

	return sim_trouble(s, PORT_SCM, "scm.file", err)
		       ? err->rc
		       : scm_file(s->scm, repo, commit, path, max, ret, err);
}

static enum rc scm_w_tree(struct scm *x, const char *repo, const char *commit, const texts *dirs,
			  const texts *list, struct tree_facts *ret, struct err *err)
{
	struct sim *s = SIM(scm, x);

	return sim_trouble(s, PORT_SCM, "scm.tree", err)
		       ? err->rc
		       : scm_tree(s->scm, repo, commit, dirs, list, ret, err);
}

static enum rc scm_w_materialise(struct scm *x, const char *repo, const char *commit,
				 const texts *paths, const char *into, struct err *err)
{
	(void)x;
	(void)repo;
	(void)commit;
	(void)paths;
	(void)into;
	return err_set(err, RC_INTERNAL, "nothing is laid out here");
}

static enum rc scm_w_revert(struct scm *x, const char *repo, const struct change *c,
			    const char *message, char **ret, struct err *err)
{
	struct sim *s = SIM(scm, x);
	char *made = NULL;

	if (sim_trouble(s, PORT_SCM, "scm.revert", err))
		return err->rc;
	enum rc rc = scm_revert(s->scm, repo, c, message, &made, err);
	if (rc == RC_OK && sim_twice(s, "scm.revert")) {
		char *again = NULL;

		rc = scm_revert(s->scm, repo, c, message, &again, err);
		if (rc == RC_OK && !streq(made, again))
			sim_fail(s, 6, "a change was taken back twice: %s and %s", made, again);
		xfree(again);
	}
	if (rc == RC_OK && sim_unheard(s, PORT_SCM, "scm.revert", err))
		rc = err->rc;
	if (rc == RC_OK)
		*ret = made;
	else
		xfree(made);
	return rc;
}

static enum rc scm_w_merge(struct scm *x, const char *repo, const struct scm_merge *m, char **ret,
			   texts *conflicts, struct err *err)
{
	struct sim *s = SIM(scm, x);
	texts again = {0};
	char *made = NULL, *other = NULL;

	if (sim_trouble(s, PORT_SCM, "scm.merge", err))
		return err->rc;
	enum rc rc = scm_merge(s->scm, repo, m, &made, conflicts, err);
	if (rc == RC_OK && sim_twice(s, "scm.merge")) {
		rc = scm_merge(s->scm, repo, m, &other, &again, err);
		if (rc == RC_OK && !streq(made, other))
			sim_fail(s, 6, "one merge made %s and %s", made, other);
		xfree(other);
		vec_each(one, &again)
			xfree(*one);
		vec_done(&again);
	}
	if (rc == RC_OK && sim_unheard(s, PORT_SCM, "scm.merge", err))
		rc = err->rc;
	if (rc == RC_OK)
		*ret = made;
	else
		xfree(made);
	return rc;
}

static enum rc scm_w_land(struct scm *x, const char *repo, const struct change *c, struct err *err)
{
	struct sim *s = SIM(scm, x);

	FAULTY(s, PORT_SCM, "scm.land", err, scm_land(s->scm, repo, c, err));
}

static enum rc scm_w_log(struct scm *x, const char *repo, const char *tip, const char *stop,
			 bool (*each)(void *, const struct scm_commit *), void *ctx,
			 struct err *err)
{
	struct sim *s = SIM(scm, x);

	return sim_trouble(s, PORT_SCM, "scm.log", err)
		       ? err->rc
		       : scm_log(s->scm, repo, tip, stop, each, ctx, err);
}

static void nothing_scm(struct scm *x)
{
	(void)x;
}
static const struct scm_ops scm_w = {"sim",      scm_w_refs,        scm_w_change, scm_w_file,
				     scm_w_tree, scm_w_materialise, scm_w_revert, scm_w_merge,
				     scm_w_land, scm_w_log,         nothing_scm};

/* ---- contents and images ---- */

enum content sim_content_at(struct sim *s, const char *commit, const char *path)
{
	AUTO(freep) char *file = xasprintf("%s/src", path);
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	struct err ignored = {0};

	if (scm_file(s->scm, REPO, commit, file, 4096, &text, &ignored) != RC_OK)
		return GOOD;
	for (unsigned k = 0; k < CONTENTS; k++)
		if (str_starts(strbuf_str(&text), content_names[k]))
			return (enum content)k;
	return GOOD;
}

enum content sim_content_of(const struct sim *s, const char *image)
{
	vec_each(i, &s->images)
		if (streq(i->image, image))
			return i->content;
	return GOOD;
}

static void learn(struct sim *s, const char *image, enum content content)
{
	struct runtime_fake_behaviour b = {.ready_after = 200 * USEC_MS};

	vec_each(i, &s->images)
		if (streq(i->image, image)) {
			if (i->content != content)
				sim_fail(s, 1, "image %.19s was made of two contents", image);
			return;
		}
	vec_push(&s->images, ((struct sim_image){xstrdup(image), content}));
	b.never_ready = content == NEVER;
	b.crash_after = content == CRASH ? 300 * USEC_MS : 0;
	runtime_fake_behave(s->runtime, image, &b);
}

static enum rc pack_w_image(struct pack *x, const struct job_spec *spec, struct packed *ret,
			    struct err *err)
{
	struct sim *s = SIM(pack, x);

	if (sim_trouble(s, PORT_PACK, "pack.image", err))
		return err->rc;
	enum rc rc = pack_image(s->pack, spec, ret, err);
	if (rc != RC_OK)
		return rc;
	AUTO(freep)
	char *bytes = xasprintf("penstock-fake-image %s %s", spec->unit,
				spec->key); /* what the fake's digest is of */
	char hex[DIGEST_HEX + 1];
	BUG_ON(blobs_put(s->blobs, str_of(bytes), hex, err) != RC_OK ||
	       !streq(ret->image + strlen("sha256:"), hex));
	learn(s, ret->image, sim_content_at(s, spec->change.commit, spec->path));
	if (sim_unheard(s, PORT_PACK, "pack.image", err)) {
		packed_done(ret);
		return err->rc;
	}
	return RC_OK;
}

static enum rc pack_w_rootfs(struct pack *x, const char *image, const char *into,
			     struct strbuf *ret, struct err *err)
{
	return pack_rootfs(SIM(pack, x)->pack, image, into, ret, err);
}

static void nothing_pack(struct pack *x)
{
	(void)x;
}
static const struct pack_ops pack_w = {"sim", pack_w_image, pack_w_rootfs, nothing_pack};

/* ---- evidence ---- */
static enum rc sign_w_attest(struct sign *x, const char *image, const char *type, struct str body,
			     char ret_hex[DIGEST_HEX + 1], struct err *err)
{
	struct sim *s = SIM(sign, x);

	FAULTY(s, PORT_SIGN, "sign.attest", err,
	       sign_attest(s->sign, image, type, body, ret_hex, err));
}

static enum rc sign_w_verify(struct sign *x, const char *envelope, const char *image,
			     const char *type, struct strbuf *ret, struct err *err)
{
	struct sim *s = SIM(sign, x);

	return sim_trouble(s, PORT_SIGN, "sign.verify", err)
		       ? err->rc
		       : sign_verify(s->sign, envelope, image, type, ret, err);
}

static enum rc sign_w_key(struct sign *x, struct strbuf *ret, struct err *err)
{
	return sign_public_key(SIM(sign, x)->sign, ret, err);
}

static void nothing_sign(struct sign *x)
{
	(void)x;
}
static const struct sign_ops sign_w = {"sim", sign_w_attest, sign_w_verify, sign_w_key,
				       nothing_sign};

/* ---- desired state ---- */
static enum rc desired_w_plan(struct desired *x, const struct deploy *d, struct strbuf *diff,
			      char hash[65], struct err *err)
{
	struct sim *s = SIM(desired, x);

	return sim_trouble(s, PORT_DESIRED, "desired.plan", err)
		       ? err->rc
		       : desired_plan(s->desired, d, diff, hash, err);
}

static enum rc desired_w_write(struct desired *x, const struct deploy *d, const char *subject,
			       const pairs *trailers, char **ret, struct err *err)
{
	struct sim *s = SIM(desired, x);
	char *made = NULL;

	if (sim_trouble(s, PORT_DESIRED, "desired.write", err))
		return err->rc;
	enum rc rc = desired_write(s->desired, d, subject, trailers, &made, err);
	if (rc == RC_OK && sim_twice(s, "desired.write")) {
		xfree(made);
		made = NULL;
		rc = desired_write(s->desired, d, subject, trailers, &made, err);
	}
	if (rc == RC_OK && sim_unheard(s, PORT_DESIRED, "desired.write", err))
		rc = err->rc;
	if (rc == RC_OK)
		*ret = made;
	else
		xfree(made);
	return rc;
}

static enum rc desired_w_image(struct desired *x, const char *environment, const char *unit,
			       char **ret, struct err *err)
{
	struct sim *s = SIM(desired, x);

	return sim_trouble(s, PORT_DESIRED, "desired.image", err)
		       ? err->rc
		       : desired_image(s->desired, environment, unit, ret, err);
}

static void nothing_desired(struct desired *x)
{
	(void)x;
}
static const struct desired_ops desired_w = {"sim", desired_w_plan, desired_w_write,
					     desired_w_image, nothing_desired};

/* ---- runtime ---- */
static enum rc runtime_w_start(struct runtime *x, const struct deploy *d, uint32_t count,
			       const struct runtime_inputs *in, struct err *err)
{
	struct sim *s = SIM(runtime, x);

	runtime_fake_tick(s->runtime, runner_sim_true(s->runner));
	FAULTY(s, PORT_RUNTIME, "runtime.start", err, runtime_start(s->runtime, d, count, in, err));
}

static enum rc runtime_w_stop(struct runtime *x, const char *environment, const char *unit,
			      const char *image, struct err *err)
{
	struct sim *s = SIM(runtime, x);

	runtime_fake_tick(s->runtime, runner_sim_true(s->runner));
	FAULTY(s, PORT_RUNTIME, "runtime.stop", err,
	       runtime_stop(s->runtime, environment, unit, image, err));
}

static int no_runtime_fd(struct runtime *x)
{
	(void)x;
	return -1;
}

static enum rc runtime_w_poll(struct runtime *x, void (*each)(void *, const struct replica *),
			      void *ctx, struct err *err)
{
	struct sim *s = SIM(runtime, x);

	runtime_fake_tick(s->runtime, runner_sim_true(s->runner));
	return sim_trouble(s, PORT_RUNTIME, "runtime.poll", err)
		       ? err->rc
		       : runtime_poll(s->runtime, each, ctx, err);
}

static void nothing_runtime(struct runtime *x)
{
	(void)x;
}
static const struct runtime_ops runtime_w = {"sim",         runtime_w_start, runtime_w_stop,
					     no_runtime_fd, runtime_w_poll,  nothing_runtime};

/* ---- route ---- */
static enum rc route_w_services(struct route *x, const char *environment, const texts *units,
				struct err *err)
{
	struct sim *s = SIM(route, x);

	FAULTY(s, PORT_ROUTE, "route.services", err,
	       route_services(s->route, environment, units, err));
}

static enum rc route_w_servers(struct route *x, const char *environment, const char *unit,
			       const struct route_server *v, size_t n, struct err *err)
{
	struct sim *s = SIM(route, x);
	AUTO(strbuf_done) struct strbuf list = STRBUF(4096);

	for (size_t i = 0; i < n; i++)
		strbuf_addf(&list, " %.15s#%u", v[i].image, v[i].index);
	sim_say(s, "world: servers of %s/%s:%s", environment, unit, strbuf_cstr(&list));
	FAULTY(s, PORT_ROUTE, "route.servers", err,
	       route_servers(s->route, environment, unit, v, n, err));
}

static enum rc route_w_set(struct route *x, const char *environment, const char *unit,
			   const char *image, double share, struct err *err)
{
	struct sim *s = SIM(route, x);

	sim_say(s, "world: route %s/%s %.15s to %g", environment, unit, image, share);
	FAULTY(s, PORT_ROUTE, "route.set", err,
	       route_set(s->route, environment, unit, image, share, err));
}

static enum rc route_w_confirm(struct route *x, const char *environment, const char *unit,
			       const char *image, double *ret, struct err *err)
{
	struct sim *s = SIM(route, x);

	return sim_trouble(s, PORT_ROUTE, "route.confirm", err)
		       ? err->rc
		       : route_confirm(s->route, environment, unit, image, ret, err);
}

static enum rc route_w_door(struct route *x, const char *environment, const char *unit, char **ret,
			    struct err *err)
{
	struct sim *s = SIM(route, x);

	return sim_trouble(s, PORT_ROUTE, "route.front_door", err)
		       ? err->rc
		       : route_front_door(s->route, environment, unit, ret, err);
}

static enum rc route_w_ensure(struct route *x, struct err *err)
{
	struct sim *s = SIM(route, x);

	return sim_trouble(s, PORT_ROUTE, "route.ensure", err) ? err->rc
							       : route_ensure(s->route, err);
}

static int no_route_fd(struct route *x)
{
	(void)x;
	return -1;
}

/* Facts stand in the simulator itself: the fake's own copies would cost more than all the rest. */
static enum rc route_w_facts(struct route *x, void (*each)(void *, const struct route_fact *),
			     void *ctx, struct err *err)
{
	struct sim *s = SIM(route, x);

	(void)err;
	for (size_t i = 0; i < s->facts.n; i++)
		each(ctx, &s->facts.v[i]);
	s->facts.n = 0;
	return RC_OK;
}

static void nothing_route(struct route *x)
{
	(void)x;
}
static const struct route_ops route_w = {
	"sim",        route_w_services, route_w_servers, route_w_set,   route_w_confirm,
	route_w_door, route_w_ensure,   no_route_fd,     route_w_facts, nothing_route};

/* ---- people ---- */
static enum rc notify_w_send(struct notify *x, const struct notify_def *to,
			     const struct notice *what, struct err *err)
{
	struct sim *s = SIM(notify, x);

	if (sim_trouble(s, PORT_NOTIFY, "notify.send", err))
		return err->rc;
	if ((what->text && strstr(what->text, SECRET)) ||
	    (what->incident && what->incident->title && strstr(what->incident->title, SECRET)))
		sim_fail(s, 10, "a notice to %s tells a secret", to->kind);
	sim_say(s, "world: %s told of %s: %s", to->kind, what->event, what->text ? what->text : "");
	return sim_unheard(s, PORT_NOTIFY, "notify.send", err) ? err->rc : RC_OK;
}

static void nothing_notify(struct notify *x)
{
	(void)x;
}
static const struct notify_ops notify_w = {"sim", notify_w_send, nothing_notify};

static enum rc keep_nothing(struct blobs *b, const char *dir, const char *const *globs, size_t n,
			    char **ret, struct err *err)
{
	(void)b;
	(void)dir;
	(void)globs;
	(void)n;
	(void)ret;
	return err_set(err, RC_INTERNAL, "nothing is kept here");
}

static enum rc lay_nothing(struct blobs *b, const char *hex, const char *into, const char *own,
			   struct err *err)
{
	(void)own;
	(void)b;
	(void)hex;
	(void)into;
	return err_set(err, RC_INTERNAL, "nothing is laid out here");
}

void ports_init(struct sim *s)
{
	static const char *const secrets[] = {"file:token", SECRET, NULL};
	struct err err = {0};

	BUG_ON(scm_fake_new(&s->scm, &err) != RC_OK ||
	       desired_fake_new(&s->desired, &err) != RC_OK);
	BUG_ON(runtime_fake_new(&s->runtime, &err) != RC_OK ||
	       route_fake_new(&s->route, &err) != RC_OK);
	s->blobs = blobs_memory_new();
	s->pack = pack_fake_new(s->blobs);
	s->sign = sign_fake_new(s->blobs);
	s->exec = exec_sim_new(s);
	s->wrap.scm.ops = &scm_w;
	s->wrap.pack.ops = &pack_w;
	s->wrap.sign.ops = &sign_w;
	s->wrap.desired.ops = &desired_w;
	s->wrap.runtime.ops = &runtime_w;
	s->wrap.route.ops = &route_w;
	s->wrap.notify.ops = &notify_w;
	s->wrap.blobs.ops = &blobs_sim_ops;
	s->w = (struct world){.runner = s->runner,
			      .store = s->store,
			      .scm = &s->wrap.scm,
			      .blobs = &s->wrap.blobs,
			      .exec = s->exec,
			      .pack = &s->wrap.pack,
			      .sign = &s->wrap.sign,
			      .desired = &s->wrap.desired,
			      .runtime = &s->wrap.runtime,
			      .route = &s->wrap.route,
			      .notify = &s->wrap.notify,
			      .secret = secret_fake_new(secrets),
			      .toolchain = "sim 1",
			      .keep_outputs = keep_nothing,
			      .lay_outputs = lay_nothing};
	vec_push(&s->w.sources, xstrdup(REPO));
}

void ports_done(struct sim *s)
{
	exec_free(s->exec);
	sign_free(s->sign);
	pack_free(s->pack);
	desired_free(s->desired);
	runtime_free(s->runtime);
	route_free(s->route);
	secret_free(s->w.secret);
	scm_free(s->scm);
	blobs_free(s->blobs);
	vec_each(source, &s->w.sources)
		xfree(*source);
	vec_done(&s->w.sources);
	vec_each(i, &s->images)
		xfree(i->image);
	vec_done(&s->images);
	vec_done(&s->facts);
}
