/* What Penstock needs of a machine, each tried for real. */
#include "base/mem.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"
#include "main/house.h"
#include "main/local_doctor.h"
#include "main/zone.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DISK_NEEDED  ((uint64_t)1 << 30)
#define DISK_GOOD    ((uint64_t)5 << 30)
#define FILES_GOOD   4096u

static void found(struct finding *f, enum health health, const char *fix, const char *fmt, ...)
	PRINTF(4, 5);
static void found(struct finding *f, enum health health, const char *fix, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->says, sizeof(f->says), fmt, ap);
	va_end(ap);
	snprintf(f->fix, sizeof(f->fix), "%s", health == HEALTH_OK ? "" : fix);
	f->health = health;
}

/* The first line that a program prints. False: it is not there, or says no. */
static bool try_program(const char *const *argv, char *line, size_t size)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF(65536);
	struct child_run run = {.spec = {.argv = argv, .fds = {-1, -1, -1, -1}},
				.timeout = 10 * USEC_SEC};
	struct err err = {0};
	int code = 0;

	if (child_capture(&run, &out, NULL, &code, &err) != RC_OK) {
		snprintf(line, size, "%.200s", err.msg);
		return false;
	}
	struct str rest = strbuf_str(&out), first = str_trim(str_cut(&rest, '\n'));
	snprintf(line, size, "%.*s", (int)MIN_OF(first.n, (size_t)200), first.n ? first.p : "");
	return code == 0;
}

static void look_git(const char *data, struct finding *f)
{
	static const char *const argv[] = {"git", "--version", NULL};
	char line[256];

	(void)data;
	if (try_program(argv, line, sizeof(line)))
		found(f, HEALTH_OK, "", "%s", line);
	else
		found(f, HEALTH_MISSING, "apt-get install git", "git is needed to push: %s", line);
}

static void look_shim(const char *data, struct finding *f)
{
	AUTO(freep) char *path = shim_path();

	(void)data;
	if (access(path, X_OK) == 0)
		found(f, HEALTH_OK, "", "%s", path);
	else
		found(f, HEALTH_MISSING,
		      "install penstock-shim beside penstock (make install), or set PENSTOCK_SHIM",
		      "%s is not there: it holds jobs and services", path);
}

static const char *find_bwrap(void)
{
	static const char *const places[] = {"/usr/bin/bwrap", "/usr/local/bin/bwrap",
					     "/bin/bwrap"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

/* With the namespaces that jobs get. */
static void look_sandbox(const char *data, struct finding *f)
{
	const char *bwrap = find_bwrap();
	const char *const argv[] = {bwrap,
				    "--unshare-pid",
				    "--unshare-ipc",
				    "--unshare-uts",
				    "--unshare-net",
				    "--ro-bind",
				    "/",
				    "/",
				    "--die-with-parent",
				    "--new-session",
				    "--cap-drop",
				    "ALL",
				    "--proc",
				    "/proc",
				    "--dev",
				    "/dev",
				    "--",
				    "/bin/true",
				    NULL};
	char line[256];

	(void)data;
	if (!bwrap)
		found(f, HEALTH_MISSING, "apt-get install bubblewrap",
		      "bubblewrap is not installed: jobs run in it");
	else if (try_program(argv, line, sizeof(line)))
		found(f, HEALTH_OK, "", "bubblewrap starts a sandbox");
	else
		found(f, HEALTH_MISSING,
		      "sysctl -w kernel.unprivileged_userns_clone=1 "
		      "kernel.apparmor_restrict_unprivileged_userns=0, or run as root",
		      "bubblewrap cannot start a sandbox: %s", line);
}

static void look_haproxy(const char *data, struct finding *f)
{
	struct err err = {0};

	(void)data;
	if (route_probe(&err) == RC_OK)
		found(f, HEALTH_OK, "", "HAProxy can split traffic");
	else
		found(f, HEALTH_MISSING, "apt-get install haproxy", "%s", err.msg);
}

static void look_runtime(const char *data, struct finding *f)
{
	struct runtime_oci oci;
	struct err err = {0};

	(void)data;
	if (runtime_probe(&oci, &err) == RC_OK)
		found(f, HEALTH_OK, "", "%s starts containers", oci.path);
	else
		found(f, HEALTH_WARN, "apt-get install runc (containers also need root)",
		      "services run as processes, not as containers: %s", err.msg);
}

static void look_cgroups(const char *data, struct finding *f)
{
	struct statfs fs;
	bool v2 = statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == 0x63677270; /* cgroup2 */
	bool v1 = !v2 && access("/sys/fs/cgroup/memory", F_OK) == 0;

	(void)data;
	if ((v2 && access("/sys/fs/cgroup", W_OK) == 0) ||
	    (v1 && access("/sys/fs/cgroup/memory", W_OK) == 0))
		found(f, HEALTH_OK, "", "cgroup v%d, writable", v2 ? 2 : 1);
	else
		found(f, HEALTH_WARN,
		      v2 || v1 ? "run the daemon as root, or by systemd with Delegate=yes"
			       : "mount -t cgroup2 none /sys/fs/cgroup",
		      "%s: memory limits of jobs cannot be held",
		      v2 || v1 ? "cgroups are read-only here" : "no cgroups are mounted");
}

static bool port_is_free(uint16_t port)
{
	AUTO(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return true;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return bind(fd, (const struct sockaddr *)(const void *)&at, sizeof(at)) == 0 ||
	       errno != EADDRINUSE;
}

static void look_ports(const char *data, struct finding *f)
{
	static const uint16_t ports[] = {7400, 18080, 18081, 18082, 18083, 20000, 20001};
	AUTO(freep) char *sock = xasprintf("%s/penstock.sock", data);
	AUTO(strbuf_done) struct strbuf taken = STRBUF(200);

	for (size_t i = 0; i < ARRAY_LEN(ports); i++)
		if (!port_is_free(ports[i]))
			strbuf_addf(&taken, "%s%u", taken.n ? ", " : "", ports[i]);
	if (!taken.n)
		found(f, HEALTH_OK, "",
		      "the usual ones are free: 7400 (API), 18080 on (front doors), 20000 on (replicas)");
	else if (file_exists(sock))
		found(f, HEALTH_OK, "",
		      "of the usual ports these are in use, and a daemon runs here: %s",
		      strbuf_cstr(&taken));
	else
		found(f, HEALTH_WARN,
		      "ss -ltnp shows who has them; others are taken where they are in use",
		      "in use on 127.0.0.1: %s", strbuf_cstr(&taken));
}

/* The folder itself, or the nearest one above it that exists. The caller's. */
static char *existing(const char *data)
{
	char *path = *data == '/' ? xstrdup(data) : xasprintf("./%s", data);

	while (!file_exists(path)) {
		char *slash = strrchr(path, '/');
		if (!slash || slash == path) {
			xfree(path);
			return xstrdup(slash ? "/" : ".");
		}
		*slash = '\0';
	}
	return path;
}

static void look_disk(const char *data, struct finding *f)
{
	AUTO(freep) char *path = existing(data);
	AUTO(strbuf_done) struct strbuf size = STRBUF(64);
	struct err err = {0};
	uint64_t n = 0;

	if (disk_free(path, &n, &err) != RC_OK) {
		found(f, HEALTH_WARN, "check the disk", "%s", err.msg);
		return;
	}
	strbuf_add_size(&size, n);
	found(f,
	      n < DISK_NEEDED ? HEALTH_MISSING
	      : n < DISK_GOOD ? HEALTH_WARN
			      : HEALTH_OK,
	      "make room, or use another disk with --data DIR", "%s free at %s", strbuf_cstr(&size),
	      path);
}

static void look_files(const char *data, struct finding *f)
{
	struct rlimit limit = {0};

	(void)data;
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	found(f, limit.rlim_max < FILES_GOOD ? HEALTH_WARN : HEALTH_OK,
	      "ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit",
	      "%llu open files (hard limit %llu)", (unsigned long long)limit.rlim_cur,
	      (unsigned long long)limit.rlim_max);
}

static void look_data(const char *data, struct finding *f)
{
	AUTO(freep) char *path = existing(data);
	AUTO(freep) char *probe = xasprintf("%s/.penstock-doctor.%ld", path, (long)getpid());
	AUTO(freep)
	char *fix = xasprintf("chown %u %s, or use another folder with --data DIR",
			      (unsigned)geteuid(), path);
	AUTO(fd_close)
	int fd = open(probe, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		found(f, HEALTH_MISSING, fix, "%s cannot be written: %s", path, strerror(errno));
		return;
	}
	bool full = write(fd, "x", 1) != 1;
	(void)unlink(probe);
	if (full)
		found(f, HEALTH_MISSING, "make room on that disk", "%s is full", path);
	else
		found(f, HEALTH_OK, "", "%s%s", data,
		      file_exists(data) ? " is writable" : " will be made");
}

static void look_clock(const char *data, struct finding *f)
{
	struct timex t = {0};
	char text[TIME_TEXT];
	usec_t now = clock_wall();
	const struct civil least = {.year = 2024, .month = 1, .day = 1};

	(void)data;
	time_text(now, text);
	if (now / USEC_SEC < (usec_t)civil_seconds(&least))
		found(f, HEALTH_MISSING,
		      "apt-get install systemd-timesyncd, or set it: date -s ...",
		      "the clock says %s", text);
	else if (adjtimex(&t) == TIME_ERROR)
		found(f, HEALTH_WARN, "apt-get install systemd-timesyncd (or chrony)",
		      "%s; the clock is not kept by a time service", text);
	else
		found(f, HEALTH_OK, "", "%s, kept by a time service", text);
}

static void look_zones(const char *data, struct finding *f)
{
	(void)data;
	if (zone_rule("Europe/Berlin", NULL))
		found(f, HEALTH_OK, "", "time zones by name are known");
	else
		found(f, HEALTH_WARN, "apt-get install tzdata",
		      "no time zones: windows in penstock.yml can only be in UTC");
}

const struct check doctor_checks[] = {
	{"git", look_git},         {"shim", look_shim},          {"sandbox", look_sandbox},
	{"haproxy", look_haproxy}, {"containers", look_runtime}, {"cgroups", look_cgroups},
	{"ports", look_ports},     {"disk", look_disk},          {"files", look_files},
	{"data", look_data},       {"clock", look_clock},        {"zones", look_zones},
};
const unsigned n_doctor_checks = ARRAY_LEN(doctor_checks);
