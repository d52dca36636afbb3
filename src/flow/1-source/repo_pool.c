#include "flow/1-source/repo_pool.h"

#include "base/mem.h"
#include "base/vec.h"

#include <pthread.h>
#include <sys/stat.h>

#define IDLE_MAX 8

struct repo_pool {
	pthread_mutex_t lock;
	VEC(struct repo_held) idle; /* the last one that was given back is the last */
};

struct repo_pool *repo_pool_new(void)
{
	struct repo_pool *p = xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void repo_pool_free(struct repo_pool *p)
{
	if (!p)
		return;
	vec_each(h, &p->idle)
		repo_free(h->repo);
	vec_done(&p->idle);
	pthread_mutex_destroy(&p->lock);
	xfree(p);
}

static bool find_idle(struct repo_pool *p, const char *path, struct repo_held *ret)
{
	bool found = false;

	pthread_mutex_lock(&p->lock);
	for (size_t i = p->idle.n; !found && i-- > 0;) {
		const struct repo_held *h = &p->idle.v[i];

		if (h->dev != ret->dev || h->ino != ret->ino || !streq(repo_path(h->repo), path))
			continue;
		ret->repo = h->repo;
		vec_remove(&p->idle, i);
		found = true;
	}
	pthread_mutex_unlock(&p->lock);
	return found;
}

enum rc repo_take(struct repo_pool *p, const char *path, struct repo_held *ret, struct err *err)
{
	struct repo_held h = {.pool = p};
	struct stat st;

	if (stat(path, &st) == 0) {
		h.dev = st.st_dev;
		h.ino = st.st_ino;
		if (find_idle(p, path, &h)) {
			*ret = h;
			return RC_OK;
		}
	}
	enum rc rc = repo_open(path, &h.repo, err);
	if (rc == RC_OK)
		*ret = h;
	return rc;
}

void repo_give(struct repo_held *h)
{
	struct repo *over = h->repo;

	if (h->repo && h->good && h->ino) {
		pthread_mutex_lock(&h->pool->lock);
		vec_push(&h->pool->idle, *h);
		over = h->pool->idle.n > IDLE_MAX ? h->pool->idle.v[0].repo : NULL;
		if (over)
			vec_remove(&h->pool->idle, 0);
		pthread_mutex_unlock(&h->pool->lock);
	}
	repo_free(over);
	*h = (struct repo_held){0};
}
