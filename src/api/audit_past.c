/* A check of the chain begins with what left the journal: the archives, a piece at a time. On a worker. */
#include "api/audit.h"
#include "store/archive.h"

struct past {
	char *dir;
	uint64_t next,
		until; /* the first record that was in no archive so far; the last that is asked for */
	struct archive_check *check; /* of the one that is being read; NULL: none */
	char *name;                  /* of the one that was opened last */
	bool over;
	struct seq_range now; /* that it says to hold */
	/* what came of it */
	uint64_t checked, bad;
	struct store_report whole, last; /* of all of them, of the one that was read last */
	VEC(struct seq_range) missing;
};

struct past *past_new(const char *dir, uint64_t from, uint64_t until)
{
	struct past *p = xcalloc(1, sizeof(*p));

	p->dir = xstrdup(dir);
	p->next = from;
	p->until = until;
	return p;
}

void past_free(struct past *p)
{
	if (!p)
		return;
	archive_check_free(p->check);
	vec_done(&p->missing);
	xfree(p->name);
	xfree(p->dir);
	xfree(p);
}

/* The folder is read each time: more may have been archived while we read. */
static enum rc open_next(struct past *p, struct err *err)
{
	AUTO(archives_done) struct archives have = {0};
	const struct archive *found = NULL;
	enum rc rc = archives_list(p->dir, &have, err);

	vec_each(a, &have.list)
		if (!found && a->to >= p->next && a->from <= p->until)
			found = a;
	if (rc != RC_OK || !found)
		return rc;
	xfree(p->name);
	p->name = xstrdup(strrchr(found->path, '/') + 1);
	p->now = (struct seq_range){found->from, found->to};
	rc = archive_check_open(found, &p->check, err);
	return rc == RC_OK ? rc : err_wrap(err, "%s", p->name);
}

static void note_missing(struct past *p, uint64_t from, uint64_t to)
{
	if (from <= to)
		vec_push(&p->missing, ((struct seq_range){from, to}));
}

static enum rc close_one(struct past *p, const struct store_report *r, struct err *err)
{
	if (p->last.records && r->from == p->last.to + 1 && !digest_eq(r->before, p->last.hash)) {
		p->bad = r->from;
		return err_set(err, RC_CORRUPT, "it does not go on from the archive before it");
	}
	note_missing(p, p->next, r->from - 1);
	if (!p->whole.records)
		p->whole = *r;
	p->last = *r;
	p->whole.to = r->to;
	p->whole.last = r->last;
	p->whole.hash = r->hash;
	p->checked += r->records;
	p->next = r->to + 1;
	return RC_OK;
}

enum rc past_check(struct past *p, size_t n, bool *ret_more, struct err *err)
{
	bool more = false;
	enum rc rc = p->check ? RC_OK : open_next(p, err);

	*ret_more = false;
	if (rc != RC_OK || !p->check)
		return rc;
	rc = archive_check_next(p->check, n, &more, err);
	const struct store_report *r = archive_check_report(p->check);
	if (rc != RC_OK)
		p->bad = r->records ? r->to + 1 : p->now.from;
	else if (!more)
		rc = close_one(p, r, err);
	*ret_more = rc == RC_OK;
	if (rc == RC_OK && !more) {
		archive_check_free(p->check);
		p->check = NULL;
	}
	return rc == RC_OK ? rc : err_wrap(err, "archive/%s", p->name);
}

enum rc past_join(struct past *p, struct record *anchor, struct err *err)
{
	if (p->last.records && p->last.to >= anchor->seq) {
		if (p->last.to == anchor->seq && !digest_eq(p->last.hash, anchor->hash)) {
			p->bad = anchor->seq;
			return err_set(err, RC_CORRUPT,
				       "the journal does not go on from its archives: record %llu "
				       "has another hash there",
				       (unsigned long long)anchor->seq);
		}
		anchor->seq = p->last.to;
		anchor->hash = p->last.hash;
	}
	note_missing(p, p->next, MIN_OF(anchor->seq, p->until));
	p->over = true;
	return RC_OK;
}

uint64_t past_checked(const struct past *p)
{
	return p->checked + (p->check ? archive_check_report(p->check)->records : 0);
}

uint64_t past_missing(const struct past *p)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->missing.n; i++)
		n += p->missing.v[i].to - p->missing.v[i].from + 1;
	return n;
}

const struct store_report *past_report(const struct past *p)
{
	return &p->whole;
}

uint64_t past_bad(const struct past *p)
{
	return p->bad;
}

void past_write(const struct past *p, struct json_out *o, bool ended)
{
	if (p->name && (p->bad || !p->over)) {
		AUTO(freep) char *name = xasprintf("archive/%s", p->name);

		json_cstr(o, "archive", name);
	}
	if (!ended || !p->missing.n)
		return;
	json_list(o, "missing");
	for (size_t i = 0; i < p->missing.n; i++) {
		json_open(o, NULL);
		json_u64(o, "from", p->missing.v[i].from);
		json_u64(o, "to", p->missing.v[i].to);
		json_close(o);
	}
	json_unlist(o);
}
