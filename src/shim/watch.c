/* Signals and the folder, as two descriptors to poll. */
#include "shim/shim.h"

#include <errno.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LOOK_EVERY_NS 200000000

/* Without inotify: a look at the folder now and then. */
static void poll_instead(struct watch *w)
{
	fd_drop(&w->folder);
	w->polled = true;
	w->folder = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

static bool set_timer(const struct watch *w, long ns)
{
	const struct itimerspec every = {{.tv_nsec = ns}, {.tv_nsec = ns}};

	return timerfd_settime(w->folder, 0, &every, NULL) == 0;
}

enum rc watch_signals(struct watch *w, struct err *err)
{
	sigset_t set;

	*w = (struct watch){.signals = -1, .folder = -1, .at = -1};
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	w->folder = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->folder < 0)
		poll_instead(w);
	if (w->signals < 0 || w->folder < 0)
		return err_errno(err, errno, "signalfd, inotify");
	return RC_OK;
}

enum rc watch_folder(struct watch *w, const char *dir, const char *name, struct err *err)
{
	w->dir = dir;
	w->name = name;
	w->child = false;
	if (!w->polled) {
		w->at = inotify_add_watch(w->folder, dir, IN_CREATE | IN_MOVED_TO);
		if (w->at < 0 && (errno == ENOSPC || errno == ENOMEM))
			poll_instead(w);
	}
	if (w->polled ? !set_timer(w, LOOK_EVERY_NS) : w->at < 0)
		return err_errno(err, errno, "watch %s", dir);
	w->end = w->killed || path_is(dir, name);
	return RC_OK;
}

enum rc watch_open(struct watch *w, const char *dir, const char *name, struct err *err)
{
	enum rc rc = watch_signals(w, err);

	return rc == RC_OK ? watch_folder(w, dir, name, err) : rc;
}

void watch_rest(struct watch *w)
{
	if (w->polled)
		(void)set_timer(w, 0);
	else if (w->at >= 0)
		inotify_rm_watch(w->folder, w->at);
	w->at = -1;
	w->dir = NULL;
}

void watch_done(struct watch *w)
{
	fd_drop(&w->signals);
	fd_drop(&w->folder);
}

void watch_read(struct watch *w)
{
	struct signalfd_siginfo info;
	_Alignas(struct inotify_event) char buf[4096];
	bool moved = false;

	while (read(w->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			w->child = true;
		else if (info.ssi_signo != SIGHUP)
			w->end = w->killed = true;
	}
	while (read(w->folder, buf, sizeof(buf)) > 0)
		moved = true;
	if (moved && w->dir && !w->end)
		w->end = path_is(w->dir, w->name);
}
