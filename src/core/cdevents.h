/*
 * Records of the journal as CDEvents (cdevents.dev, specification 0.5.1). Pure: what a record does not say itself (which service a rollout is
 * of) is asked of snapshots, of which only members are used that never change. So the same journal gives the same bytes, ids too: an id is
 * made of the record's hash and the event's place. docs/audit.md has the table.
 */
#pragma once
#include "core/event.h"

#define CDEVENTS_VERSION "0.5.1"

struct strbuf;
struct record;
struct cdevents {
	const char *source; /* URI reference of this installation: "/penstock/shop" */
	const char *
		base; /* where people see things: "https://ci.example.com", without a slash at the end */
	/* The thing into the model, when it is stored. */
	const struct model *known;
	void (*need)(void *ctx, enum aggregate_kind kind, const char *id);
	void *ctx;
};
/* Append the record's events, one JSON object a line; often none. Returns how many. */
size_t cdevents_write(const struct cdevents *o, const struct record *r, const struct event *ev,
		      struct strbuf *to);
