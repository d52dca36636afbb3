/* Parts of what several commands draw, from the API's JSON. */
#pragma once
#include "cli/client.h"

/* "5 % [bar] baking ..." of a rollout, in one line. */
void view_rollout(struct strbuf *to, const struct term *t, const struct json *rollout);
/* The verdict's numbers in words: "312 requests, 2 errors (stable 5,931, 3); needs 142 more". */
void view_numbers(struct strbuf *to, const struct json *numbers);
/* Its state; of one that went live whether it still is: live, replaced, rolled_back. */
const char *view_release_state(const struct json *release);
/* A failed job: what it is, its likely cause, where its log is. */
void view_failure(struct cli *c, const struct json *job);
/* The lines of a job's likely cause, indented; false: there are none. */
bool view_cause(struct cli *c, const char *id);
/* A text of several lines without any control character but their ends and tabs. */
void view_plain(struct strbuf *to, struct str text);
/* A time as "12:04:31" or, on another day, "2026-01-31 12:04". UTC. */
void view_time(struct strbuf *to, uint64_t at);
/* The first lines of a whole status. */
void view_status(struct strbuf *to, const struct term *t, const struct json *status);
uint64_t now_usec(void);
