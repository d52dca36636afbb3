/* The environment of a program: what is declared, and three defaults. */
#include "shim/shim.h"

static void add(shim_texts *to, const char *key, const char *value)
{
	char *text = xasprintf("%s=%s", key, value ? value : "");
	size_t name = strlen(key) + 1;

	for (size_t i = 0; i < to->n; i++)
		if (!strncmp(to->v[i], text, name)) {
			xfree(to->v[i]);
			to->v[i] = text;
			return;
		}
	vec_push(to, text);
}

void env_of(const struct shim_spec *spec, shim_texts *ret)
{
	add(ret, "PATH", DEFAULT_PATH);
	add(ret, "HOME", "/tmp");
	add(ret, "LANG", "C.UTF-8");
	for (size_t i = 0; i < spec->env.n; i++)
		if (spec->env.v[i].key && *spec->env.v[i].key)
			add(ret, spec->env.v[i].key, spec->env.v[i].value);
	for (size_t i = 0; i < spec->secrets.n; i++)
		if (spec->secrets.v[i].key && *spec->secrets.v[i].key)
			add(ret, spec->secrets.v[i].key, spec->secrets.v[i].value);
}

void texts_free(shim_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i]) {
			mem_wipe(t->v[i], strlen(t->v[i]));
			xfree(t->v[i]);
		}
	vec_done(t);
}
