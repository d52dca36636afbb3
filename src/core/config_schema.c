/* The JSON Schema of penstock.yml, from the table that reads it. */
#include "base/json.h"
#include "core/config_impl.h"

static void write_map(struct json_out *o, const char *name, const struct keys *keys,
		      const char *help);

static void write_names(struct json_out *o, const struct key *key)
{
	if (key->nnames) {
		json_list(o, "enum");
		for (size_t i = 0; i < key->nnames; i++)
			json_cstr(o, NULL, key->names[i]);
		json_unlist(o);
	}
}

/* A text. What looks like a number or a truth (`user: 65532`) is as good as one here. */
static void write_text(struct json_out *o, const char *name, const struct key *key, bool with_help)
{
	json_open(o, name);
	if (with_help && key->help)
		json_cstr(o, "description", key->help);
	if (key->nnames) {
		json_cstr(o, "type", "string");
	} else {
		json_list(o, "type");
		json_cstr(o, NULL, "string");
		json_cstr(o, NULL, "number");
		json_cstr(o, NULL, "boolean");
		json_unlist(o);
	}
	write_names(o, key);
	if (key->pattern && key->kind != KEY_PAIRS)
		json_cstr(o, "pattern", key->pattern);
	json_close(o);
}

static void write_texts(struct json_out *o, const struct key *key)
{
	json_open(o, key->name);
	json_cstr(o, "description", key->help);
	json_list(o, "anyOf");
	write_text(o, NULL, key, false);
	json_open(o, NULL);
	json_cstr(o, "type", "array");
	write_text(o, "items", key, false);
	if (key->unique)
		json_bool(o, "uniqueItems", true);
	json_u64(o, "maxItems", LIST_MAX);
	json_close(o);
	json_unlist(o);
	json_close(o);
}

static void write_pattern(struct json_out *o, const char *name, const struct key *key,
			  const char *pattern)
{
	json_open(o, name);
	json_cstr(o, "description", key->help);
	json_cstr(o, "type", "string");
	json_cstr(o, "pattern", pattern);
	json_close(o);
}

/* {"propertyNames": {"pattern": ...}} */
static void write_allowed_names(struct json_out *o, const struct key *key)
{
	if (!key->pattern)
		return;
	json_open(o, "propertyNames");
	json_cstr(o, "pattern", key->pattern);
	json_close(o);
}

static void write_collection(struct json_out *o, const struct key *key)
{
	json_open(o, key->name);
	json_cstr(o, "description", key->help);
	json_list(o, "type");
	json_cstr(o, NULL, key->kind == KEY_LIST ? "array" : "object");
	json_cstr(o, NULL, "null");
	json_unlist(o);
	if (key->kind == KEY_LIST) {
		write_map(o, "items", key->sub, NULL);
		json_u64(o, "maxItems", key->max);
	} else if (key->kind == KEY_NAMED) {
		write_allowed_names(o, key);
		write_map(o, "additionalProperties", key->sub, NULL);
	} else {
		write_allowed_names(o, key);
		json_open(o, "additionalProperties");
		json_list(o, "type");
		json_cstr(o, NULL, "string");
		json_cstr(o, NULL, "number");
		json_cstr(o, NULL, "boolean");
		if (!key->check)
			json_cstr(o, NULL, "null");
		json_unlist(o);
		json_close(o);
	}
	json_close(o);
}

static void write_key(struct json_out *o, const struct key *key)
{
	switch (key->kind) {
	case KEY_LATER:
		return;
	case KEY_TEXT:
	case KEY_FLAG:
		write_text(o, key->name, key, true);
		return;
	case KEY_TEXTS:
		write_texts(o, key);
		return;
	case KEY_PAIRS:
	case KEY_NAMED:
	case KEY_LIST:
		write_collection(o, key);
		return;
	case KEY_MAP:
		write_map(o, key->name, key->sub, key->help);
		return;
	case KEY_SHARE:
		write_pattern(o, key->name, key, "^[0-9]+(\\.[0-9]+)?%$");
		return;
	case KEY_DURATION:
		write_pattern(o, key->name, key, "^([0-9]+(ms|s|m|h|d))+$");
		return;
	case KEY_SIZE:
		json_open(o, key->name);
		json_cstr(o, "description", key->help);
		json_raw(
			o, "anyOf",
			STR("[{\"type\":\"integer\"},{\"type\":\"string\",\"pattern\":\"^[0-9]+(Ki|Mi|Gi|Ti|k|M|G|T)?$\"}]"));
		json_close(o);
		return;
	case KEY_BOOL:
		json_open(o, key->name);
		json_cstr(o, "description", key->help);
		json_cstr(o, "type", "boolean");
		json_close(o);
		return;
	case KEY_COUNT:
		json_open(o, key->name);
		json_cstr(o, "description", key->help);
		json_cstr(o, "type", "integer");
		json_u64(o, "minimum", key->min);
		json_u64(o, "maximum", key->max);
		json_close(o);
		return;
	case KEY_OWN:
		json_open(o, key->name);
		json_cstr(o, "description", key->help);
		json_list(o, "allOf");
		json_raw(o, NULL, str_of(key->schema));
		json_unlist(o);
		json_close(o);
		return;
	}
}

static void write_object(struct json_out *o, const struct keys *keys)
{
	bool required = false;

	json_list(o, "type");
	json_cstr(o, NULL, "object");
	json_cstr(o, NULL, "null");
	json_unlist(o);
	json_open(o, "properties");
	for (size_t i = 0; i < keys->n; i++)
		write_key(o, &keys->v[i]);
	json_close(o);
	for (size_t i = 0; i < keys->n; i++) {
		if (keys->v[i].required && !required)
			json_list(o, "required");
		required |= keys->v[i].required;
		if (keys->v[i].required)
			json_cstr(o, NULL, keys->v[i].name);
	}
	if (required)
		json_unlist(o);
	if (keys->other)
		write_map(o, "additionalProperties", keys->other->sub, NULL);
	else
		json_bool(o, "additionalProperties", false);
}

/* In place of a word: {"anyOf": [{"enum": [...]}, {...}]}. */
static void write_map(struct json_out *o, const char *name, const struct keys *keys,
		      const char *help)
{
	json_open(o, name);
	if (help)
		json_cstr(o, "description", help);
	if (!keys->word) {
		write_object(o, keys);
	} else {
		json_list(o, "anyOf");
		json_open(o, NULL);
		json_list(o, "enum");
		for (size_t i = 0; i < keys->n; i++)
			if (keys->v[i].kind != KEY_LATER)
				json_cstr(o, NULL, keys->v[i].name);
		json_unlist(o);
		json_close(o);
		json_open(o, NULL);
		write_object(o, keys);
		json_u64(o, "minProperties", 1);
		json_u64(o, "maxProperties", 1);
		json_close(o);
		json_unlist(o);
	}
	json_close(o);
}

void config_schema(struct strbuf *to)
{
	struct json_out o = JSON_OUT(to);

	json_open(&o, NULL);
	json_cstr(&o, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_cstr(&o, "title", "penstock.yml");
	write_object(&o, &keys_top);
	json_close(&o);
}
