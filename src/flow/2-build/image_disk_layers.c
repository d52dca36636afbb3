/* The layers of an image, up to four at a time: each thread has a connection and a login of its own. */
#include "flow/2-build/image_disk.h"

#include <pthread.h>

#define AT_A_TIME 4u

struct layers {
	const struct image_source *s;
	const struct oci_manifest *m;
	pthread_mutex_t lock;
	size_t next;
	struct err err; /* the first that failed; the others are not begun */
};

/* The next layer to be fetched; the same digest may stand in an image twice, and is fetched by who has its first. */
static const struct oci_desc *next(struct layers *l)
{
	const struct oci_desc *ret = NULL;

	pthread_mutex_lock(&l->lock);
	while (l->next < l->m->layers.n && !ret && l->err.rc == RC_OK) {
		ret = &l->m->layers.v[l->next];
		for (size_t i = 0; i < l->next; i++)
			if (ret && streq(l->m->layers.v[i].digest, ret->digest))
				ret = NULL;
		l->next++;
	}
	pthread_mutex_unlock(&l->lock);
	return ret;
}

static void *fetch(void *arg)
{
	struct layers *l = arg;
	struct registry *r = l->s->registry ? registry_new(l->s->name, l->s->options) : NULL;
	const struct oci_desc *d;

	while ((d = next(l))) {
		struct err err = {0};
		if (image_blob(l->s, r, d, &err) == RC_OK)
			continue;
		pthread_mutex_lock(&l->lock);
		if (l->err.rc == RC_OK)
			l->err = err;
		pthread_mutex_unlock(&l->lock);
	}
	registry_free(r);
	return NULL;
}

enum rc image_layers(const struct image_source *s, const struct oci_manifest *m, struct err *err)
{
	struct layers l = {.s = s, .m = m, .lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_t threads[AT_A_TIME];
	size_t n = 0;

	/* What does not start is no loss: this thread fetches, too. */
	while (n + 1 < AT_A_TIME && n + 1 < m->layers.n &&
	       pthread_create(&threads[n], NULL, fetch, &l) == 0)
		n++;
	fetch(&l);
	while (n)
		pthread_join(threads[--n], NULL);
	pthread_mutex_destroy(&l.lock);
	if (l.err.rc != RC_OK && err)
		*err = l.err;
	return l.err.rc;
}
