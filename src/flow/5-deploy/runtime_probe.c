/* Which way can containers be started on this machine? */
#include "flow/5-deploy/adapters_deploy.h"
#include "io/child.h"
#include "io/files.h"
#include <sys/vfs.h>
#include <unistd.h>

#define CGROUP2_MAGIC 0x63677270

static bool found(const char *const *places, size_t n, char *to, size_t size)
{
	for (size_t i = 0; i < n; i++)
		if (access(places[i], X_OK) == 0) {
			(void)snprintf(to, size, "%s", places[i]);
			return true;
		}
	return false;
}

/* In a container without rights of its own, root may not do this. */
static bool may_unshare(void)
{
	static const char *const argv[] = {"unshare", "--mount", "--pid", "--ipc",
					   "--uts",   "--fork",  "true",  NULL};
	struct strbuf out AUTO(strbuf_done) = STRBUF(4096);
	struct err ignored = {0};
	int code = 1;

	return child_capture(&(struct child_run){.spec = {.argv = argv}, .timeout = 5 * USEC_SEC},
			     &out, NULL, &code, &ignored) == RC_OK &&
	       code == 0;
}

enum rc runtime_probe(struct runtime_oci *ret, struct err *reason)
{
	static const char *const runcs[] = {"/usr/sbin/runc", "/usr/bin/runc",
					    "/usr/local/sbin/runc", "/usr/local/bin/runc"};
	static const char *const cruns[] = {"/usr/bin/crun", "/usr/sbin/crun",
					    "/usr/local/bin/crun"};
	struct runtime_oci oci = {0};
	struct statfs fs;
	bool unified = statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_MAGIC;
	bool hybrid = access("/sys/fs/cgroup/unified", F_OK) == 0;
	bool have;

	if (geteuid() != 0)
		return err_set(reason, RC_UNSUPPORTED,
			       "containers need root; replicas run as plain processes "
			       "(or: sudo penstock serve)");
	/* crun where the hierarchy is unified; it refuses a hybrid one, as long as it sees that. */
	have = unified ? found(cruns, ARRAY_LEN(cruns), oci.path, sizeof(oci.path)) ||
				 found(runcs, ARRAY_LEN(runcs), oci.path, sizeof(oci.path))
		       : found(runcs, ARRAY_LEN(runcs), oci.path, sizeof(oci.path));
	if (!have && found(cruns, ARRAY_LEN(cruns), oci.path, sizeof(oci.path))) {
		have = true;
		oci.hide_unified = hybrid;
	}
	if (!have)
		return err_set(
			reason, RC_UNSUPPORTED,
			"no runc or crun; replicas run as plain processes (apt install runc)");
	if (!unified && access("/sys/fs/cgroup/memory", W_OK) != 0)
		return err_set(
			reason, RC_UNSUPPORTED,
			"no control groups at /sys/fs/cgroup; replicas run as plain processes");
	if (!may_unshare())
		return err_set(reason, RC_UNSUPPORTED,
			       "this root may not make namespaces (inside a container?); "
			       "replicas run as plain processes");
	*ret = oci;
	return RC_OK;
}
