/*
 * `penstock demo`: a project folder, a daemon, a steady load, and eight scenes. The demo only pushes commits, changes the load and kills the daemon once; all
 * that it prints about the way of a commit is read back from the journal and replayed through the same step() that decided it.
 */
#pragma once
#include "core/step.h"
#include "io/child.h"
#include "io/loadgen.h"
#include "ports/store.h"

struct demo_options {
	bool exit, keep, json_only;
	const char *scenes;
	const char *json;
	const char *dir;
	double rate;
	bool processes;
};

struct demo_check {
	char *text;
	bool ok;
};
struct scene_result {
	const char *id, *title;
	bool ran, ok;
	VEC(struct demo_check) checks;
	struct loadgen_stats before, after; /* what clients saw in it */
	usec_t began, ended;
	/* the release's way; 0: did not get there */
	usec_t pushed, artifact, staged, gated, live;
	usec_t harm, verdict, zero_ordered, zero_confirmed;
	char *release;
};

struct demo {
	struct demo_options o;
	char *self;     /* this program */
	char *examples; /* folder with shop/ and changes/ */
	char *dir, *bare, *work, *data;
	uint32_t door_base, replica_base;
	uint16_t port; /* of the pages; 0: none, when nobody looks */
	char *token;   /* that signs in there */
	struct child daemon;
	struct loadgen *load;
	double rate;
	struct store *store; /* read-only */
	struct model model;  /* the journal, replayed */
	bool broken;         /* replay and journal disagree */
	usec_t zero;         /* time of the first record */
	bool tty, in_place;
	unsigned width;
	VEC(struct scene_result) results;
	volatile int stop;
};

/* Plays all of it; the exit code. */
int demo_run(const struct demo_options *o, bool tty, unsigned width);

/* demo_world.c: folders, Git, the daemon, the load */
MUST_CHECK enum rc demo_make(struct demo *d, struct err *err);
MUST_CHECK enum rc demo_daemon_start(struct demo *d, struct err *err);
void demo_daemon_kill(struct demo *d);
/* Where to look in a browser, and with what to sign in; nothing when there is no port. */
void demo_say_pages(struct demo *d);
MUST_CHECK enum rc demo_load_start(struct demo *d, struct err *err);
MUST_CHECK enum rc demo_push_change(struct demo *d, const char *name, char **ret_commit,
				    struct err *err);
MUST_CHECK enum rc demo_push_first(struct demo *d, char **ret_commit, struct err *err);
MUST_CHECK enum rc demo_push_revert(struct demo *d, const char *commit, char **ret_commit,
				    struct err *err);
MUST_CHECK enum rc demo_git_tip(struct demo *d, char **ret_commit, char **ret_subject,
				struct err *err);
void demo_free(struct demo *d);
/* demo_journal.c: read what is new; true when anything was. Calls demo_line() for each event. */
bool demo_read(struct demo *d);
/* Read until done(ctx) or `limit` has passed. */
bool demo_wait(struct demo *d, usec_t limit, bool (*done)(struct demo *d, void *ctx), void *ctx);
/* The newest run of a commit; its release. NULL: not there yet. */
struct run *demo_run_of(struct demo *d, const char *commit);
struct release *demo_release_of(struct demo *d, const char *commit);
struct rollout *demo_rollout(struct demo *d, const char *release, const char *environment,
			     const char *unit);
/* demo_lines.c */
void demo_line(struct demo *d, const struct record *r, const struct event *ev);
void demo_say(struct demo *d, const char *fmt, ...) PRINTF(2, 3);
void demo_heading(struct demo *d, const char *fmt, ...) PRINTF(2, 3);
/* demo_scenes.c */
void demo_play(struct demo *d);
/* demo_table.c */
void demo_table(struct demo *d);
MUST_CHECK enum rc demo_write_json(struct demo *d, const char *path, struct err *err);
