/* The demo's frame: make a world, play, show, wait, clean up. */
#include "base/log.h"
#include "io/clock.h"
#include "main/demo.h"
#include <signal.h>
#include <unistd.h>

static struct demo *running;

static void on_signal(int signal)
{
	(void)signal;
	if (running)
		running->stop = 1;
}

static int play(struct demo *d, struct err *err)
{
	bool ok = true;

	if (demo_make(d, err) != RC_OK || demo_daemon_start(d, err) != RC_OK)
		return 3;
	demo_say(d, "project folder: %s", d->dir);
	demo_say_pages(d);
	demo_play(d);
	vec_each(r, &d->results)
		ok = ok && r->ok;
	if (!d->o.json_only)
		demo_table(d);
	if (d->o.json && demo_write_json(d, d->o.json, err) != RC_OK)
		return 3;
	if (!d->o.exit && !d->stop) {
		printf("\nEverything is still up. See it with\n  %s status --data %s\n", d->self,
		       d->data);
		if (d->token)
			printf("or in a browser at http://127.0.0.1:%u, signed in with\n  %s\n",
			       d->port, d->token);
		printf("Ctrl-C ends it.\n");
		fflush(stdout);
		while (!d->stop) {
			demo_read(d);
			clock_sleep(100 * USEC_MS);
		}
	}
	return ok && !d->broken && d->results.n ? 0 : 1;
}

int demo_run(const struct demo_options *o, bool tty, unsigned width)
{
	struct demo d = {.o = *o,
			 .rate = o->rate,
			 .tty = tty,
			 .width = width,
			 .daemon = {0, -1},
			 .door_base = 18080,
			 .replica_base = 20000};
	struct sigaction quit = {.sa_handler = on_signal};
	struct err err = {0};

	model_init(&d.model);
	running = &d;
	sigaction(SIGINT, &quit, NULL);
	sigaction(SIGTERM, &quit, NULL);
	signal(SIGPIPE, SIG_IGN);
	int code = play(&d, &err);
	if (code == 3)
		fprintf(stderr, "penstock demo: %s\n", err.msg);
	if (code == 3 && d.dir)
		fprintf(stderr, "penstock demo: the folder %s is kept\n", d.dir);
	d.o.keep = d.o.keep || code != 0;
	demo_free(&d);
	running = NULL;
	return code;
}
