/* What a shim is told about its replica: a container's config.json, or a command line. */
#include "flow/5-deploy/runtime_local.h"
#include "base/digest.h"
#include "io/files.h"
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

static void mount(struct json_out *o, const char *to, const char *type, const char *from,
		  const char *options)
{
	struct str rest = str_of(options), one;

	json_open(o, NULL);
	json_cstr(o, "destination", to);
	json_cstr(o, "type", type);
	json_cstr(o, "source", from);
	json_list(o, "options");
	while (rest.p) {
		one = str_cut(&rest, ',');
		json_str(o, NULL, one);
	}
	json_unlist(o);
	json_close(o);
}

static void mounts(struct json_out *o, const char *root)
{
	static const char *const files[] = {"/etc/hosts", "/etc/resolv.conf"};

	json_list(o, "mounts");
	mount(o, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	mount(o, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	mount(o, "/dev/pts", "devpts", "devpts",
	      "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
	mount(o, "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k");
	mount(o, "/tmp", "tmpfs", "tmpfs", "nosuid,nodev,mode=1777,size=262144k");
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *place AUTO(freep) = xasprintf("%s%s", root, files[i]);

		if (access(files[i], R_OK) == 0 && access(place, F_OK) == 0)
			mount(o, files[i], "bind", files[i], "rbind,ro,nosuid,nodev,noexec");
	}
	json_unlist(o);
}

static void text_list(struct json_out *o, const char *key, const char *words)
{
	struct str rest = str_of(words), one;

	json_list(o, key);
	while (rest.p) {
		one = str_cut(&rest, ' ');
		json_str(o, NULL, one);
	}
	json_unlist(o);
}

static void process(struct json_out *o, const struct image_words *w)
{
	static const char *const sets[] = {"bounding", "effective", "inheritable", "permitted",
					   "ambient"};

	json_open(o, "process");
	json_bool(o, "terminal", false);
	json_open(o, "user");
	json_u64(o, "uid", w->uid);
	json_u64(o, "gid", w->gid);
	json_close(o);
	json_list(o, "args");
	vec_each(a, &w->argv)
		json_cstr(o, NULL, *a);
	json_unlist(o);
	json_cstr(o, "cwd", w->cwd);
	json_open(o, "capabilities");
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		json_list(o, sets[i]);
		json_unlist(o);
	}
	json_close(o);
	json_bool(o, "noNewPrivileges", true);
	json_close(o);
}

static void resources(struct json_out *o, uint64_t memory)
{
	json_open(o, "resources");
	json_list(o, "devices");
	json_open(o, NULL);
	json_bool(o, "allow", false);
	json_cstr(o, "access", "rwm");
	json_close(o);
	json_unlist(o);
	if (memory) {
		json_open(o, "memory");
		json_u64(o, "limit", memory);
		json_close(o);
	}
	json_open(o, "pids");
	json_u64(o, "limit", 512);
	json_close(o);
	json_close(o);
}

/* The host's network (ports are given out by us), all other namespaces its own. */
static char *container_config(const struct member *m, const char *root, const char *id,
			      const struct image_words *w)
{
	static const char *const own[] = {"pid", "mount", "ipc", "uts"};
	struct strbuf b = STRBUF((size_t)4 << 20);
	char *cgroup AUTO(freep) = xasprintf("/penstock/%s", id);
	struct json_out out = JSON_OUT(&b), *o = &out;

	json_open(o, NULL);
	json_cstr(o, "ociVersion", "1.0.2");
	process(o, w);
	json_open(o, "root");
	json_cstr(o, "path", root);
	json_bool(o, "readonly", true);
	json_close(o);
	json_cstr(o, "hostname", m->note.deploy.unit);
	mounts(o, root);
	json_open(o, "linux");
	json_list(o, "namespaces");
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		json_open(o, NULL);
		json_cstr(o, "type", own[i]);
		json_close(o);
	}
	json_unlist(o);
	json_cstr(o, "cgroupsPath", cgroup);
	resources(o, m->note.deploy.memory);
	text_list(o, "maskedPaths",
		  "/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats "
		  "/proc/timer_list /proc/timer_stats "
		  "/proc/sched_debug /proc/scsi /sys/firmware");
	text_list(o, "readonlyPaths", "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger");
	json_close(o);
	json_close(o);
	return strbuf_take(&b);
}

/* Does it need a loader and libraries, which are in its root only? Scripts do as well. */
static bool is_static(const char *path)
{
	int fd AUTO(fd_close) = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr h;
	Elf64_Phdr p;

	if (fd < 0 || pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
	    memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64)
		return false;
	for (size_t i = 0; i < h.e_phnum; i++)
		if (pread(fd, &p, sizeof(p), (off_t)(h.e_phoff + i * sizeof(p))) !=
			    (ssize_t)sizeof(p) ||
		    p.p_type == PT_INTERP)
			return false;
	return true;
}

static const char *tool(const char *const *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

/*
 * A plain process. As root: chroot, which becomes the image's user and then the program itself.
 * Else the program as it stands when it needs nothing of its root, or unshare's --root in a user
 * namespace. (Not bwrap: it stays as a parent that SIGTERM ends at once, so that no request could
 * be finished.)
 */
static enum rc command(const char *root, const struct image_words *w, shim_texts *ret,
		       struct err *err)
{
	static const char *const chroots[] = {"/usr/sbin/chroot", "/usr/bin/chroot",
					      "/sbin/chroot"};
	static const char *const unshares[] = {"/usr/bin/unshare", "/bin/unshare"};
	char *path AUTO(freep) = xasprintf("%s%s", root, w->argv.v[0]);
	const char *with;
	size_t from = 0;

	if (geteuid() == 0) {
		with = tool(chroots, ARRAY_LEN(chroots));
		if (!with)
			return err_set(err, RC_UNSUPPORTED,
				       "chroot: no such program (apt install coreutils)");
		vec_push(ret, xstrdup(with));
		vec_push(ret, xasprintf("--userspec=%u:%u", w->uid, w->gid));
		vec_push(ret, xstrdup("--groups="));
		vec_push(ret, xstrdup(root));
	} else if (is_static(path)) {
		vec_push(ret, xstrdup(path));
		from = 1;
	} else {
		with = tool(unshares, ARRAY_LEN(unshares));
		if (!with)
			return err_set(err, RC_UNSUPPORTED,
				       "unshare: no such program (apt install util-linux)");
		vec_push(ret, xstrdup(with));
		vec_push(ret, xstrdup("--map-root-user"));
		vec_push(ret, xasprintf("--root=%s", root));
	}
	for (size_t i = from; i < w->argv.n; i++)
		vec_push(ret, xstrdup(w->argv.v[i]));
	return RC_OK;
}

/* Later ones win: the image's, ours, the declared ones. */
static void environment(const struct member *m, const struct image_words *w, shim_pairs *to)
{
	vec_each(p, &w->env)
		pair_set(to, p->key, p->value);
	pair_set(to, "HOST", "127.0.0.1");
	vec_each(p, &m->note.urls)
		pair_set(to, p->key, p->value);
	vec_each(p, &m->note.deploy.env)
		pair_set(to, p->key, p->value ? p->value : "");
}

static void wiped(struct strbuf *b)
{
	if (b->p)
		mem_wipe(b->p, b->size);
	strbuf_done(b);
}

static enum rc secrets(const struct member *m, const struct runtime_inputs *in, shim_pairs *to,
		       struct err *err)
{
	vec_each(p, &m->note.deploy.secrets) {
		struct strbuf value AUTO(wiped) = STRBUF(65536);

		if (!in || !in->secret)
			return err_set(err, RC_UNAVAILABLE, "%s needs the secret %s",
				       m->note.deploy.unit, p->key);
		if (in->secret(in->ctx, p->value, &value, err) != RC_OK)
			return err_wrap(err, "secret %s of %s", p->key, m->note.deploy.unit);
		pair_set(to, p->key, strbuf_cstr(&value));
	}
	return RC_OK;
}

static void spec_done(struct shim_spec *s)
{
	vec_each(p, &s->secrets)
		if (p->value)
			mem_wipe(p->value, strlen(p->value));
	shape_done(&shape_shim_spec, s);
}

static char *container_id(const struct runtime_local *l, const struct member *m)
{
	char *here AUTO(freep) = digest_hex_dup(str_of(l->data));
	const struct deploy *d = &m->note.deploy;
	char image[13];

	digest12(d->image, image);
	return xasprintf("%.8s-%s-%s-%s-%u", here, d->environment, d->unit, image, m->note.index);
}

enum rc replica_spec(const struct runtime_local *l, const struct member *m,
		     const struct runtime_inputs *in, struct strbuf *ret, struct err *err)
{
	struct image_words w AUTO(image_words_done) = {0};
	struct shim_spec s AUTO(spec_done) = {.kind = SHIM_REPLICA, .port = m->note.port};
	const struct deploy *d = &m->note.deploy;
	char *root AUTO(freep) = rootfs_path(l, d->image);
	struct json_out o = JSON_OUT(ret);

	if (rootfs_words(l, d->image, &w, err) != RC_OK)
		return err->rc;
	s.name = xasprintf("%s/%s.%u", d->environment, d->unit, m->note.index);
	s.health = d->health ? xstrdup(d->health) : NULL;
	s.memory = d->memory;
	environment(m, &w, &s.env);
	if (secrets(m, in, &s.secrets, err) != RC_OK)
		return err->rc;
	if (l->mode == RUNTIME_CONTAINER) {
		s.runtime = xstrdup(l->oci.path);
		s.hide_unified = l->oci.hide_unified;
		s.root = xasprintf("%s/oci", l->data);
		s.bundle = xstrdup(m->dir);
		s.container = container_id(l, m);
		s.config = container_config(m, root, s.container, &w);
	} else {
		s.cwd = xstrdup(root);
		if (command(root, &w, &s.argv, err) != RC_OK)
			return err->rc;
	}
	shape_write(&o, NULL, &shape_shim_spec, &s);
	return strbuf_failed(ret) ? err_set(err, RC_TOO_BIG, "%s has too much environment", d->unit)
				  : RC_OK;
}
